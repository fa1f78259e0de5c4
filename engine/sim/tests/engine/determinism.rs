//! A run is a function of its seed.

use std::time::Duration;

use super::pair::Sim;
use smrtc_engine::Bitrate;
use smrtc_sim::link::{LinkConfig, Loss};

fn trace(seed: u64) -> (u64, u64) {
    let rough = LinkConfig {
        jitter: Duration::from_millis(30),
        reorder: true,
        loss: Loss::Random(0.1),
        rate: Some(Bitrate::from_kbps(800)),
        ..LinkConfig::default()
    };
    let outcome = Sim::pair(seed)
        .up(rough)
        .down(rough)
        .run(Duration::from_secs(10));
    (outcome.trace, outcome.lost)
}

#[test]
fn the_same_seed_gives_the_same_datagrams_at_the_same_times() {
    let first = trace(1);
    assert!(
        first.1 > 50,
        "the path did nothing random; the test proves nothing"
    );
    assert_eq!(first, trace(1));
    assert_ne!(first.0, trace(2).0);
}
