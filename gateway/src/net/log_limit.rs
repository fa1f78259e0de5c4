//! Limits log lines that anybody can cause: writing them takes the thread's time and fills disks.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use smrtc_engine::time::Instant;

/// Lines of one kind in a [`PERIOD`].
const LINES: u32 = 10;

const PERIOD: Duration = Duration::from_secs(10);

/// Lets some lines through and counts the others.
#[derive(Debug, Default)]
pub(super) struct LogLimit(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    since: Instant,
    lines: u32,
    left_out: u64,
}

impl LogLimit {
    /// Whether a line may be written, and then how many were left out since the last one.
    pub(super) fn line(&self, now: Instant) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if now.duration_since(state.since) >= PERIOD {
            state.since = now;
            state.lines = 0;
        }
        if state.lines == LINES {
            state.left_out += 1;
            return None;
        }
        state.lines += 1;
        Some(std::mem::take(&mut state.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_leaves_some_lines_and_the_number_of_the_others() {
        let limit = LogLimit::default();
        let mut now = Instant::ZERO + PERIOD;
        let written = (0..1_000).filter_map(|_| limit.line(now)).count();
        assert_eq!(written, LINES as usize);
        now += PERIOD;
        assert_eq!(limit.line(now), Some(990));
        assert_eq!(limit.line(now), Some(0));
    }
}
