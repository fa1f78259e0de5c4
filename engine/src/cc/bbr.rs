//! A controller from a model of the path: how much it delivers at most, and how long it takes
//! empty.
//!
//! After BBR (Cardwell et al., ACM Queue 14(5) 2016; draft-ietf-ccwg-bbr), with what media need
//! changed:
//!
//! - The rate is what is bounded, by pacing; there is no window. The queue is known from one-way
//!   delays, so the base need not be sought by draining the path (no ProbeRTT).
//! - A sender of media is mostly limited by its encoder. Samples taken then only raise the
//!   estimate.
//! - Loss is left out of account, except that the delivered rate counts what is lost without a
//!   queue as delivered. What BBRv2 takes loss for, an overflowing queue, shows here as a standing
//!   queue with less delivered than sent.
//!
//! Unlike [`super::DelayBasedController`] it does not give way to a queue that others made, as long
//! as it gets its share.

use core::time::Duration;
use std::collections::VecDeque;

use super::path_observer::PathObserver;
use super::{CongestionConfig, CongestionController, Pacing, PathEstimate, Probe, SentPacket};
use crate::time::{Bitrate, Instant};
use crate::wire::feedback::Feedback;

/// The estimate is the highest sample of this time.
const BANDWIDTH_WINDOW: Duration = Duration::from_millis(2_500);
const SAMPLE_SPAN: Duration = Duration::from_millis(300);
/// Doubling in each round, as BBR's Startup, is too much for a queue of 300 ms.
const STARTUP_GAIN: f64 = 1.5;
/// Startup ends after so many rounds in which the estimate grew by less than a quarter.
const FULL_ROUNDS: u32 = 3;
const FULL_GROWTH: f64 = 1.25;
const DRAIN_GAIN: f64 = 0.6;
/// One round up, one down, six even.
const CYCLE: [f64; 8] = [1.25, 0.75, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0];
const LEAST_ROUND: Duration = Duration::from_millis(150);
/// Above the base this is the path's own unevenness.
const QUEUE_NOTICED: Duration = Duration::from_millis(10);
/// With such a queue, and so much less delivered than the estimate says, the path has narrowed.
const QUEUE_TOO_LONG: Duration = Duration::from_millis(60);
const NARROWED: f64 = 0.85;
/// A queue that does not go away at a lower rate is somebody else's, or a longer way.
const LONGEST_DRAIN: Duration = Duration::from_millis(1_500);
/// Sending less than this share of what is allowed, the application is the limit.
const APP_LIMITED: f64 = 0.8;
const SILENCE: Duration = Duration::from_millis(1_500);
const SILENCE_AGAIN: Duration = Duration::from_millis(1_000);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Phase {
    Startup { best: Bitrate, rounds: u32 },
    Drain { since: Instant },
    Cruise { step: usize },
}

/// See the module's documentation.
#[derive(Debug)]
pub struct BbrController {
    config: CongestionConfig,
    observed: PathObserver,
    sent: VecDeque<(Instant, u64)>,
    sent_bytes: u64,
    samples: VecDeque<(Instant, Bitrate)>,
    /// Before there is any sample.
    initial: Bitrate,
    phase: Phase,
    round_since: Instant,
    silent_since: Option<Instant>,
    last_sent: Instant,
}

impl BbrController {
    /// One that knows nothing of the path.
    pub fn new(config: CongestionConfig) -> Self {
        Self {
            config,
            observed: PathObserver::default(),
            sent: VecDeque::new(),
            sent_bytes: 0,
            samples: VecDeque::new(),
            initial: config.start,
            phase: Phase::Startup {
                best: Bitrate::ZERO,
                rounds: 0,
            },
            round_since: Instant::ZERO,
            silent_since: None,
            last_sent: Instant::ZERO,
        }
    }

    /// What the path delivers at most.
    fn bandwidth(&self) -> Bitrate {
        let best = self.samples.iter().map(|&(_, rate)| rate).max();
        best.map_or(self.initial, |best| {
            if matches!(self.phase, Phase::Startup { .. }) {
                best.max(self.initial)
            } else {
                best
            }
        })
    }

    fn gain(&self) -> f64 {
        match self.phase {
            Phase::Startup { .. } => STARTUP_GAIN,
            Phase::Drain { .. } => DRAIN_GAIN,
            Phase::Cruise { step } => CYCLE[step % CYCLE.len()],
        }
    }

    fn round(&self) -> Duration {
        self.observed
            .rtt
            .map_or(LEAST_ROUND, |rtt| rtt.max(LEAST_ROUND))
    }

    fn is_app_limited(&self) -> bool {
        let rate = Bitrate::from_bytes(self.sent_bytes, SAMPLE_SPAN);
        rate < self.target_bitrate() * APP_LIMITED
    }

    fn sample(&mut self, now: Instant) -> Bitrate {
        let rate = self.observed.sendable(SAMPLE_SPAN);
        if rate == Bitrate::ZERO {
            return rate;
        }
        if self.is_app_limited() && rate <= self.bandwidth() {
            // What the path bears was not tried, so what was known of it does not age.
            for sample in &mut self.samples {
                sample.0 = now.max(sample.0);
            }
        } else {
            self.samples.push_back((now, rate));
        }
        while self.samples.len() > 1
            && self
                .samples
                .front()
                .is_some_and(|&(at, _)| now - at > BANDWIDTH_WINDOW)
        {
            self.samples.pop_front();
        }
        while self.samples.len() > 256 {
            self.samples.pop_front();
        }
        rate
    }

    fn decide(&mut self, now: Instant) {
        let standing = self.observed.queue.standing();
        let rate = self.sample(now);
        let narrowed = rate > Bitrate::ZERO && rate < self.bandwidth() * NARROWED;
        if standing >= QUEUE_TOO_LONG && narrowed && !self.is_app_limited() {
            self.samples.clear();
            self.samples.push_back((now, rate));
            self.initial = rate;
            if !matches!(self.phase, Phase::Drain { .. }) {
                self.phase = Phase::Drain { since: now };
            }
            return;
        }
        if let Phase::Drain { since } = self.phase {
            let waited = now - since;
            if standing < QUEUE_NOTICED && waited >= self.round() / 2 || waited > LONGEST_DRAIN {
                if waited > LONGEST_DRAIN {
                    self.observed.queue.rebase();
                }
                self.begin_round(now, Phase::Cruise { step: 2 });
            }
            return;
        }
        if now - self.round_since < self.round() {
            return;
        }
        let next = match self.phase {
            Phase::Startup { best, rounds } => self.startup(now, best, rounds, standing),
            // Up once more only if the queue that the last time made is gone.
            Phase::Cruise { step } if step + 1 == CYCLE.len() && standing >= QUEUE_NOTICED => {
                Phase::Cruise { step: 1 }
            }
            Phase::Cruise { step } => Phase::Cruise {
                step: (step + 1) % CYCLE.len(),
            },
            drain @ Phase::Drain { .. } => drain,
        };
        self.begin_round(now, next);
    }

    fn startup(&self, now: Instant, best: Bitrate, rounds: u32, standing: Duration) -> Phase {
        let bandwidth = self.bandwidth();
        if standing >= QUEUE_TOO_LONG {
            return Phase::Drain { since: now };
        }
        if self.is_app_limited() || bandwidth >= best * FULL_GROWTH {
            return Phase::Startup {
                best: bandwidth,
                rounds: 0,
            };
        }
        if rounds + 1 >= FULL_ROUNDS {
            return Phase::Drain { since: now };
        }
        Phase::Startup {
            best,
            rounds: rounds + 1,
        }
    }

    fn begin_round(&mut self, now: Instant, phase: Phase) {
        self.phase = phase;
        self.round_since = now;
    }
}

impl CongestionController for BbrController {
    fn on_sent(&mut self, now: Instant, packet: SentPacket) {
        if self.silent_since.is_none() {
            self.silent_since = Some(now);
        }
        self.last_sent = now;
        self.sent.push_back((now, packet.bytes as u64));
        self.sent_bytes += packet.bytes as u64;
        while let Some(&(at, bytes)) = self.sent.front()
            && now - at > SAMPLE_SPAN
        {
            self.sent.pop_front();
            self.sent_bytes -= bytes;
        }
        self.observed.on_sent(now, packet);
    }

    fn on_feedback(&mut self, now: Instant, feedback: &Feedback<'_>) {
        if self.observed.on_feedback(now, feedback, false).is_none() {
            return;
        }
        self.silent_since = Some(now);
        self.decide(now);
        if let Some(rate) = self.observed.probed
            && rate > self.bandwidth()
            && !matches!(self.phase, Phase::Drain { .. })
        {
            self.samples.push_back((now, rate));
        }
    }

    fn on_timeout(&mut self, now: Instant) {
        if self.next_timeout().is_none_or(|due| now < due) {
            return;
        }
        // Nothing comes back: the path is dead or choked by what is on it already.
        self.initial = (self.bandwidth() * 0.5).max(self.config.min);
        self.samples.clear();
        self.begin_round(
            now,
            Phase::Startup {
                best: Bitrate::ZERO,
                rounds: 0,
            },
        );
        self.silent_since = Some(now - (SILENCE - SILENCE_AGAIN));
    }

    fn next_timeout(&self) -> Option<Instant> {
        let since = self
            .silent_since
            .filter(|_| self.target_bitrate() > self.config.min)?;
        let patience = SILENCE.mul_f64(1.0 + 2.0 * self.observed.random.settled_share());
        (self.last_sent >= since + Duration::from_millis(500)).then_some(since + patience)
    }

    fn target_bitrate(&self) -> Bitrate {
        // Never at the very brim: the estimate is the best of many samples, and these are coarse.
        let brim = if matches!(self.phase, Phase::Cruise { .. }) {
            0.95
        } else {
            1.0
        };
        (self.bandwidth() * (self.gain() * brim)).clamp(self.config.min, self.config.max)
    }

    fn pacing(&self) -> Pacing {
        let factor = if matches!(self.phase, Phase::Drain { .. }) {
            1.0
        } else {
            self.config.pacing_factor
        };
        Pacing {
            rate: self.target_bitrate() * factor,
        }
    }

    fn on_probe(&mut self, probe: Probe) {
        self.observed.probes.begin(probe);
    }

    fn take_probed(&mut self) -> Option<Bitrate> {
        self.observed.probed.take()
    }

    fn path(&self) -> PathEstimate {
        self.observed.estimate()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_within_its_bounds_and_faster_than_it_was_told() {
        let mut config = CongestionConfig::default();
        let bbr = BbrController::new(config);
        assert_eq!(bbr.target_bitrate(), Bitrate::from_kbps(1_500));
        config.max = Bitrate::from_kbps(700);
        let bbr = BbrController::new(config);
        assert_eq!(bbr.target_bitrate(), Bitrate::from_kbps(700));
        assert_eq!(bbr.next_timeout(), None);
    }
}
