//! What is lost comes again.

use std::time::Duration;

use super::pair::{AUDIO, Sim, VIDEO, quantile};
use smrtc_sim::link::{LinkConfig, Loss};

fn link(loss: Loss) -> LinkConfig {
    LinkConfig {
        delay: Duration::from_millis(20),
        loss,
        ..LinkConfig::default()
    }
}

#[test]
fn nack_recovers_every_frame_of_a_five_packet_burst() {
    let outcome = Sim::pair(3)
        .up(link(Loss::Bursts {
            length: 5,
            start: 0.01,
        }))
        .run(Duration::from_secs(10));
    assert!(
        outcome.lost >= 50,
        "the loss model hardly dropped anything; the test proves nothing"
    );
    assert!(outcome.repeated > 0);
    assert_eq!(outcome.missing(VIDEO), [0_u32; 0]);
    let delays = outcome.delays(VIDEO, 0..10);
    assert!(
        quantile(&delays, 0.5) < Duration::from_millis(50),
        "{:?}",
        quantile(&delays, 0.5)
    );
}

#[test]
fn a_clean_path_sees_no_repetition_and_next_to_no_delay() {
    let outcome = Sim::pair(4).run(Duration::from_secs(10));
    assert_eq!(outcome.repeated, 0);
    assert_eq!(outcome.missing(VIDEO), [0_u32; 0]);
    assert_eq!(outcome.missing(AUDIO), [0_u32; 0]);
    let added = quantile(&outcome.delays(VIDEO, 2..10), 0.95) - Duration::from_millis(20);
    assert!(added <= Duration::from_millis(5), "pacing adds {added:?}");
    assert_eq!(
        quantile(&outcome.delays(AUDIO, 0..10), 1.0),
        Duration::from_millis(20)
    );
}

#[test]
fn most_frames_come_through_thirty_percent_loss_both_ways() {
    let lossy = link(Loss::Random(0.3));
    let outcome = Sim::pair(5)
        .up(lossy)
        .down(lossy)
        .run(Duration::from_secs(20));
    let video = outcome
        .sent
        .iter()
        .filter(|(header, _)| header.track == VIDEO)
        .count();
    assert!(video > 400, "{video} frames");
    let missing = outcome.missing(VIDEO).len();
    assert!(missing * 50 <= video, "{missing} of {video} never came");
}
