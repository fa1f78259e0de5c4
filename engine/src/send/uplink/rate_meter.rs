//! A rate over the last second.

use core::time::Duration;
use std::collections::VecDeque;

use crate::time::{Bitrate, Instant};

const SPAN: Duration = Duration::from_secs(1);

/// Bytes by time.
#[derive(Debug, Default)]
pub(super) struct RateMeter {
    entries: VecDeque<(Instant, u64)>,
    bytes: u64,
}

impl RateMeter {
    pub(super) fn add(&mut self, now: Instant, bytes: u64) {
        self.entries.push_back((now, bytes));
        self.bytes += bytes;
        self.forget(now);
    }

    pub(super) fn rate(&mut self, now: Instant) -> Bitrate {
        self.forget(now);
        Bitrate::from_bytes(self.bytes, SPAN)
    }

    fn forget(&mut self, now: Instant) {
        while let Some(&(at, bytes)) = self.entries.front()
            && now - at > SPAN
        {
            self.entries.pop_front();
            self.bytes -= bytes;
        }
    }
}
