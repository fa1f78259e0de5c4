//! The rate follows the path, and only the path.

use std::time::Duration;

use smrtc_engine::Bitrate;

use super::pair::{AUDIO, Outcome, Sim, VIDEO, quantile};
use smrtc_sim::link::{LinkConfig, Loss};

fn kbps(rate: u64) -> LinkConfig {
    LinkConfig {
        rate: Some(Bitrate::from_kbps(rate)),
        ..LinkConfig::default()
    }
}

fn targets(outcome: &Outcome, seconds: std::ops::Range<u64>) -> Vec<u64> {
    seconds.map(|second| outcome.target_kbps(second)).collect()
}

#[test]
fn target_bitrate_follows_a_step_down_of_the_link() {
    let outcome = Sim::pair(11)
        .up(kbps(2_000))
        .then_up(10, kbps(300))
        .then_up(30, kbps(2_000))
        .run(Duration::from_secs(50));
    assert!(
        outcome.target_kbps(9) > 1_000,
        "nothing to step down from: {}",
        outcome.target_kbps(9)
    );
    let narrow = targets(&outcome, 12..30);
    assert!(narrow.iter().all(|&target| target <= 300), "{narrow:?}");
    assert!(narrow.iter().sum::<u64>() / 18 >= 180, "{narrow:?}");
    let late = quantile(&outcome.delays(VIDEO, 15..30), 0.95);
    assert!(late < Duration::from_millis(200), "{late:?}");
    // The narrow link's queue holds 1.28 s; three seconds after the step nothing is left of it.
    let worst = quantile(&outcome.delays(AUDIO, 10..11), 1.0);
    assert!(
        worst > Duration::from_millis(1_000),
        "the queue never filled: {worst:?}"
    );
    let worst = quantile(&outcome.delays(AUDIO, 13..30), 1.0);
    assert!(worst < Duration::from_millis(200), "{worst:?}");
    assert!(
        outcome.target_kbps(36) > 1_400,
        "six seconds after the link is back: {}",
        outcome.target_kbps(36)
    );
}

#[test]
fn random_loss_without_delay_growth_does_not_cut_the_rate() {
    for (seed, loss) in [(21, 0.05), (22, 0.1), (23, 0.3), (24, 0.5)] {
        let lossy = LinkConfig {
            loss: Loss::Random(loss),
            ..LinkConfig::default()
        };
        let outcome = Sim::pair(seed)
            .then_up(5, lossy)
            .run(Duration::from_secs(25));
        let before = outcome.target_kbps(4);
        assert!(outcome.lost > 100, "nothing was lost");
        // What is repeated is taken from the video; the rate itself stays.
        let available = outcome.stats.transport.available_outgoing_bitrate.unwrap() / 1e3;
        assert!(
            available >= before as f64,
            "{available} kbit/s of {before} at {loss} loss"
        );
        assert!(
            outcome
                .stats
                .outbound
                .iter()
                .any(|stats| stats.fraction_lost > loss / 2.0)
        );
    }
}

#[test]
fn jitter_does_not_cut_the_rate() {
    let path = LinkConfig {
        jitter: Duration::from_millis(40),
        ..LinkConfig::default()
    };
    let outcome = Sim::pair(31).up(path).run(Duration::from_secs(20));
    assert!(
        outcome.target_kbps(19) > 1_800,
        "{}",
        outcome.target_kbps(19)
    );
}

#[test]
fn a_narrow_link_is_filled_without_a_standing_queue() {
    for (seed, rate) in [(41, 150), (42, 500), (43, 1_500)] {
        let outcome = Sim::pair(seed).up(kbps(rate)).run(Duration::from_secs(40));
        let delays = outcome.delays(VIDEO, 10..40);
        let targets = targets(&outcome, 10..40);
        let mean = targets.iter().sum::<u64>() / targets.len() as u64;
        let serialization = Duration::from_millis(20 + 2 * 1_000 / 30);
        // Audio takes 54 kbit/s with its headers.
        assert!(mean * 10 >= (rate - 54) * 6, "{mean} kbit/s of {rate} used");
        assert!(
            quantile(&delays, 0.5) < serialization + Duration::from_millis(70),
            "{:?}",
            quantile(&delays, 0.5)
        );
        assert!(
            outcome.missing(AUDIO).is_empty() || seed == 41,
            "audio was lost"
        );
    }
}

#[test]
fn a_longer_way_is_not_taken_for_a_queue_for_long() {
    let longer = LinkConfig {
        delay: Duration::from_millis(170),
        ..LinkConfig::default()
    };
    let outcome = Sim::pair(51)
        .then_up(10, longer)
        .run(Duration::from_secs(30));
    assert!(outcome.target_kbps(9) > 1_500);
    assert!(
        outcome.target_kbps(25) > 1_200,
        "{}",
        outcome.target_kbps(25)
    );
}

#[test]
fn reports_may_be_lost() {
    let lossy = LinkConfig {
        loss: Loss::Random(0.8),
        ..LinkConfig::default()
    };
    let outcome = Sim::pair(61).down(lossy).run(Duration::from_secs(20));
    assert!(
        outcome.target_kbps(19) >= 900,
        "{}",
        outcome.target_kbps(19)
    );
}

#[test]
fn a_dead_path_brings_the_rate_down_and_it_comes_back() {
    let dead = LinkConfig {
        loss: Loss::Random(1.0),
        ..LinkConfig::default()
    };
    let outcome = Sim::pair(71)
        .then_up(5, dead)
        .then_up(15, LinkConfig::default())
        .run(Duration::from_secs(30));
    assert!(outcome.target_kbps(14) < 100, "{}", outcome.target_kbps(14));
    assert!(outcome.target_kbps(29) > 500, "{}", outcome.target_kbps(29));
}
