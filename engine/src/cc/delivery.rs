//! What gets through: the rate that arrives, and the share that does not.

use core::time::Duration;
use std::collections::VecDeque;

use crate::time::{Bitrate, Instant};

/// A rate over less time than this says more of bursts than of the path.
const LEAST_SPAN: Duration = Duration::from_millis(50);
const KEPT: Duration = Duration::from_millis(1_000);

/// Bytes by their time of arrival, on the receiver's clock.
#[derive(Debug, Default)]
pub(super) struct DeliveryRate {
    arrivals: VecDeque<(i64, u64)>,
}

impl DeliveryRate {
    pub(super) fn on_packet(&mut self, arrival: i64, bytes: usize) {
        // Nearly in order: the few that are late find their place near the end.
        let place = self
            .arrivals
            .iter()
            .rposition(|&(at, _)| at <= arrival)
            .map_or(0, |i| i + 1);
        self.arrivals.insert(place, (arrival, bytes as u64));
        let newest = self.arrivals.back().map_or(arrival, |&(at, _)| at);
        while self
            .arrivals
            .front()
            .is_some_and(|&(at, _)| newest - at > KEPT.as_micros() as i64)
        {
            self.arrivals.pop_front();
        }
    }

    /// The rate over the newest `span` of arrivals; zero until there is enough to tell.
    pub(super) fn over(&self, span: Duration) -> Bitrate {
        let Some(&(newest, _)) = self.arrivals.back() else {
            return Bitrate::ZERO;
        };
        let begin = newest - span.as_micros() as i64;
        let mut bytes = 0;
        let mut oldest = None;
        for &(at, length) in self.arrivals.iter().rev() {
            if at < begin {
                // One packet from before the span: the rate then is over the whole span.
                oldest = Some(begin);
                break;
            }
            oldest = Some(at);
            bytes += length;
        }
        let elapsed = Duration::from_micros((newest - oldest.unwrap_or(newest)).unsigned_abs());
        if elapsed < LEAST_SPAN {
            Bitrate::ZERO
        } else {
            Bitrate::from_bytes(bytes, elapsed)
        }
    }
}

/// The share of packets lost over the last second of reports.
#[derive(Debug, Default)]
pub(super) struct LossRate {
    /// When; received, lost, and come after all.
    reports: VecDeque<(Instant, i64, i64, i64)>,
    /// Lost packets and the runs they came in, of the last few hundred.
    lost: f64,
    runs: f64,
}

/// A packet reported missing may come so long after: paths that turn packets round are common, and
/// the one that came first is reported first.
const MAY_BE_LATE: Duration = Duration::from_millis(120);
/// Runs remembered, about: enough for a mean, few enough to follow a path that changes.
const RUNS: f64 = 50.0;

impl LossRate {
    pub(super) fn on_report(&mut self, now: Instant, received: u64, lost: u64, recovered: u64) {
        self.reports
            .push_back((now, received as i64, lost as i64, recovered as i64));
        while self
            .reports
            .front()
            .is_some_and(|&(at, ..)| now - at > KEPT)
        {
            self.reports.pop_front();
        }
    }

    /// Counts runs of lost packets.
    pub(super) fn on_runs(&mut self, lost: u64, runs: u64) {
        self.lost += lost as f64;
        self.runs += runs as f64;
        if self.runs > RUNS {
            self.lost *= RUNS / self.runs;
            self.runs = RUNS;
        }
    }

    /// Mean length of a run over that of independent losses, from 1.
    pub(super) fn burst(&self) -> f64 {
        if self.runs < 5.0 {
            return 1.0;
        }
        (self.lost / self.runs * (1.0 - self.share())).max(1.0)
    }

    /// 0 to 1; 0 below ten packets, of which one would already be too much.
    pub(super) fn share(&self) -> f64 {
        let (received, lost) = self.reports.iter().fold((0, 0), |(r, l), report| {
            (r + report.1, l + report.2 - report.3)
        });
        share(received, lost)
    }

    /// The same without what was reported lost so lately that it may only be late.
    pub(super) fn settled_share(&self) -> f64 {
        let newest = self.reports.back().map_or(Instant::ZERO, |report| report.0);
        let mut sums = (0, 0);
        for &(at, received, lost, recovered) in &self.reports {
            let is_settled = newest - at >= MAY_BE_LATE;
            let lost = if is_settled { lost } else { 0 };
            sums.0 += if is_settled { received } else { recovered };
            sums.1 += lost - recovered;
        }
        share(sums.0, sums.1)
    }
}

/// With fewer packets a single loss would already look like heavy loss.
fn share(received: i64, lost: i64) -> f64 {
    let lost = lost.max(0);
    if received + lost < 10 {
        0.0
    } else {
        lost as f64 / (received + lost) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_the_newest_span() {
        let mut rate = DeliveryRate::default();
        assert_eq!(rate.over(KEPT), Bitrate::ZERO);
        for ms in (0..1_000).step_by(10) {
            rate.on_packet(ms * 1_000, if ms < 500 { 1_250 } else { 125 });
        }
        let late = rate.over(Duration::from_millis(250)).as_bps();
        assert!((95_000..115_000).contains(&late), "{late}");
        let long = rate.over(Duration::from_millis(1_000)).as_bps();
        assert!((530_000..580_000).contains(&long), "{long}");
    }

    #[test]
    fn loss_is_a_share_of_enough_packets() {
        let mut loss = LossRate::default();
        loss.on_report(Instant::from_millis(0), 5, 4, 0);
        assert_eq!(loss.share(), 0.0);
        loss.on_report(Instant::from_millis(50), 9, 3, 1);
        assert_eq!(loss.share(), 0.3);
        assert_eq!(loss.settled_share(), 0.0, "they may only be late");
        loss.on_report(Instant::from_millis(1_040), 10, 0, 0);
        assert!((loss.share() - 2.0 / 21.0).abs() < 1e-9);
    }
}
