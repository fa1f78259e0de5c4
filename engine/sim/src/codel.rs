//! CoDel, the queue management of RFC 8289: drops when packets have stood too long for too long.

use std::time::Duration;

use smrtc_engine::Instant;

/// RFC 8289 §4.3.
const TARGET: Duration = Duration::from_millis(5);
/// RFC 8289 §4.3.
const INTERVAL: Duration = Duration::from_millis(100);

/// The state of the dropper (RFC 8289 §5).
#[derive(Clone, Debug, Default)]
pub(crate) struct Codel {
    above_until: Option<Instant>,
    dropping: bool,
    drop_next: Instant,
    count: u32,
}

impl Codel {
    /// Whether to drop the packet that leaves the queue now, having stood there for `waited`.
    pub(crate) fn drops(&mut self, now: Instant, waited: Duration, is_last: bool) -> bool {
        if waited < TARGET || is_last {
            self.above_until = None;
            self.dropping = false;
            return false;
        }
        let since = *self.above_until.get_or_insert(now + INTERVAL);
        if now < since {
            return false;
        }
        if !self.dropping {
            // Dropping again soon after the last time goes on where that left off.
            let recent = now - self.drop_next < INTERVAL * 16;
            self.count = if recent && self.count > 2 {
                self.count - 2
            } else {
                1
            };
            self.dropping = true;
            self.drop_next = now + self.gap();
            return true;
        }
        if now < self.drop_next {
            return false;
        }
        self.count += 1;
        self.drop_next += self.gap();
        true
    }

    fn gap(&self) -> Duration {
        INTERVAL.div_f64(f64::from(self.count).sqrt())
    }
}
