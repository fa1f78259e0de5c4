//! One direction of a path: loss, delay, jitter, and a bottleneck with a drop-tail queue.

use std::collections::BTreeMap;
use std::time::Duration;

use smrtc_engine::{Bitrate, Instant};

use super::rng::Rng;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Loss {
    None,
    /// Each packet by itself.
    Random(f64),
    /// Runs of exactly `length` packets; one begins at each packet with probability `start`.
    Bursts {
        length: u32,
        start: f64,
    },
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct LinkConfig {
    pub(crate) delay: Duration,
    /// Added to the delay, uniformly from 0.
    pub(crate) jitter: Duration,
    /// Whether jitter may turn packets round.
    pub(crate) reorder: bool,
    pub(crate) loss: Loss,
    /// The bottleneck; `None` for none.
    pub(crate) rate: Option<Bitrate>,
    /// What waits before the bottleneck at most.
    pub(crate) queue_bytes: u64,
}

impl Default for LinkConfig {
    fn default() -> Self {
        Self {
            delay: Duration::from_millis(20),
            jitter: Duration::ZERO,
            reorder: false,
            loss: Loss::None,
            rate: None,
            queue_bytes: 48_000,
        }
    }
}

#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) config: LinkConfig,
    rng: Rng,
    burst_left: u32,
    idle_at: Instant,
    last_arrival: Instant,
    in_flight: BTreeMap<(Instant, u64), Vec<u8>>,
    counter: u64,
    pub(crate) lost: u64,
    pub(crate) overflowed: u64,
    pub(crate) bytes: u64,
}

impl Link {
    pub(crate) fn new(config: LinkConfig, seed: u64) -> Self {
        Self {
            config,
            rng: Rng::new(seed),
            burst_left: 0,
            idle_at: Instant::ZERO,
            last_arrival: Instant::ZERO,
            in_flight: BTreeMap::new(),
            counter: 0,
            lost: 0,
            overflowed: 0,
            bytes: 0,
        }
    }

    pub(crate) fn send(&mut self, now: Instant, datagram: Vec<u8>) {
        self.bytes += datagram.len() as u64;
        let mut leaves = now;
        if let Some(rate) = self.config.rate {
            if rate.bytes_in(self.idle_at - now) > self.config.queue_bytes {
                self.overflowed += 1;
                return;
            }
            self.idle_at = self.idle_at.max(now) + rate.time_for(datagram.len() as u64);
            leaves = self.idle_at;
        }
        if self.loses() {
            self.lost += 1;
            return;
        }
        let jitter = Duration::from_micros(self.rng.below(self.config.jitter.as_micros() as u64));
        let mut arrival = leaves + self.config.delay + jitter;
        if !self.config.reorder {
            arrival = arrival.max(self.last_arrival);
            self.last_arrival = arrival;
        }
        self.counter += 1;
        self.in_flight.insert((arrival, self.counter), datagram);
    }

    fn loses(&mut self) -> bool {
        match self.config.loss {
            Loss::None => false,
            Loss::Random(share) => self.rng.fraction() < share,
            Loss::Bursts { length, start } => {
                if self.burst_left == 0 && self.rng.fraction() < start {
                    self.burst_left = length;
                }
                let loses = self.burst_left > 0;
                self.burst_left = self.burst_left.saturating_sub(1);
                loses
            }
        }
    }

    pub(crate) fn next_arrival(&self) -> Option<Instant> {
        self.in_flight.first_key_value().map(|(&(at, _), _)| at)
    }

    pub(crate) fn receive(&mut self, now: Instant) -> Option<Vec<u8>> {
        let entry = self.in_flight.first_entry()?;
        (entry.key().0 <= now).then(|| entry.remove())
    }
}
