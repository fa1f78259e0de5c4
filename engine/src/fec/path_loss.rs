//! The protection that frames need on one path, followed over time.

use core::time::Duration;

use super::policy::{LOSS_NOTICED, Protection};
use crate::time::Instant;

/// Loss is believed quickly when it rises and slowly when it falls.
const RISE_SECONDS: f64 = 0.3;
const FALL_SECONDS: f64 = 4.0;
/// The share of the newest frame in the mean overhead.
const OVERHEAD_GAIN: f64 = 0.1;

/// The loss of one path, smoothed, and what mending it has cost so far.
#[derive(Debug)]
pub struct PathLoss {
    loss: f64,
    burst: f64,
    rtt: Duration,
    updated: Instant,
    overhead: f64,
}

impl PathLoss {
    /// A path of which nothing is known at time `now`.
    pub fn new(now: Instant) -> Self {
        Self {
            loss: 0.0,
            burst: 1.0,
            rtt: Duration::ZERO,
            updated: now,
            overhead: 0.0,
        }
    }

    /// Takes in what is known of the path now: `loss`, a share from 0 to 1, and `burst`, the mean
    /// length of its runs, are those that no queue explains.
    pub fn update(&mut self, now: Instant, loss: f64, burst: f64, rtt: Duration) {
        let elapsed = (now - self.updated).as_secs_f64().min(1.0);
        self.updated = now;
        let time = if loss > self.loss {
            RISE_SECONDS
        } else {
            FALL_SECONDS
        };
        self.loss += (loss - self.loss) * (1.0 - (-elapsed / time).exp());
        self.burst = burst.max(1.0);
        self.rtt = rtt;
    }

    /// The losses that a frame is to be protected against.
    pub fn protection(&self, key: bool) -> Protection {
        Protection {
            loss: self.loss,
            burst: self.burst,
            rtt: self.rtt,
            key,
        }
    }

    /// Whether the path loses enough for any repair packet.
    pub fn is_noticed(&self) -> bool {
        self.loss >= LOSS_NOTICED
    }

    /// Notes that a frame of `fragments` packets was worth `repairs` repair packets. Key frames are
    /// rare, and left out.
    pub fn note(&mut self, fragments: u16, repairs: u16, key: bool) {
        if !key {
            let overhead = f64::from(repairs) / f64::from(fragments.max(1));
            self.overhead += (overhead - self.overhead) * OVERHEAD_GAIN;
        }
    }

    /// Bytes of repair packets for each byte of a video frame, on average.
    pub fn overhead(&self) -> f64 {
        self.overhead
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loss_is_believed_quickly_and_forgotten_slowly() {
        let mut path = PathLoss::new(Instant::ZERO);
        for ms in 0..40 {
            path.update(Instant::from_millis(ms * 50), 0.3, 1.0, Duration::ZERO);
        }
        assert!(path.loss > 0.28);
        path.update(Instant::from_millis(2_500), 0.0, 1.0, Duration::ZERO);
        assert!(path.loss > 0.2, "{}", path.loss);
        assert!(path.is_noticed());
    }
}
