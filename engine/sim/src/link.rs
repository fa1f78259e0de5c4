//! One direction of a path: a bottleneck with a queue, then loss, delay and jitter.
//!
//! What crosses it is a [`Parcel`]: a datagram of one of the flows, or cross traffic, of which only the length counts.
//! Not a model of any radio: what a link does to a packet depends on nothing but the settings, the queue and the seed.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use smrtc_engine::{Bitrate, Instant};

use crate::codel::Codel;
use crate::rng::Rng;

/// How packets get lost that no queue refused.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Loss {
    /// None does.
    #[default]
    None,
    /// Each packet by itself with this probability.
    Random(f64),
    /// Runs of exactly `length` packets; one begins at each packet with probability `start`.
    Bursts {
        /// Packets in a run.
        length: u32,
        /// Probability at each packet.
        start: f64,
    },
    /// Two states (Gilbert 1960, Elliott 1963): the path goes bad and good again with these probabilities at each packet, and
    /// loses everything while it is bad.
    Gilbert {
        /// From good to bad.
        to_bad: f64,
        /// From bad to good: one over the mean length of a burst.
        to_good: f64,
    },
}

impl Loss {
    /// The Gilbert model that loses `share` of the packets in bursts of mean length `burst`.
    pub fn gilbert(share: f64, burst: f64) -> Self {
        let to_good = 1.0 / burst.max(1.0);
        Self::Gilbert {
            to_bad: to_good * share / (1.0 - share).max(1e-9),
            to_good,
        }
    }
}

/// What a link does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LinkConfig {
    /// From the bottleneck to the other end.
    pub delay: Duration,
    /// Added to the delay, uniformly from 0.
    pub jitter: Duration,
    /// Whether jitter may turn packets round.
    pub reorder: bool,
    /// What gets lost.
    pub loss: Loss,
    /// The bottleneck; `None` for none.
    pub rate: Option<Bitrate>,
    /// What waits before the bottleneck at most; what comes on top is dropped.
    pub queue_bytes: u64,
    /// Whether the queue also drops by CoDel (RFC 8289) before it is full.
    pub codel: bool,
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
            codel: false,
        }
    }
}

/// What crosses a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parcel {
    /// Whose it is; the meaning is the user's.
    pub flow: usize,
    /// What it counts on the link.
    pub bytes: u64,
    /// Its content; empty for cross traffic.
    pub datagram: Vec<u8>,
}

impl Parcel {
    /// A datagram as it counts, without the headers of UDP and QUIC.
    pub fn new(flow: usize, datagram: Vec<u8>) -> Self {
        Self {
            flow,
            bytes: datagram.len() as u64,
            datagram,
        }
    }
}

/// A link and what is on it.
#[derive(Debug)]
pub struct Link {
    /// May be changed at any time; a packet that is being sent is finished at the old rate.
    pub config: LinkConfig,
    rng: Rng,
    burst_left: u32,
    is_bad: bool,
    queue: VecDeque<(Instant, Parcel)>,
    queued_bytes: u64,
    codel: Codel,
    /// When the packet that is being sent is out.
    sending: Option<(Instant, Parcel)>,
    last_arrival: Instant,
    in_flight: BTreeMap<(Instant, u64), Parcel>,
    counter: u64,
    /// Packets lost by [`LinkConfig::loss`].
    pub lost: u64,
    /// Packets the queue refused or CoDel dropped.
    pub overflowed: u64,
    /// Bytes sent into it.
    pub bytes: u64,
    /// Bytes that went through the bottleneck.
    pub carried_bytes: u64,
    /// For each packet that left the queue, how long it stood there: (when, how long).
    pub waits: Vec<(Instant, Duration)>,
}

impl Link {
    /// An empty one.
    pub fn new(config: LinkConfig, seed: u64) -> Self {
        Self {
            config,
            rng: Rng::new(seed),
            burst_left: 0,
            is_bad: false,
            queue: VecDeque::new(),
            queued_bytes: 0,
            codel: Codel::default(),
            sending: None,
            last_arrival: Instant::ZERO,
            in_flight: BTreeMap::new(),
            counter: 0,
            lost: 0,
            overflowed: 0,
            bytes: 0,
            carried_bytes: 0,
            waits: Vec::new(),
        }
    }

    /// Sends a datagram of the first flow.
    pub fn send(&mut self, now: Instant, datagram: Vec<u8>) {
        self.send_parcel(now, Parcel::new(0, datagram));
    }

    /// Sends a parcel; false if the queue refused it.
    pub fn send_parcel(&mut self, now: Instant, parcel: Parcel) -> bool {
        self.advance(now);
        self.bytes += parcel.bytes;
        if self.config.rate.is_none() && self.sending.is_none() {
            self.carried_bytes += parcel.bytes;
            self.propagate(now, parcel);
            return true;
        }
        if self.queued_bytes + parcel.bytes > self.config.queue_bytes {
            self.overflowed += 1;
            return false;
        }
        self.queued_bytes += parcel.bytes;
        self.queue.push_back((now, parcel));
        self.begin_sending(now);
        true
    }

    /// When something happens on the link by itself.
    pub fn next_arrival(&self) -> Option<Instant> {
        let sent = self.sending.as_ref().map(|(at, _)| *at);
        let arrival = self.in_flight.first_key_value().map(|(&(at, _), _)| at);
        sent.into_iter().chain(arrival).min()
    }

    /// The next datagram that has come by now.
    pub fn receive(&mut self, now: Instant) -> Option<Vec<u8>> {
        self.receive_parcel(now).map(|parcel| parcel.datagram)
    }

    /// The next parcel that has come by now.
    pub fn receive_parcel(&mut self, now: Instant) -> Option<Parcel> {
        self.advance(now);
        let entry = self.in_flight.first_entry()?;
        (entry.key().0 <= now).then(|| entry.remove())
    }

    /// How long what waits would take at the present rate.
    pub fn queue_delay(&self) -> Duration {
        self.config
            .rate
            .map_or(Duration::ZERO, |rate| rate.time_for(self.queued_bytes))
    }

    fn advance(&mut self, now: Instant) {
        while let Some((at, parcel)) = self.sending.take_if(|(at, _)| *at <= now) {
            self.carried_bytes += parcel.bytes;
            self.propagate(at, parcel);
            self.begin_sending(at);
        }
    }

    fn begin_sending(&mut self, now: Instant) {
        while self.sending.is_none() {
            let Some((since, parcel)) = self.queue.pop_front() else {
                return;
            };
            self.queued_bytes -= parcel.bytes;
            let waited = now - since;
            if self.config.codel && self.codel.drops(now, waited, self.queue.is_empty()) {
                self.overflowed += 1;
                continue;
            }
            self.waits.push((now, waited));
            let time = self
                .config
                .rate
                .map_or(Duration::ZERO, |rate| rate.time_for(parcel.bytes));
            self.sending = Some((now + time, parcel));
        }
    }

    fn propagate(&mut self, leaves: Instant, parcel: Parcel) {
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
        self.in_flight.insert((arrival, self.counter), parcel);
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
            Loss::Gilbert { to_bad, to_good } => {
                let change = if self.is_bad { to_good } else { to_bad };
                if self.rng.fraction() < change {
                    self.is_bad = !self.is_bad;
                }
                self.is_bad
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share_and_runs(loss: Loss, seed: u64) -> (f64, f64) {
        let config = LinkConfig {
            loss,
            ..LinkConfig::default()
        };
        let mut link = Link::new(config, seed);
        let lost: Vec<bool> = (0..100_000)
            .map(|_| {
                let before = link.lost;
                link.send(Instant::ZERO, vec![0]);
                link.lost > before
            })
            .collect();
        let count = lost.iter().filter(|&&lost| lost).count() as f64;
        let runs = lost.windows(2).filter(|pair| !pair[0] && pair[1]).count() as f64;
        (count / lost.len() as f64, count / runs)
    }

    #[test]
    fn loss_has_the_share_and_the_bursts_it_was_asked_for() {
        let (share, run) = share_and_runs(Loss::Random(0.2), 1);
        assert!(
            (share - 0.2).abs() < 0.01 && (run - 1.25).abs() < 0.05,
            "{share} {run}"
        );
        let (share, run) = share_and_runs(Loss::gilbert(0.2, 5.0), 2);
        assert!(
            (share - 0.2).abs() < 0.01 && (run - 5.0).abs() < 0.3,
            "{share} {run}"
        );
    }

    #[test]
    fn a_bottleneck_spaces_packets_and_its_queue_overflows() {
        let config = LinkConfig {
            rate: Some(Bitrate::from_kbps(800)),
            queue_bytes: 3_000,
            delay: Duration::from_millis(5),
            ..LinkConfig::default()
        };
        let mut link = Link::new(config, 3);
        for n in 0..6 {
            link.send(Instant::ZERO, vec![n; 1_000]);
        }
        let mut arrivals = Vec::new();
        for ms in 0..100 {
            while let Some(datagram) = link.receive(Instant::from_millis(ms)) {
                arrivals.push((datagram[0], ms));
            }
        }
        assert_eq!(arrivals, [(0, 15), (1, 25), (2, 35), (3, 45)]);
        assert_eq!((link.overflowed, link.carried_bytes), (2, 4_000));
    }

    #[test]
    fn codel_keeps_a_standing_queue_short_and_drop_tail_does_not() {
        let longest = |codel| {
            let config = LinkConfig {
                rate: Some(Bitrate::from_kbps(800)),
                queue_bytes: 200_000,
                codel,
                ..LinkConfig::default()
            };
            let mut link = Link::new(config, 4);
            // Ten per cent too much, without end: nothing that CoDel does makes the sender slow down.
            for n in 0..2_000 {
                link.send(Instant::from_millis(n * 9), vec![0; 1_000]);
            }
            (link.waits.iter().map(|wait| wait.1).max(), link.overflowed)
        };
        let (tail, codel) = (longest(false), longest(true));
        assert!(tail.0 > Some(Duration::from_millis(1_500)), "{tail:?}");
        assert!(
            codel.0 < Some(Duration::from_millis(700)) && codel.1 > 50,
            "{codel:?}"
        );
    }
}
