//! No path, however bad, makes either end spin, stall for good or lose count.

use std::time::Duration;

use smrtc_engine::{Bitrate, Instant};
use smrtc_sim::Rng;
use smrtc_sim::link::{LinkConfig, Loss};

use super::call::Call;

fn any_link(rng: &mut Rng) -> LinkConfig {
    let share = rng.fraction() * 0.9;
    LinkConfig {
        delay: Duration::from_millis(rng.below(300)),
        jitter: Duration::from_millis(rng.below(4) * rng.below(100)),
        reorder: rng.below(2) == 0,
        loss: match rng.below(3) {
            0 => Loss::None,
            1 => Loss::Random(share),
            _ => Loss::gilbert(share, 1.0 + rng.fraction() * 20.0),
        },
        rate: (rng.below(2) == 0).then(|| Bitrate::from_kbps(80 + rng.below(3_000))),
        queue_bytes: 2_000 + rng.below(200_000),
        codel: rng.below(2) == 0,
    }
}

/// The books are checked at the end of every run, and both ends are watched for spinning all the
/// time.
#[test]
fn every_frame_is_accounted_for_whatever_the_path_does() {
    let (mut lost, mut recovered, mut duplicates) = (0, 0, 0);
    for seed in 0..24 {
        let mut rng = Rng::new(seed);
        let played = Call::new(seed)
            .forward(any_link(&mut rng))
            .back(any_link(&mut rng))
            .replaying()
            .run(Duration::from_secs(6));
        lost += played.lost;
        recovered += played.video().frames_recovered;
        duplicates += played.video().duplicate_packets_received;
    }
    assert!(
        lost > 1_000 && recovered > 100 && duplicates > 100,
        "{lost} packets lost, {recovered} frames recovered, {duplicates} duplicates; the test proves nothing"
    );
}

#[test]
fn a_call_comes_back_after_a_path_that_let_nothing_through() {
    let dead = LinkConfig {
        loss: Loss::Random(1.0),
        ..LinkConfig::default()
    };
    for seed in 0..3 {
        let played = Call::new(seed)
            .then_forward(4, dead)
            .then_forward(9, LinkConfig::default())
            .run(Duration::from_secs(15));
        let late = played
            .frames
            .iter()
            .filter(|frame| frame.captured > Instant::from_millis(11_000));
        assert!(late.count() > 90, "seed {seed}");
    }
}
