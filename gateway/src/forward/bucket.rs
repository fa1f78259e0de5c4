use std::time::Duration;

use smrtc_engine::time::{Bitrate, Instant};

/// A rate of so many things in a second, for a bucket that counts them as bytes.
pub(crate) fn per_second(count: u32) -> Bitrate {
    Bitrate::from_bps(u64::from(count) * 8)
}

/// A token bucket over bytes: a rate with a burst.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bucket {
    rate: Bitrate,
    burst_bytes: u64,
    level_bytes: u64,
    refilled: Instant,
}

impl Bucket {
    pub(crate) fn new(rate: Bitrate, burst_bytes: u64, now: Instant) -> Self {
        Self {
            rate,
            burst_bytes,
            level_bytes: burst_bytes,
            refilled: now,
        }
    }

    /// How many bytes can be taken out now.
    pub(crate) fn available(&mut self, now: Instant) -> u64 {
        let earned = self.rate.bytes_in(now.duration_since(self.refilled));
        // Below one byte the time is kept, so that many short steps earn as much as one long one.
        if earned > 0 {
            self.level_bytes = (self.level_bytes + earned).min(self.burst_bytes);
            self.refilled = now;
        }
        self.level_bytes
    }

    /// The most that can ever be taken out at once.
    pub(crate) fn burst(&self) -> u64 {
        self.burst_bytes
    }

    /// Takes `bytes` out if they are there.
    pub(crate) fn take(&mut self, now: Instant, bytes: u64) -> bool {
        if self.available(now) < bytes {
            return false;
        }
        self.level_bytes -= bytes;
        true
    }
}

/// Counts events and tells when there are too many in a window.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tolerance {
    limit: u32,
    window: Duration,
    seen: u32,
    since: Instant,
}

impl Tolerance {
    /// Tolerates `limit` events in each `window`.
    pub(crate) fn new(limit: u32, window: Duration, now: Instant) -> Self {
        Self {
            limit,
            window,
            seen: 0,
            since: now,
        }
    }

    /// Counts one event; `false` if it is one too many.
    pub(crate) fn tolerates(&mut self, now: Instant) -> bool {
        if now.duration_since(self.since) >= self.window {
            self.since = now;
            self.seen = 0;
        }
        self.seen += 1;
        self.seen <= self.limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_gives_its_rate_over_time_and_its_burst_at_once() {
        let rate = Bitrate::from_kbps(80);
        let mut bucket = Bucket::new(rate, 2_000, Instant::ZERO);
        let mut taken = 0;
        for millis in 0..1_000 {
            while bucket.take(Instant::from_millis(millis), 100) {
                taken += 100;
            }
        }
        // 80 kbit/s are 10,000 bytes per second.
        assert!((11_800..=12_000).contains(&taken), "{taken}");
    }

    #[test]
    fn tolerance_starts_anew_with_each_window() {
        let mut tolerance = Tolerance::new(2, Duration::from_secs(1), Instant::ZERO);
        assert!(tolerance.tolerates(Instant::ZERO));
        assert!(tolerance.tolerates(Instant::ZERO));
        assert!(!tolerance.tolerates(Instant::ZERO));
        assert!(tolerance.tolerates(Instant::from_millis(1_000)));
    }
}
