//! When so much was lost in a queue that mending it takes longer than beginning anew with a key
//! frame at the new rate.
//!
//! A path that narrows to a third loses what is too much until the rate follows, a round trip and a
//! queue later. Those video frames are large, for the old rate; sent again at the new one they keep
//! everything that comes after them waiting. They are waited for: a key frame sent as soon as the
//! path is seen to narrow meets a queue that is still full, and gets lost too.

use core::time::Duration;
use std::collections::VecDeque;

use crate::cc::PathEstimate;
use crate::time::{Bitrate, Instant};

/// Losses older than this are mended or given up.
const SPAN: Duration = Duration::from_millis(500);
/// Losses that would take longer than this to send again are left behind: viewers would see the
/// gap.
const LONGEST_MENDING: Duration = Duration::from_millis(150);
/// A key frame has this long to come through before another is thought of.
const INTERVAL: Duration = Duration::from_millis(1_500);

/// Follows what was lost in queues lately.
#[derive(Debug, Default)]
pub(super) struct OverloadRestart {
    lost: VecDeque<(Instant, u64)>,
    /// [`PathEstimate::overflowed_bytes`] as of the last call.
    known: u64,
    last: Option<Instant>,
}

impl OverloadRestart {
    /// Whether to begin anew now, for a path that bears `target`.
    pub(super) fn on_path(&mut self, now: Instant, path: &PathEstimate, target: Bitrate) -> bool {
        let new = path.overflowed_bytes.saturating_sub(self.known);
        self.known = path.overflowed_bytes;
        if new > 0 {
            self.lost.push_back((now, new));
        }
        while self.lost.front().is_some_and(|&(at, _)| now - at > SPAN) {
            self.lost.pop_front();
        }
        if new == 0 || self.last.is_some_and(|last| now - last < INTERVAL) {
            return false;
        }
        let lost: u64 = self.lost.iter().map(|&(_, bytes)| bytes).sum();
        // Random loss goes on while a queue stands, and repair packets mend it.
        let random = SPAN.mul_f64(path.random_loss.clamp(0.0, 1.0));
        let begins = target.time_for(lost) > LONGEST_MENDING + random;
        if begins {
            self.lost.clear();
            self.last = Some(now);
        }
        begins
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(overflowed_bytes: u64, random_loss: f64) -> PathEstimate {
        PathEstimate {
            overflowed_bytes,
            random_loss,
            ..PathEstimate::default()
        }
    }

    #[test]
    fn what_takes_too_long_to_send_again_is_left_behind_once() {
        let rate = Bitrate::from_kbps(200);
        let mut restart = OverloadRestart::default();
        assert!(
            !restart.on_path(Instant::from_millis(0), &path(3_000, 0.0), rate),
            "120 ms"
        );
        assert!(
            !restart.on_path(Instant::from_millis(900), &path(6_000, 0.0), rate),
            "the first are long ago"
        );
        assert!(
            restart.on_path(Instant::from_millis(1_000), &path(9_000, 0.0), rate),
            "240 ms"
        );
        assert!(
            !restart.on_path(Instant::from_millis(1_050), &path(90_000, 0.0), rate),
            "its answer is not here yet"
        );
        assert!(
            !restart.on_path(Instant::from_millis(9_000), &path(90_000, 0.0), rate),
            "nothing new"
        );
    }

    #[test]
    fn random_loss_is_not_taken_for_a_queue_that_overflowed() {
        let mut restart = OverloadRestart::default();
        let rate = Bitrate::from_kbps(200);
        assert!(
            !restart.on_path(Instant::from_millis(0), &path(7_000, 0.3), rate),
            "280 ms, of which 150 by chance"
        );
        assert!(restart.on_path(Instant::from_millis(10), &path(10_000, 0.3), rate));
    }
}
