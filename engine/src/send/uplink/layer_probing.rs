//! When to try whether the path bears the next layer of a track.
//!
//! While a layer is not sent nothing shows that there would be room for it, and the controller's
//! rate stays near what is sent. So the repair packets of one frame go out as a burst at the rate
//! that the layer needs ([`crate::cc::Probing`]), again after a pause that grows with each failure.

use core::time::Duration;

use crate::cc::{Probe, Probing};
use crate::time::{Bitrate, Instant};

/// From one trial to the next, doubled after each that failed.
const PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(32);

/// The trials of an uplink.
#[derive(Debug)]
pub(super) struct LayerProbing {
    probing: Probing,
    pause: Duration,
    next: Instant,
}

impl LayerProbing {
    pub(super) fn new() -> Self {
        Self {
            probing: Probing::default(),
            pause: PAUSE,
            next: Instant::ZERO,
        }
    }

    /// Looks at what became of a trial, and begins another if one is due. `wanted` is the rate that
    /// the next layer needs, if one is not sent; `target` the rate that the path is known to bear;
    /// `probed` what the controller says of the last burst.
    pub(super) fn on_time(
        &mut self,
        now: Instant,
        wanted: Option<Bitrate>,
        target: Bitrate,
        probed: Option<Bitrate>,
    ) {
        if let Some(shown) = self.probing.outcome(now, probed) {
            self.pause = if shown {
                PAUSE
            } else {
                (self.pause * 2).min(LONGEST_PAUSE)
            };
            self.next = now + self.pause;
        }
        let Some(wanted) = wanted.filter(|&rate| rate > target) else {
            // Another layer may be wanted next, on another path.
            self.pause = PAUSE;
            return;
        };
        if self.probing.is_idle() && now >= self.next {
            self.probing.begin(now, wanted);
        }
    }

    /// How many repair packets of `bytes` a burst needs of the next frame, on a path that loses the
    /// share `loss`; `None` if no burst waits for a frame.
    pub(super) fn burst(&self, bytes: usize, loss: f64) -> Option<u16> {
        self.probing.packets(bytes, loss)
    }

    /// So many repair packets were queued for the burst.
    pub(super) fn queued(&mut self, packets: u16) {
        self.probing.queued(packets);
    }

    /// Notes a repair packet that goes out; the burst if it was the last of one.
    pub(super) fn on_repair_sent(&mut self, now: Instant, bytes: usize) -> Option<Probe> {
        self.probing.on_sent(now, bytes)
    }

    /// The rate to pace at, if a burst is to be faster than `rate`.
    pub(super) fn pacing_rate(&self, rate: Bitrate) -> Bitrate {
        rate.max(self.probing.rate().unwrap_or(rate))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TARGET: Bitrate = Bitrate::from_kbps(300);
    const WANTED: Bitrate = Bitrate::from_kbps(700);

    fn at(ms: u64) -> Instant {
        Instant::from_millis(ms)
    }

    /// The times, in ms, at which a burst went out in 100 s, each of which showed `probed`.
    fn trials(probed: Bitrate) -> Vec<u64> {
        let mut probing = LayerProbing::new();
        let (mut trials, mut shown) = (Vec::new(), None);
        for ms in (0..100_000).step_by(10) {
            probing.on_time(at(ms), Some(WANTED), TARGET, shown.take());
            let Some(packets) = probing.burst(1_000, 0.0) else {
                assert_eq!(probing.pacing_rate(TARGET), TARGET);
                continue;
            };
            probing.queued(packets);
            assert!(probing.pacing_rate(TARGET) >= WANTED);
            let sent = (0..packets).filter_map(|_| probing.on_repair_sent(at(ms), 1_000));
            assert_eq!(sent.count(), 1, "the burst ends once");
            trials.push(ms);
            shown = Some(probed);
        }
        trials
    }

    #[test]
    fn a_trial_that_fails_doubles_the_pause_and_one_that_succeeds_does_not() {
        let failing = trials(Bitrate::from_kbps(200));
        let pauses: Vec<u64> = failing.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(pauses.len() >= 4, "{failing:?}");
        assert!(pauses.is_sorted() && pauses[0] >= 4_000, "{pauses:?}");
        assert!(pauses.iter().all(|&pause| pause <= 32_100), "{pauses:?}");
        let succeeding = trials(WANTED * 1.2);
        let even = |pair: &[u64]| pair[1] - pair[0] <= 2_100;
        assert!(succeeding.windows(2).all(even), "{succeeding:?}");
    }

    #[test]
    fn nothing_is_tried_while_every_layer_has_room() {
        let mut probing = LayerProbing::new();
        for ms in 0..10_000 {
            probing.on_time(at(ms), None, TARGET, None);
            probing.on_time(at(ms), Some(TARGET), TARGET, None);
            assert_eq!(probing.burst(1_000, 0.0), None);
        }
    }
}
