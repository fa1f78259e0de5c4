//! How much delay stands in queues on the path: the least delay of late above the least delay ever.
//!
//! Minima, not averages, because jitter only ever adds: while the fastest packet of the last 200 ms
//! came as fast as any, nothing stands in the queue, however the others were scattered.

use core::time::Duration;
use std::collections::VecDeque;

use crate::time::Instant;

const RECENT_MICROS: i64 = 200_000;
const LATEST_MICROS: i64 = 60_000;
/// The base is the least of this and the period before, so that the clocks may drift: 50 ppm make
/// 1.5 ms of 30 s.
const BASE_PERIOD: Duration = Duration::from_secs(15);

/// The measure.
#[derive(Debug, Default)]
pub(super) struct QueueDelay {
    /// (arrival, one-way delay on two clocks) in microseconds, both ascending: a candidate goes
    /// when a smaller one comes after it.
    recent: VecDeque<(i64, i64)>,
    base: Option<i64>,
    base_before: Option<i64>,
    period_start: Option<Instant>,
}

impl QueueDelay {
    /// Takes a packet that came, in the order of sending.
    pub(super) fn on_packet(&mut self, sent_at: Instant, arrival: i64) {
        let delay = arrival - i64::try_from(sent_at.as_micros()).unwrap_or(i64::MAX / 2);
        while self.recent.back().is_some_and(|&(_, other)| other >= delay) {
            self.recent.pop_back();
        }
        self.recent.push_back((arrival, delay));
        // By arrival: while a queue builds up, packets sent in 200 ms take seconds to come.
        while self
            .recent
            .front()
            .is_some_and(|&(at, _)| arrival - at > RECENT_MICROS)
        {
            self.recent.pop_front();
        }
        let start = *self.period_start.get_or_insert(sent_at);
        if sent_at - start > BASE_PERIOD {
            self.period_start = Some(sent_at);
            self.base_before = self.base.take();
        }
        self.base = Some(self.base.map_or(delay, |base| base.min(delay)));
    }

    /// The standing delay.
    pub(super) fn standing(&self) -> Duration {
        let Some(&(_, recent)) = self.recent.front() else {
            return Duration::ZERO;
        };
        self.above_base(recent)
    }

    fn above_base(&self, delay: i64) -> Duration {
        let base = self.base.into_iter().chain(self.base_before).min();
        Duration::from_micros(u64::try_from(delay - base.unwrap_or(delay)).unwrap_or(0))
    }

    /// The least delay of the last 60 ms above the base: sooner than the standing delay, and no
    /// proof of a queue by itself, for jitter does the same for a while.
    pub(super) fn latest(&self) -> Duration {
        let Some(&(newest, _)) = self.recent.back() else {
            return Duration::ZERO;
        };
        let least = self
            .recent
            .iter()
            .find(|&&(at, _)| newest - at <= LATEST_MICROS);
        self.above_base(least.map_or(0, |&(_, delay)| delay))
    }

    /// The standing delay, or the latest if that is longer already.
    pub(super) fn longest(&self) -> Duration {
        self.standing().max(self.latest())
    }

    /// Takes the present delay for that of an empty path: the route has changed.
    pub(super) fn rebase(&mut self) {
        self.base = self.recent.front().map(|&(_, delay)| delay);
        self.base_before = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(queue: &mut QueueDelay, from_ms: u64, to_ms: u64, delay_ms: impl Fn(u64) -> u64) {
        for ms in (from_ms..to_ms).step_by(10) {
            queue.on_packet(
                Instant::from_millis(ms),
                (ms + delay_ms(ms)) as i64 * 1_000 - 77_000_000,
            );
        }
    }

    #[test]
    fn jitter_is_not_a_queue_and_a_queue_is_measured() {
        let mut queue = QueueDelay::default();
        feed(&mut queue, 0, 1_000, |ms| 20 + ms * 7 % 40);
        assert!(
            queue.standing() <= Duration::from_millis(5),
            "{:?}",
            queue.standing()
        );
        feed(&mut queue, 1_000, 1_500, |ms| 120 + ms * 7 % 40);
        assert!(queue.standing().abs_diff(Duration::from_millis(100)) <= Duration::from_millis(5));
        assert!(queue.latest() >= queue.standing());
        queue.rebase();
        assert_eq!(queue.standing(), Duration::ZERO);
    }

    #[test]
    fn a_queue_that_builds_up_is_seen_at_once_in_what_came_latest() {
        let mut queue = QueueDelay::default();
        feed(&mut queue, 0, 1_000, |_| 20);
        feed(&mut queue, 1_000, 1_100, |ms| 20 + (ms - 1_000));
        assert_eq!(queue.standing(), Duration::ZERO);
        assert!(
            queue.latest() >= Duration::from_millis(40),
            "{:?}",
            queue.latest()
        );
    }

    #[test]
    fn the_base_follows_a_drifting_clock() {
        let mut queue = QueueDelay::default();
        feed(&mut queue, 0, 1_000, |_| 20);
        feed(&mut queue, 1_000, 40_000, |_| 50);
        assert_eq!(queue.standing(), Duration::ZERO);
    }
}
