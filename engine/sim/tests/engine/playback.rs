//! What the subscriber sees and hears of it.

use std::time::Duration;

use smrtc_engine::Instant;

use super::call::Call;
use super::pair::quantile;
use smrtc_sim::link::{LinkConfig, Loss};

const PATH: Duration = Duration::from_millis(20);

#[test]
fn a_clean_path_is_played_with_next_to_no_delay() {
    let played = Call::new(1).run(Duration::from_secs(20));
    assert_eq!(played.frames.len(), played.captured as usize);
    assert!(played.audio().frames_delivered >= 999);
    assert!(played.key_frames_asked.is_empty());
    let delays = played.delays(2..20);
    let (median, p95) = (
        quantile(&delays, 0.5) - PATH,
        quantile(&delays, 0.95) - PATH,
    );
    // A frame of 1 Mbit/s is four packets, which the sender's pacer spreads over a few
    // milliseconds.
    assert!(
        median < Duration::from_millis(5) && p95 < Duration::from_millis(7),
        "{median:?}, {p95:?}"
    );
    let held: Duration = played
        .frames
        .iter()
        .map(|frame| frame.render_at - frame.released)
        .max()
        .expect("some");
    assert!(
        held < Duration::from_millis(1),
        "{held:?} in the jitter buffer"
    );
    assert_eq!(
        (played.video().freeze_count, played.video().nack_count),
        (0, 0)
    );
}

#[test]
fn nack_recovers_bursts_without_a_key_frame() {
    let bursts = LinkConfig {
        loss: Loss::Bursts {
            length: 5,
            start: 0.01,
        },
        ..LinkConfig::default()
    };
    let played = Call::new(2).forward(bursts).run(Duration::from_secs(20));
    assert!(
        played.lost >= 100,
        "the path hardly lost anything; the test proves nothing"
    );
    assert_eq!(played.frames.len(), played.captured as usize);
    assert!(
        played.key_frames_asked.is_empty(),
        "{:?}",
        played.key_frames_asked
    );
    assert!(played.video().retransmitted_packets_received > 0);
}

#[test]
fn five_percent_loss_freezes_nothing() {
    let lossy = LinkConfig {
        loss: Loss::Random(0.05),
        delay: Duration::from_millis(25),
        ..LinkConfig::default()
    };
    let played = Call::new(3)
        .forward(lossy)
        .back(lossy)
        .run(Duration::from_secs(30));
    let video = played.video();
    let gaps: Vec<_> = played
        .frames
        .windows(2)
        .map(|p| {
            (
                p[1].header.frame_id,
                p[1].captured,
                p[1].render_at - p[0].render_at,
            )
        })
        .filter(|g| g.2 > Duration::from_millis(100))
        .collect();
    assert_eq!(video.freeze_count, 0, "{gaps:?}");
    assert!(video.frames_delivered * 100 >= u64::from(played.captured) * 99);
    // WebRTC on such a path: 86 ms and 94 ms with coding and display, 53 % more than without loss.
    let delays = played.delays(5..30);
    let p95 = quantile(&delays, 0.95);
    assert!(p95 <= Duration::from_millis(125), "{p95:?}");
}

#[test]
fn reordering_asks_for_no_key_frame_and_drops_nothing() {
    let jittery = LinkConfig {
        jitter: Duration::from_millis(30),
        reorder: true,
        ..LinkConfig::default()
    };
    let played = Call::new(4).forward(jittery).run(Duration::from_secs(20));
    assert_eq!(played.frames.len(), played.captured as usize);
    assert!(
        played.key_frames_asked.is_empty(),
        "{:?}",
        played.key_frames_asked
    );
    assert_eq!(played.video().freeze_count, 0);
    // Jitter is smoothed: frames are shown as evenly as they were captured, but for the last few
    // per cent.
    let uneven = |pair: &[super::played::ShownFrame]| {
        let shown = pair[1].render_at - pair[0].render_at;
        shown.abs_diff(pair[1].captured - pair[0].captured) > Duration::from_millis(12)
    };
    let settled: Vec<_> = played.frames.iter().skip(150).copied().collect();
    let count = settled.windows(2).filter(|pair| uneven(pair)).count();
    assert!(
        count * 10 <= settled.len(),
        "{count} of {} frames came more than 12 ms off",
        settled.len()
    );
}

#[test]
fn a_frame_that_never_comes_costs_one_key_frame_request() {
    let played = Call::new(5).swallow([100]).run(Duration::from_secs(10));
    assert_eq!(played.key_frames_asked.len(), 1);
    let video = played.video();
    assert_eq!(video.frames_lost, 1);
    assert!(video.dropped.undecodable > 0);
    let shown = played.frames.len() as u64;
    assert_eq!(
        u64::from(played.captured),
        shown + video.dropped.undecodable + video.frames_lost
    );
    // Found missing when the next frame comes, held for 260 ms, and a round trip to the key frame.
    let gap = played
        .frames
        .windows(2)
        .map(|pair| pair[1].render_at - pair[0].render_at)
        .max()
        .expect("some");
    assert!(gap < Duration::from_millis(450), "{gap:?}");
}

#[test]
fn a_layer_left_out_is_no_loss() {
    let played = Call::new(6)
        .leave_out_upper_layer()
        .run(Duration::from_secs(10));
    let video = played.video();
    assert!(played.frames.len() as u32 >= played.captured / 2);
    assert_eq!(
        (
            video.nack_count,
            video.frames_lost,
            played.key_frames_asked.len()
        ),
        (0, 0, 0)
    );
}

#[test]
fn a_lost_layer_frame_is_asked_for_although_others_are_left_out() {
    let lossy = LinkConfig {
        loss: Loss::Random(0.05),
        ..LinkConfig::default()
    };
    let played = Call::new(7)
        .forward(lossy)
        .leave_out_upper_layer()
        .run(Duration::from_secs(20));
    assert!(played.video().retransmitted_packets_received > 0);
    assert!(
        played.key_frames_asked.is_empty(),
        "{:?}",
        played.key_frames_asked
    );
    assert!(played.frames.len() as u32 >= played.captured / 2 - 1);
}

#[test]
fn lip_sync_converges_on_a_jittery_path() {
    let jittery = LinkConfig {
        jitter: Duration::from_millis(15),
        ..LinkConfig::default()
    };
    let held = Duration::from_millis(160);
    let heard_after = PATH + held;
    let played = Call::new(8)
        .forward(jittery)
        .holding_audio(held)
        .run(Duration::from_secs(10));
    let lags: Vec<_> = played
        .frames
        .iter()
        .skip(120)
        .map(|frame| {
            let shown_after = frame.render_at - frame.captured;
            heard_after.as_millis() as i64 - shown_after.as_millis() as i64
        })
        .collect();
    assert!(lags.len() > 100);
    assert!(lags.iter().all(|lag| (-30..=110).contains(lag)), "{lags:?}");
    assert!(
        played
            .delays(5..10)
            .iter()
            .all(|&delay| delay < heard_after),
        "no further than needed"
    );
}

#[test]
fn everything_recovers_after_heavy_loss() {
    let lossy = LinkConfig {
        loss: Loss::Random(0.3),
        ..LinkConfig::default()
    };
    let played = Call::new(9)
        .forward(lossy)
        .back(lossy)
        .run(Duration::from_secs(30));
    let video = played.video();
    assert!(played.lost > 500);
    assert!(
        video.frames_delivered * 10 >= u64::from(played.captured) * 8,
        "{video:#?}"
    );
    let frozen = video.total_freezes_duration / 30.0;
    assert!(
        frozen < 0.1,
        "frozen for {frozen} of the time; WebRTC: 0.27 to 0.30"
    );
}

#[test]
fn repair_packets_spare_the_round_trip() {
    let lossy = LinkConfig {
        loss: Loss::Random(0.2),
        delay: Duration::from_millis(100),
        ..LinkConfig::default()
    };
    let played = Call::new(10)
        .forward(lossy)
        .back(lossy)
        .run(Duration::from_secs(30));
    let video = played.video();
    assert!(played.lost > 500);
    assert!(
        video.frames_recovered > 200,
        "{} frames recovered; the test proves nothing",
        video.frames_recovered
    );
    let delays = played.delays(8..30);
    let median = quantile(&delays, 0.5);
    assert!(
        median < Duration::from_millis(200),
        "{median:?}: asked for again"
    );
    let gap = played
        .frames
        .windows(2)
        .filter(|pair| pair[0].captured > Instant::from_millis(8_000))
        .map(|pair| pair[1].render_at - pair[0].render_at)
        .max();
    assert!(gap < Some(Duration::from_millis(500)), "{gap:?}");
}
