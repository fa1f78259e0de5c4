//! Bursts that find out whether a path bears more than is sent.
//!
//! Nothing that is sent can show what more would do, and sending more for seconds costs seconds of
//! queue where the path does not bear it. A burst of a few packets, faster than the target, costs
//! some ten milliseconds: the narrowest link spreads it out to its own rate, which is seen in the
//! arrivals (packet trains: Jain and Dovrolis, *End-to-end available bandwidth*, SIGCOMM 2002;
//! libwebrtc `probe_bitrate_estimator.cc`).

use core::time::Duration;

use super::history::Acked;
use crate::time::{Bitrate, Instant};

/// A burst that has gone out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Probe {
    /// When its first packet went out.
    pub from: Instant,
    /// When its last did.
    pub until: Instant,
    /// How much it was.
    pub bytes: usize,
    /// The rate that was tried: the upper bound of what the burst can prove.
    pub rate: Bitrate,
}

/// Least number of packets whose spacing says something of the path.
const LEAST_PACKETS: usize = 4;
/// Reports of what was sent within this time are waited for.
const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// Of a rate that was less than what was sent: other traffic moves, and the last of a train is not
/// the worst.
const SATURATED: f64 = 0.95;
const UNSATURATED: f64 = 0.9;
/// Closer together is at once.
const INSTANT: Duration = Duration::from_micros(100);

/// Waits for a burst to be reported.
#[derive(Debug, Default)]
pub(super) struct ProbeMeter {
    /// The last burst, and whether it is waited for.
    probe: Option<Probe>,
    waiting: bool,
    /// In the order of sending.
    acked: Vec<Acked>,
}

impl ProbeMeter {
    pub(super) fn begin(&mut self, probe: Probe) {
        self.probe = Some(probe);
        self.waiting = true;
        self.acked.clear();
    }

    /// Whether a packet sent then belongs to the last burst: its delay is the burst's own doing.
    pub(super) fn covers(&self, sent_at: Instant) -> bool {
        self.probe
            .is_some_and(|probe| (probe.from..=probe.until).contains(&sent_at))
    }

    /// Takes what a report has told. Once what was sent after the burst is reported, or is overdue:
    /// the rate at which the burst came, or zero if too little of it did.
    pub(super) fn on_report(&mut self, now: Instant, acked: &[Acked]) -> Option<Bitrate> {
        let probe = self.probe.filter(|_| self.waiting)?;
        let own = acked.iter().filter(|packet| self.covers(packet.sent_at));
        let own: Vec<Acked> = own.copied().collect();
        self.acked.extend(own);
        let passed = acked.iter().any(|packet| packet.sent_at > probe.until);
        if !passed && now - probe.until < LONGEST_WAIT {
            return None;
        }
        self.waiting = false;
        Some(self.rate(&probe).unwrap_or(Bitrate::ZERO).min(probe.rate))
    }

    fn rate(&self, probe: &Probe) -> Option<Bitrate> {
        if self.acked.len() < LEAST_PACKETS {
            return None;
        }
        let (first, last) = (self.acked.first()?, self.acked.last()?);
        let bytes: usize = self.acked.iter().map(|packet| packet.bytes).sum();
        // A train's first packet takes no time from the first to the last arrival, and its last
        // none of the sending.
        let sending = (last.sent_at - first.sent_at).max(INSTANT);
        let sent = Bitrate::from_bytes((bytes - last.bytes) as u64, sending);
        let arrivals = self.acked.iter().map(|packet| packet.arrival);
        let spread = arrivals.clone().max()? - arrivals.min()?;
        let arriving = Duration::from_micros(u64::try_from(spread).ok()?).max(INSTANT);
        let arrived = Bitrate::from_bytes((bytes - first.bytes) as u64, arriving);
        // What was lost on the way was sent as well, and what is left of the train is stretched no
        // less for it.
        let all = (probe.bytes as f64 / bytes as f64).max(1.0);
        let (sent, arrived) = (sent * all, arrived * all);
        Some(if arrived < sent * UNSATURATED {
            arrived * SATURATED
        } else {
            sent.min(arrived)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Packets of 1,000 bytes, sent each `sent` and arriving each `arrived` milliseconds.
    fn train(count: i64, sent: i64, arrived: i64) -> Vec<Acked> {
        (0..count)
            .map(|n| Acked {
                sent_at: Instant::from_millis((1_000 + n * sent) as u64),
                arrival: n * arrived * 1_000,
                bytes: 1_000,
                ambiguous: false,
            })
            .collect()
    }

    fn measure(count: i64, arrived: i64) -> Option<Bitrate> {
        measure_without(count, arrived, &[])
    }

    /// The same when some of the packets are lost.
    fn measure_without(count: i64, arrived: i64, lost: &[usize]) -> Option<Bitrate> {
        let mut meter = ProbeMeter::default();
        let mut packets = train(count, 2, arrived);
        for &at in lost.iter().rev() {
            packets.remove(at);
        }
        meter.begin(Probe {
            from: Instant::from_millis(1_000),
            until: packets.last().unwrap().sent_at,
            bytes: lost.len() * 1_000 + packets.len() * 1_000,
            rate: Bitrate::from_kbps(4_500),
        });
        assert_eq!(meter.on_report(Instant::from_millis(1_100), &packets), None);
        let after = Acked {
            sent_at: Instant::from_millis(1_050),
            ..packets[0]
        };
        assert!(meter.covers(packets[0].sent_at) && !meter.covers(after.sent_at));
        let rate = meter.on_report(Instant::from_millis(1_200), &[after]);
        assert_eq!(meter.on_report(Instant::from_millis(1_300), &[after]), None);
        rate
    }

    #[test]
    fn a_train_that_arrives_as_it_was_sent_shows_its_own_rate() {
        assert_eq!(measure(5, 2), Some(Bitrate::from_kbps(4_000)));
        assert_eq!(measure(5, 1), Some(Bitrate::from_kbps(4_000)));
        assert_eq!(measure(5, 0), Some(Bitrate::from_kbps(4_000)));
    }

    #[test]
    fn a_train_that_is_spread_out_shows_the_link() {
        assert_eq!(measure(5, 20), Some(Bitrate::from_kbps(380)));
    }

    #[test]
    fn losses_on_the_way_do_not_make_a_train_slower() {
        let half = [1, 2, 5, 7, 8, 10];
        let rate = measure_without(13, 2, &half).unwrap().as_bps() / 1_000;
        assert!((3_600..=4_500).contains(&rate), "{rate}");
        let rate = measure_without(13, 20, &half).unwrap().as_bps() / 1_000;
        assert!((340..450).contains(&rate), "{rate}");
    }

    #[test]
    fn too_few_packets_show_nothing_and_an_overdue_report_is_not_waited_for() {
        assert_eq!(measure(3, 2), Some(Bitrate::ZERO));
        let mut meter = ProbeMeter::default();
        let at = Instant::from_millis(1_000);
        meter.begin(Probe {
            from: at,
            until: at,
            bytes: 5_000,
            rate: Bitrate::from_kbps(1_000),
        });
        assert_eq!(meter.on_report(Instant::from_millis(1_900), &[]), None);
        assert_eq!(
            meter.on_report(Instant::from_millis(2_100), &[]),
            Some(Bitrate::ZERO)
        );
    }
}
