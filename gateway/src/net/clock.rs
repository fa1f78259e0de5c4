use std::time::Instant as StdInstant;

use smrtc_engine::time::Instant;

/// Real time as the sans-IO parts want it: microseconds since this clock was started.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock(StdInstant);

impl Clock {
    pub(super) fn start() -> Self {
        Self(StdInstant::now())
    }

    pub(super) fn now(&self) -> Instant {
        Instant::from_micros(u64::try_from(self.0.elapsed().as_micros()).unwrap_or(u64::MAX))
    }

    /// The moment for tokio's timers; far in the future for "never".
    pub(super) fn deadline(&self, at: Instant) -> tokio::time::Instant {
        let wait = at.duration_since(self.now());
        // tokio panics if the sum overflows. A day is as good as never: sessions then ask for their
        // deadline again.
        tokio::time::Instant::now() + wait.min(std::time::Duration::from_secs(86_400))
    }
}
