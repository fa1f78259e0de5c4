//! One direction of a path: loss, then a bottleneck with a drop-tail queue, then delay.
//!
//! ```text
//!  offer ──► loss ──► queue ══ rate ══► delay + jitter ──► take
//! ```
//!
//! Time is an input, and randomness a seed: the same packets at the same times meet the same fate.

use std::collections::BTreeMap;
use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use serde::Serialize;

/// What a direction does to packets.
#[derive(Clone, Debug, Default)]
pub(crate) struct LinkConfig {
    /// Time on the way, behind the bottleneck.
    pub(crate) delay: Duration,
    /// Added to the delay of each packet, uniformly from 0 to this.
    pub(crate) jitter: Duration,
    /// Whether jitter may turn packets round; else a packet waits for the one before.
    pub(crate) reorder: bool,
    /// Share of packets lost, 0 to 1.
    pub(crate) loss: f64,
    /// Mean number of packets lost in a row (Gilbert–Elliott with a lossless good and a lossy bad
    /// state); 1 or less loses each packet by itself.
    pub(crate) mean_burst: f64,
    /// Bottleneck in bits per second; `None` for none.
    pub(crate) rate_bps: Option<u64>,
    /// Longest wait before the bottleneck; a packet that would wait longer is dropped.
    pub(crate) max_queue: Duration,
}

/// What became of the packets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Counters {
    pub(crate) packets_in: u64,
    pub(crate) bytes_in: u64,
    pub(crate) packets_out: u64,
    pub(crate) bytes_out: u64,
    pub(crate) lost: u64,
    pub(crate) queue_overflows: u64,
    /// Longest wait before the bottleneck.
    pub(crate) max_queue_us: u64,
}

/// A direction with packets of type `P` on their way.
#[derive(Debug)]
pub(crate) struct Link<P> {
    config: LinkConfig,
    rng: Pcg64Mcg,
    in_bad_state: bool,
    bottleneck_free_at: Duration,
    last_arrival: Duration,
    /// By arrival time and order of offering.
    in_flight: BTreeMap<(Duration, u64), InFlight<P>>,
    counters: Counters,
}

#[derive(Debug)]
struct InFlight<P> {
    packet: P,
    bytes: usize,
    /// When its last bit leaves the bottleneck.
    leaves: Duration,
}

impl<P> Link<P> {
    pub(crate) fn new(config: LinkConfig, seed: u64) -> Self {
        Self {
            config,
            rng: Pcg64Mcg::seed_from_u64(seed),
            in_bad_state: false,
            bottleneck_free_at: Duration::ZERO,
            last_arrival: Duration::ZERO,
            in_flight: BTreeMap::new(),
            counters: Counters::default(),
        }
    }

    /// Changes the link at time `now`. What waits before the bottleneck leaves at the new rate;
    /// what is behind it goes on.
    pub(crate) fn reconfigure(&mut self, now: Duration, config: LinkConfig) {
        let faster = match (self.config.rate_bps, config.rate_bps) {
            (Some(old), Some(new)) => old as f64 / new.max(1) as f64,
            (Some(_), None) => 0.0,
            (None, _) => 1.0,
        };
        let at_new_rate = |leaves: Duration| now + leaves.saturating_sub(now).mul_f64(faster);
        for ((arrival, order), mut flight) in std::mem::take(&mut self.in_flight) {
            let mut arrival = arrival;
            if flight.leaves > now {
                let way = arrival - flight.leaves;
                flight.leaves = at_new_rate(flight.leaves);
                arrival = flight.leaves + way;
            }
            self.in_flight.insert((arrival, order), flight);
        }
        if self.bottleneck_free_at > now {
            self.bottleneck_free_at = at_new_rate(self.bottleneck_free_at);
        }
        let last = self.in_flight.last_key_value();
        self.last_arrival = last.map_or(Duration::ZERO, |(&(arrival, _), _)| arrival);
        self.config = config;
    }

    /// Puts a packet of `bytes` bytes on the way at time `now`, or drops it; `spared` ones are not
    /// lost, but queue like all.
    pub(crate) fn offer(&mut self, now: Duration, packet: P, bytes: usize, spared: bool) {
        self.counters.packets_in += 1;
        self.counters.bytes_in += bytes as u64;
        // Both drawn for each packet: what becomes of one does not change the fate of the next.
        let (lost, jitter) = (self.loses(), self.draw_jitter());
        if lost && !spared {
            self.counters.lost += 1;
            return;
        }
        let Some(leaves) = self.pass_bottleneck(now, bytes) else {
            self.counters.queue_overflows += 1;
            return;
        };
        let mut arrival = leaves + self.config.delay + jitter;
        if !self.config.reorder {
            arrival = arrival.max(self.last_arrival);
            self.last_arrival = arrival;
        }
        let key = (arrival, self.counters.packets_in);
        self.in_flight.insert(
            key,
            InFlight {
                packet,
                bytes,
                leaves,
            },
        );
    }

    /// The next packet that has arrived by `now`.
    pub(crate) fn take(&mut self, now: Duration) -> Option<P> {
        let entry = self.in_flight.first_entry()?;
        if entry.key().0 > now {
            return None;
        }
        let InFlight { packet, bytes, .. } = entry.remove();
        self.counters.packets_out += 1;
        self.counters.bytes_out += bytes as u64;
        Some(packet)
    }

    /// When [`Self::take`] will next have something.
    pub(crate) fn next_arrival(&self) -> Option<Duration> {
        self.in_flight.first_key_value().map(|(&(at, _), _)| at)
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Gilbert–Elliott: the stay in the bad state is geometric with the mean wanted, and the share
    /// of time spent there is the loss.
    fn loses(&mut self) -> bool {
        let loss = self.config.loss;
        if self.config.mean_burst <= 1.0 || loss >= 1.0 {
            return self.rng.random::<f64>() < loss;
        }
        let leave = 1.0 / self.config.mean_burst;
        let enter = leave * loss / (1.0 - loss);
        let change = if self.in_bad_state { leave } else { enter };
        if self.rng.random::<f64>() < change {
            self.in_bad_state = !self.in_bad_state;
        }
        self.in_bad_state
    }

    /// When the last bit leaves the bottleneck; `None` if the queue is full.
    fn pass_bottleneck(&mut self, now: Duration, bytes: usize) -> Option<Duration> {
        let Some(rate_bps) = self.config.rate_bps else {
            return Some(now);
        };
        let start = self.bottleneck_free_at.max(now);
        let wait = start - now;
        if wait > self.config.max_queue {
            return None;
        }
        let waited_us = u64::try_from(wait.as_micros()).unwrap_or(u64::MAX);
        self.counters.max_queue_us = self.counters.max_queue_us.max(waited_us);
        let transmission = Duration::from_nanos(bytes as u64 * 8 * 1_000_000_000 / rate_bps.max(1));
        self.bottleneck_free_at = start + transmission;
        Some(self.bottleneck_free_at)
    }

    fn draw_jitter(&mut self) -> Duration {
        self.config.jitter.mul_f64(self.rng.random::<f64>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// Offers `count` packets of 1,000 bytes, one each `gap`; gives back (number, arrival).
    fn send(config: LinkConfig, seed: u64, count: u32, gap: Duration) -> Vec<(u32, Duration)> {
        let mut link = Link::new(config, seed);
        for number in 0..count {
            link.offer(gap * number, number, 1_000, false);
        }
        let mut arrivals = Vec::new();
        while let Some(at) = link.next_arrival() {
            assert!(at.is_zero() || link.take(at - Duration::from_nanos(1)).is_none());
            arrivals.push((link.take(at).unwrap(), at));
        }
        let counters = link.counters();
        assert_eq!(
            counters.packets_in,
            counters.packets_out + counters.lost + counters.queue_overflows
        );
        arrivals
    }

    #[test]
    fn a_perfect_link_delivers_everything_after_its_delay() {
        let config = LinkConfig {
            delay: 5 * MS,
            ..LinkConfig::default()
        };
        let arrivals = send(config, 1, 100, MS);
        assert_eq!(arrivals.len(), 100);
        assert!(arrivals.iter().all(|&(n, at)| at == MS * n + 5 * MS));
    }

    #[test]
    fn random_loss_has_the_share_asked_for_and_short_runs() {
        let config = LinkConfig {
            loss: 0.1,
            ..LinkConfig::default()
        };
        let (share, mean_run) = loss_and_runs(config);
        assert!((0.09..0.11).contains(&share), "{share}");
        assert!((1.0..1.3).contains(&mean_run), "{mean_run}");
    }

    #[test]
    fn burst_loss_has_the_share_and_the_run_length_asked_for() {
        let config = LinkConfig {
            loss: 0.1,
            mean_burst: 5.0,
            ..LinkConfig::default()
        };
        let (share, mean_run) = loss_and_runs(config);
        assert!((0.09..0.11).contains(&share), "{share}");
        assert!((4.5..5.5).contains(&mean_run), "{mean_run}");
    }

    fn loss_and_runs(config: LinkConfig) -> (f64, f64) {
        let count = 100_000;
        let arrivals = send(config, 7, count, MS);
        let (mut lost, mut runs) = (0, 0);
        for pair in arrivals.windows(2) {
            let gap = pair[1].0 - pair[0].0 - 1;
            lost += gap;
            runs += u32::from(gap > 0);
        }
        (
            f64::from(lost) / f64::from(count),
            f64::from(lost) / f64::from(runs),
        )
    }

    #[test]
    fn the_bottleneck_spaces_packets_and_a_full_queue_drops() {
        let config = LinkConfig {
            rate_bps: Some(1_000_000), // 8 ms for each packet
            max_queue: 40 * MS,
            ..LinkConfig::default()
        };
        let arrivals = send(config, 1, 100, 4 * MS);
        assert!(
            arrivals
                .windows(2)
                .all(|pair| pair[1].1 - pair[0].1 >= 8 * MS)
        );
        assert!((50..60).contains(&arrivals.len()), "{}", arrivals.len());
        let worst = arrivals.iter().map(|&(n, at)| at - 4 * MS * n).max();
        assert!(worst <= Some(48 * MS), "{worst:?}");
    }

    #[test]
    fn jitter_reorders_only_if_asked_to() {
        let mut config = LinkConfig {
            delay: 5 * MS,
            jitter: 20 * MS,
            ..LinkConfig::default()
        };
        let in_order = |arrivals: &[(u32, Duration)]| arrivals.windows(2).all(|p| p[0].0 < p[1].0);
        let kept = send(config.clone(), 3, 1_000, MS);
        assert!(in_order(&kept));
        config.reorder = true;
        let turned = send(config, 3, 1_000, MS);
        assert!(!in_order(&turned));
        assert_eq!(turned.len(), 1_000);
    }

    #[test]
    fn spared_packets_are_never_lost_and_change_no_others_fate() {
        let config = LinkConfig {
            loss: 0.5,
            ..LinkConfig::default()
        };
        let came = |spare: bool| {
            let mut link = Link::new(config.clone(), 11);
            for number in 0..1_000u32 {
                link.offer(Duration::ZERO, number, 100, spare && number % 10 == 0);
            }
            std::iter::from_fn(|| link.take(Duration::ZERO)).collect::<Vec<_>>()
        };
        let (without, with) = (came(false), came(true));
        let tenths = |came: &[u32]| came.iter().filter(|&n| n % 10 == 0).count();
        let others = |came: Vec<u32>| came.into_iter().filter(|n| n % 10 != 0).collect::<Vec<_>>();
        assert_eq!(tenths(&with), 100);
        assert!((30..70).contains(&tenths(&without)));
        assert_eq!(others(with), others(without));
    }

    #[test]
    fn what_waits_when_the_rate_changes_leaves_at_the_new_rate() {
        let slow = LinkConfig {
            delay: 10 * MS,
            rate_bps: Some(80_000), // 100 ms for each packet
            max_queue: 10_000 * MS,
            ..LinkConfig::default()
        };
        let mut link = Link::new(slow.clone(), 1);
        for number in 0..4 {
            link.offer(Duration::ZERO, number, 1_000, false);
        }
        // At 150 ms one is through and half of the second; two and a half packets take 25 ms at the
        // new rate.
        let fast = LinkConfig {
            rate_bps: Some(800_000),
            ..slow
        };
        link.reconfigure(150 * MS, fast);
        link.offer(150 * MS, 4, 1_000, false);
        let mut arrivals = Vec::new();
        while let Some(at) = link.next_arrival() {
            arrivals.push((link.take(at).unwrap(), at));
        }
        let expected = [(0, 110), (1, 165), (2, 175), (3, 185), (4, 195)];
        assert_eq!(arrivals, expected.map(|(n, at)| (n, at * MS)));
    }

    #[test]
    fn a_seed_reproduces_a_run_and_another_does_not() {
        let config = LinkConfig {
            loss: 0.2,
            jitter: 3 * MS,
            ..LinkConfig::default()
        };
        assert_eq!(
            send(config.clone(), 9, 500, MS),
            send(config.clone(), 9, 500, MS)
        );
        assert_ne!(send(config.clone(), 9, 500, MS), send(config, 10, 500, MS));
    }
}
