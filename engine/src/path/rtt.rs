//! Round-trip time from pings of our own.
//!
//! Smoothed as TCP does (RFC 6298 §2), with one sample to begin with instead of a guess.

use core::time::Duration;

use self::outstanding::Outstanding;
use crate::time::Instant;

/// Sends pings on a schedule and reads the pongs.
#[derive(Clone, Debug)]
pub struct RttEstimator {
    outstanding: Outstanding,
    next_token: u64,
    next_ping: Instant,
    sent: u32,
    smoothed: Option<Duration>,
    variation: Duration,
    latest: Option<Duration>,
    total: Duration,
    samples: u64,
}

/// The first pings come quickly, for the first NACK already needs a round-trip time.
const FIRST_PINGS: u32 = 4;
const FIRST_INTERVAL: Duration = Duration::from_millis(100);
const INTERVAL: Duration = Duration::from_millis(1_000);
/// Before the first pong: RFC 9002 §6.2.2 starts at 333 ms, meant for timers that must not fire
/// early. A NACK that is early costs a packet, one that is late costs a frame.
const INITIAL: Duration = Duration::from_millis(100);
/// A pong later than this belongs to a path that is gone.
const LONGEST: Duration = Duration::from_secs(10);

impl RttEstimator {
    /// `seed` makes the tokens unguessable to nobody, but different between sessions.
    pub fn new(seed: u64) -> Self {
        Self {
            outstanding: Outstanding::default(),
            next_token: seed,
            next_ping: Instant::ZERO,
            sent: 0,
            smoothed: None,
            variation: Duration::ZERO,
            latest: None,
            total: Duration::ZERO,
            samples: 0,
        }
    }

    /// The token of a ping to send now, if one is due.
    pub fn poll(&mut self, now: Instant) -> Option<u64> {
        if now < self.next_ping {
            return None;
        }
        self.sent = self.sent.saturating_add(1);
        self.next_ping = now
            + if self.sent < FIRST_PINGS {
                FIRST_INTERVAL
            } else {
                INTERVAL
            };
        let token = self.next_token;
        // An odd stride visits all 2^64 tokens.
        self.next_token = token.wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.outstanding.push(token, now);
        Some(token)
    }

    /// When [`Self::poll`] has something next.
    pub fn next_timeout(&self) -> Instant {
        self.next_ping
    }

    /// A pong came. Answers to pings we did not send, or sent too long ago, are ignored.
    pub fn on_pong(&mut self, now: Instant, token: u64) {
        let Some(sent_at) = self.outstanding.take(token) else {
            return;
        };
        let sample = now - sent_at;
        if sample > LONGEST {
            return;
        }
        self.latest = Some(sample);
        self.total += sample;
        self.samples += 1;
        self.smoothed = Some(match self.smoothed {
            None => {
                self.variation = sample / 2;
                sample
            }
            Some(smoothed) => {
                self.variation = (self.variation * 3 + smoothed.abs_diff(sample)) / 4;
                (smoothed * 7 + sample) / 8
            }
        });
    }

    /// The smoothed round-trip time; 100 ms until the first pong.
    pub fn rtt(&self) -> Duration {
        self.smoothed.unwrap_or(INITIAL)
    }

    /// The newest sample.
    pub fn latest(&self) -> Option<Duration> {
        self.latest
    }

    /// Sum and number of all samples.
    pub fn total(&self) -> (Duration, u64) {
        (self.total, self.samples)
    }
}

/// Pings not answered yet, in an array: nothing a peer does can make it grow.
mod outstanding {
    use crate::time::Instant;

    #[derive(Clone, Debug, Default)]
    pub(super) struct Outstanding {
        slots: [Option<(u64, Instant)>; 8],
        next: usize,
    }

    impl Outstanding {
        pub(super) fn push(&mut self, token: u64, sent_at: Instant) {
            self.slots[self.next] = Some((token, sent_at));
            self.next = (self.next + 1) % self.slots.len();
        }

        pub(super) fn take(&mut self, token: u64) -> Option<Instant> {
            let slot = self
                .slots
                .iter_mut()
                .find(|slot| matches!(slot, Some((t, _)) if *t == token))?;
            slot.take().map(|(_, sent_at)| sent_at)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pong_measures_and_its_replay_does_not() {
        let mut rtt = RttEstimator::new(7);
        let start = Instant::from_millis(5);
        let token = rtt.poll(start).expect("due at once");
        assert_eq!(rtt.poll(start), None);
        rtt.on_pong(start + Duration::from_millis(40), token ^ 1);
        assert_eq!(rtt.latest(), None);
        rtt.on_pong(start + Duration::from_millis(40), token);
        rtt.on_pong(start + Duration::from_millis(90), token);
        assert_eq!(rtt.rtt(), Duration::from_millis(40));
        assert_eq!(rtt.total(), (Duration::from_millis(40), 1));
    }
}
