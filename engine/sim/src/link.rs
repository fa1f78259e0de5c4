//! One direction of a path: a bottleneck with a queue, then loss, delay and jitter.
//!
//! The bottleneck is a rate, or a recorded trace ([`crate::bandwidth`]); the queue, and what
//! follows, is the same for both.
//!
//! What crosses it is a [`Parcel`]: a datagram of one of the flows, or cross traffic, of which only
//! the length counts. Not a model of any radio: what a link does to a packet depends on nothing but
//! the settings, the queue and the seed.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use smrtc_engine::{Bitrate, Instant};

use crate::bandwidth::{BandwidthTrace, Replay};
use crate::codel::Codel;
pub use crate::loss::Loss;
use crate::loss::Losses;
use crate::rng::Rng;

/// Settings of a link.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LinkConfig {
    /// Delay from the bottleneck to the other end.
    pub delay: Duration,
    /// Added to the delay, uniformly from 0.
    pub jitter: Duration,
    /// Whether jitter may reorder packets.
    pub reorder: bool,
    /// Loss, apart from what the queue drops.
    pub loss: Loss,
    /// The bottleneck; `None` for none, or if a trace is replayed.
    pub rate: Option<Bitrate>,
    /// Capacity of the queue before the bottleneck; the newest packet is dropped when it is full.
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
    /// Its flow, by a number of the caller's.
    pub flow: usize,
    /// Its length on the link.
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

/// A link and the parcels on it.
#[derive(Debug)]
pub struct Link {
    /// May be changed at any time; a packet that is being sent is finished at the old rate.
    pub config: LinkConfig,
    rng: Rng,
    /// The bottleneck, in place of a rate.
    replay: Option<Replay>,
    losses: Losses,
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
            replay: None,
            losses: Losses::default(),
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

    /// An empty one whose bottleneck is a trace, which goes on from the place `entered` in it.
    pub fn with_trace(
        config: LinkConfig,
        trace: Arc<BandwidthTrace>,
        entered: Duration,
        seed: u64,
    ) -> Self {
        Self {
            replay: Some(Replay::new(trace, entered)),
            ..Self::new(config, seed)
        }
    }

    /// Whether anything but delay keeps packets back.
    pub fn has_bottleneck(&self) -> bool {
        self.config.rate.is_some() || self.replay.is_some()
    }

    /// What the bottleneck could let through in a span, at the present rate if it is one; `None`
    /// without a bottleneck.
    pub fn capacity_bytes(&self, from: Instant, to: Instant) -> Option<u64> {
        match &self.replay {
            Some(replay) => Some(replay.bytes_between(from, to)),
            None => self.config.rate.map(|rate| rate.bytes_in(to - from)),
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
        if !self.has_bottleneck() && self.sending.is_none() {
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

    /// How long what waits would take, at the present rate if the bottleneck is one.
    pub fn queue_delay(&self, now: Instant) -> Duration {
        let bytes = self.queued_bytes;
        match &self.replay {
            Some(replay) => replay.time_for(now, bytes),
            None => self
                .config
                .rate
                .map_or(Duration::ZERO, |rate| rate.time_for(bytes)),
        }
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
                self.replay.iter_mut().for_each(Replay::idle);
                return;
            };
            self.queued_bytes -= parcel.bytes;
            let waited = now - since;
            if self.config.codel && self.codel.drops(now, waited, self.queue.is_empty()) {
                self.overflowed += 1;
                continue;
            }
            self.waits.push((now, waited));
            self.sending = Some((self.send_time(now, parcel.bytes), parcel));
        }
    }

    /// When the bottleneck has let through what it begins with now.
    fn send_time(&mut self, now: Instant, bytes: u64) -> Instant {
        match &mut self.replay {
            Some(replay) => replay.send(now, bytes),
            None => {
                let rate = self.config.rate;
                now + rate.map_or(Duration::ZERO, |rate| rate.time_for(bytes))
            }
        }
    }

    fn propagate(&mut self, leaves: Instant, parcel: Parcel) {
        if self.losses.loses(self.config.loss, &mut self.rng) {
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
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn a_trace_lets_packets_through_when_it_says_and_loses_what_nobody_uses() {
        let trace = BandwidthTrace::parse("10\n10\n40\n").expect("it is a trace");
        let config = LinkConfig {
            queue_bytes: 3_000,
            delay: Duration::from_millis(5),
            ..LinkConfig::default()
        };
        let mut link = Link::with_trace(config, Arc::new(trace), Duration::ZERO, 5);
        let mut arrivals = Vec::new();
        for ms in 0..120 {
            // What comes at 20 finds that 10 has passed; both packets fit into what comes at 40.
            for n in match ms {
                0 => 0..5,
                20 => 5..7,
                _ => 0..0,
            } {
                link.send(
                    Instant::from_millis(ms),
                    vec![n; if n < 5 { 1_000 } else { 700 }],
                );
            }
            while let Some(datagram) = link.receive(Instant::from_millis(ms)) {
                arrivals.push((datagram[0], ms));
            }
        }
        // The first is on its way when the queue has room for three more; a packet may use two
        // opportunities.
        let first = [(0, 15), (1, 15), (2, 15), (3, 45)];
        assert_eq!(arrivals[..4], first);
        assert_eq!(link.overflowed, 1);
        assert_eq!(arrivals[4..], [(5, 55), (6, 55)]);
        let at = Instant::from_millis;
        assert_eq!(link.capacity_bytes(at(0), at(80)), Some(5 * 1_504));
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
            // Ten per cent too much, without end: nothing that CoDel does makes the sender slow
            // down.
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
