//! Whether the queue on the path is growing: the trendline filter and overuse detector of Google
//! congestion control.
//!
//! Follows libwebrtc
//! `modules/congestion_controller/goog_cc/{inter_arrival_delta,trendline_estimator}.cc`
//! (draft-ietf-rmcat-gcc-02 §4–5 describes an older form), with its constants; without its optional
//! sorting and cap of the window.

use core::time::Duration;
use std::collections::VecDeque;

use crate::time::Instant;

/// What the delay says of the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Usage {
    /// The queue neither grows nor shrinks.
    Normal,
    /// The queue grows: more is sent than gets through.
    Over,
    /// The queue shrinks.
    Under,
}

/// Packets sent within this time are one group, for pacing sends in bursts.
const BURST: Duration = Duration::from_millis(5);
const MAX_BURST_ARRIVAL_MICROS: i64 = 100_000;
const WINDOW: usize = 20;
const SMOOTHING: f64 = 0.9;
const GAIN: f64 = 4.0;
const MAX_DELTAS: u32 = 60;
const OVERUSE_TIME_MS: f64 = 10.0;
const THRESHOLD_START_MS: f64 = 12.5;
const THRESHOLD_UP: f64 = 0.0087;
const THRESHOLD_DOWN: f64 = 0.039;
const THRESHOLD_RANGE_MS: (f64, f64) = (6.0, 600.0);
/// A jump by more than this above the threshold is a route change or a stall, not a trend to adapt
/// to.
const MAX_ADAPT_OFFSET_MS: f64 = 15.0;

#[derive(Clone, Copy, Debug)]
struct Group {
    first_sent: Instant,
    last_sent: Instant,
    first_arrival: i64,
    last_arrival: i64,
}

/// The filter and the detector.
#[derive(Debug)]
pub(super) struct Trendline {
    current: Option<Group>,
    previous: Option<Group>,
    deltas: u32,
    accumulated_ms: f64,
    smoothed_ms: f64,
    window: VecDeque<(f64, f64)>,
    first_arrival: i64,
    threshold_ms: f64,
    last_update: Option<Instant>,
    over_ms: Option<f64>,
    over_count: u32,
    previous_trend: f64,
    usage: Usage,
}

impl Trendline {
    pub(super) fn new() -> Self {
        Self {
            current: None,
            previous: None,
            deltas: 0,
            accumulated_ms: 0.0,
            smoothed_ms: 0.0,
            window: VecDeque::with_capacity(WINDOW + 1),
            first_arrival: 0,
            threshold_ms: THRESHOLD_START_MS,
            last_update: None,
            over_ms: None,
            over_count: 0,
            previous_trend: 0.0,
            usage: Usage::Normal,
        }
    }

    pub(super) fn usage(&self) -> Usage {
        self.usage
    }

    /// Takes a packet that came, in the order of sending.
    pub(super) fn on_packet(&mut self, now: Instant, sent_at: Instant, arrival: i64) {
        let Some(group) = &mut self.current else {
            self.current = Some(Group::new(sent_at, arrival));
            return;
        };
        if sent_at < group.first_sent {
            return;
        }
        if group.holds(sent_at, arrival) {
            group.last_sent = group.last_sent.max(sent_at);
            group.last_arrival = group.last_arrival.max(arrival);
            return;
        }
        let finished = *group;
        self.current = Some(Group::new(sent_at, arrival));
        if let Some(previous) = self.previous.replace(finished) {
            let sent_ms = (finished.last_sent - previous.last_sent).as_secs_f64() * 1e3;
            let arrival_ms = (finished.last_arrival - previous.last_arrival) as f64 / 1e3;
            self.on_delta(now, arrival_ms - sent_ms, sent_ms, finished.last_arrival);
        }
    }

    fn on_delta(&mut self, now: Instant, delta_ms: f64, sent_ms: f64, arrival: i64) {
        if self.deltas == 0 {
            self.first_arrival = arrival;
        }
        self.deltas = (self.deltas + 1).min(1_000);
        self.accumulated_ms += delta_ms;
        self.smoothed_ms = SMOOTHING * self.smoothed_ms + (1.0 - SMOOTHING) * self.accumulated_ms;
        self.window.push_back((
            (arrival - self.first_arrival) as f64 / 1e3,
            self.smoothed_ms,
        ));
        if self.window.len() > WINDOW {
            self.window.pop_front();
        }
        let trend = if self.window.len() == WINDOW {
            slope(&self.window).unwrap_or(self.previous_trend)
        } else {
            self.previous_trend
        };
        self.detect(now, trend, sent_ms);
    }

    fn detect(&mut self, now: Instant, trend: f64, sent_ms: f64) {
        if self.deltas < 2 {
            return;
        }
        let modified = f64::from(self.deltas.min(MAX_DELTAS)) * trend * GAIN;
        if modified > self.threshold_ms {
            let over = self.over_ms.map_or(sent_ms / 2.0, |over| over + sent_ms);
            self.over_ms = Some(over);
            self.over_count += 1;
            if over > OVERUSE_TIME_MS && self.over_count > 1 && trend >= self.previous_trend {
                self.over_ms = Some(0.0);
                self.over_count = 0;
                self.usage = Usage::Over;
            }
        } else {
            self.over_ms = None;
            self.over_count = 0;
            self.usage = if modified < -self.threshold_ms {
                Usage::Under
            } else {
                Usage::Normal
            };
        }
        self.previous_trend = trend;
        self.adapt_threshold(now, modified);
    }

    fn adapt_threshold(&mut self, now: Instant, modified: f64) {
        let last = self.last_update.replace(now).unwrap_or(now);
        let size = modified.abs();
        if size > self.threshold_ms + MAX_ADAPT_OFFSET_MS {
            return;
        }
        let gain = if size < self.threshold_ms {
            THRESHOLD_DOWN
        } else {
            THRESHOLD_UP
        };
        let elapsed_ms = ((now - last).as_secs_f64() * 1e3).min(100.0);
        self.threshold_ms += gain * (size - self.threshold_ms) * elapsed_ms;
        self.threshold_ms = self
            .threshold_ms
            .clamp(THRESHOLD_RANGE_MS.0, THRESHOLD_RANGE_MS.1);
    }
}

impl Group {
    fn new(sent_at: Instant, arrival: i64) -> Self {
        Self {
            first_sent: sent_at,
            last_sent: sent_at,
            first_arrival: arrival,
            last_arrival: arrival,
        }
    }

    /// Whether a packet belongs to the group: sent in one burst with it, or held up and let go
    /// together.
    fn holds(&self, sent_at: Instant, arrival: i64) -> bool {
        if sent_at - self.first_sent <= BURST {
            return true;
        }
        let arrival_delta = arrival - self.last_arrival;
        let sent_delta = (sent_at - self.last_sent).as_micros() as i64;
        arrival_delta < sent_delta
            && arrival_delta <= BURST.as_micros() as i64
            && arrival - self.first_arrival < MAX_BURST_ARRIVAL_MICROS
    }
}

/// The slope of the least-squares line through `points`.
fn slope(points: &VecDeque<(f64, f64)>) -> Option<f64> {
    let count = points.len() as f64;
    let (sum_x, sum_y) = points
        .iter()
        .fold((0.0, 0.0), |(x, y), point| (x + point.0, y + point.1));
    let (mean_x, mean_y) = (sum_x / count, sum_y / count);
    let (mut numerator, mut denominator) = (0.0, 0.0);
    for (x, y) in points {
        numerator += (x - mean_x) * (y - mean_y);
        denominator += (x - mean_x) * (x - mean_x);
    }
    (denominator > 0.0).then(|| numerator / denominator)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One packet each 10 ms, delayed by what `delay_ms` says of it; every usage seen.
    fn run(packets: u32, delay_ms: impl Fn(u32) -> f64) -> Vec<Usage> {
        let mut trendline = Trendline::new();
        (0..packets)
            .map(|i| {
                let sent_at = Instant::from_millis(u64::from(i) * 10);
                let arrival = i64::from(i) * 10_000 + (delay_ms(i) * 1e3) as i64;
                trendline.on_packet(sent_at, sent_at, arrival);
                trendline.usage()
            })
            .collect()
    }

    #[test]
    fn a_growing_queue_is_overuse_and_a_shrinking_one_underuse() {
        let usages = run(200, |i| {
            if i < 100 {
                20.0
            } else {
                20.0 + f64::from(i - 100)
            }
        });
        assert!(usages[..100].iter().all(|&usage| usage == Usage::Normal));
        let first = usages
            .iter()
            .position(|&usage| usage == Usage::Over)
            .unwrap();
        assert!(
            first < 130,
            "seen after {} ms of growth",
            (first - 100) * 10
        );
        let usages = run(200, |i| {
            if i < 100 {
                200.0
            } else {
                200.0 - f64::from(i - 100)
            }
        });
        assert!(usages.contains(&Usage::Under));
        assert!(!usages.contains(&Usage::Over));
    }

    #[test]
    fn alternating_jitter_is_not_overuse() {
        let usages = run(1_000, |i| f64::from(i * 7919 % 13));
        assert!(!usages[100..].contains(&Usage::Over));
    }
}
