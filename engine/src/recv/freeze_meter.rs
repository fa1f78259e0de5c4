//! Freezes, by the rule of webrtc-stats.
//!
//! `freezeCount` there: a freeze is an interval between two rendered frames of at least
//! max(3 × avg, avg + 150 ms), avg being the mean of the last 30 intervals.

use std::collections::VecDeque;
use std::time::Duration;

use crate::time::Instant;

/// Watches the times at which frames are shown.
#[derive(Clone, Debug, Default)]
pub struct FreezeMeter {
    intervals: VecDeque<Duration>,
    sum: Duration,
    last: Option<Instant>,
    stalled: bool,
    count: u64,
    total: Duration,
    total_interval: Duration,
}

const INTERVALS: usize = 30;
const MARGIN: Duration = Duration::from_millis(150);

impl FreezeMeter {
    /// A frame is shown at `at`. Returns the length of the stall that it ends, if one had been
    /// told.
    pub fn on_shown(&mut self, at: Instant) -> Option<Duration> {
        let stalled = std::mem::take(&mut self.stalled);
        let last = self.last.replace(at)?;
        let interval = at - last;
        self.total_interval += interval;
        if self
            .threshold()
            .is_some_and(|threshold| interval >= threshold)
        {
            self.count += 1;
            self.total += interval;
        }
        self.intervals.push_back(interval);
        self.sum += interval;
        if self.intervals.len() > INTERVALS
            && let Some(oldest) = self.intervals.pop_front()
        {
            self.sum = self.sum.saturating_sub(oldest);
        }
        stalled.then_some(interval)
    }

    /// Whether the video frame has just been found frozen. True once for each stall.
    pub fn poll(&mut self, now: Instant) -> bool {
        let due = self.next_timeout().is_some_and(|due| now >= due);
        self.stalled |= due;
        due
    }

    /// When the video frame counts as frozen unless a frame is shown.
    pub fn next_timeout(&self) -> Option<Instant> {
        if self.stalled {
            return None;
        }
        Some(self.last? + self.threshold()?)
    }

    /// The source pauses on purpose: the interval until its next frame is no freeze.
    pub fn pause(&mut self) {
        self.last = None;
        self.stalled = false;
    }

    fn threshold(&self) -> Option<Duration> {
        let count = u32::try_from(self.intervals.len())
            .ok()
            .filter(|&count| count > 0)?;
        let mean = self.sum / count;
        Some((mean * 3).max(mean + MARGIN))
    }

    /// How many freezes ended, and their total length.
    pub fn freezes(&self) -> (u64, Duration) {
        (self.count, self.total)
    }

    /// Sum of all intervals.
    pub fn total_interval(&self) -> Duration {
        self.total_interval
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_interval_is_told_once_and_counted_when_it_ends() {
        let mut meter = FreezeMeter::default();
        for n in 0..40 {
            assert_eq!(meter.on_shown(Instant::from_millis(1_000 + n * 33)), None);
        }
        let last = Instant::from_millis(1_000 + 39 * 33);
        assert_eq!(
            meter.next_timeout(),
            Some(last + Duration::from_millis(183))
        );
        assert!(!meter.poll(last + Duration::from_millis(182)));
        assert!(meter.poll(last + Duration::from_millis(183)));
        assert!(!meter.poll(last + Duration::from_millis(400)));
        assert_eq!(
            meter.on_shown(last + Duration::from_millis(500)),
            Some(Duration::from_millis(500))
        );
        assert_eq!(meter.freezes(), (1, Duration::from_millis(500)));
    }

    #[test]
    fn a_pause_is_no_freeze() {
        let mut meter = FreezeMeter::default();
        for n in 0..40 {
            meter.on_shown(Instant::from_millis(n * 33));
        }
        meter.pause();
        assert_eq!(meter.next_timeout(), None);
        assert_eq!(meter.on_shown(Instant::from_millis(60_000)), None);
        assert_eq!(meter.freezes().0, 0);
    }
}
