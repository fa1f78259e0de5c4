//! When to ask for a key frame.
//!
//! The first request goes out at once, for every frame until the key frame comes is a frozen one.
//! Further requests back off, because a key frame is many times larger than any other, and the path
//! that lost the last one may be full; but slowly, because where most is lost most requests are
//! too, and the publisher answers no two within 300 ms.

use std::time::Duration;

use crate::time::Instant;

/// Asks for key frames of one stream.
#[derive(Clone, Debug, Default)]
pub struct KeyFrameRequester {
    wanted: bool,
    last_request: Option<Instant>,
    /// Requests since a key frame came.
    tries: u32,
    /// Fragments of a key frame are coming: no request before this.
    quiet_until: Instant,
}

/// Between two requests at least: a publisher at 1 Mbit/s spends about this long on sending one.
const MIN_INTERVAL: Duration = Duration::from_millis(250);
/// So many requests before the interval doubles: of eight, one comes through with five in six at 80
/// % loss.
const TRIES_EACH: u32 = 8;
const MAX_INTERVAL: Duration = Duration::from_secs(1);
/// From a request's arrival to the first packet of the key frame: one frame interval and the
/// encoder.
const ENCODING: Duration = Duration::from_millis(100);

impl KeyFrameRequester {
    /// Nothing can be decoded until a key frame comes.
    pub fn want(&mut self) {
        self.wanted = true;
    }

    /// Whether one is wanted.
    pub fn is_wanted(&self) -> bool {
        self.wanted
    }

    /// Decoding goes on: either a key frame came (`key`) or what was missing did.
    pub fn satisfied(&mut self, key: bool) {
        self.wanted = false;
        if key {
            self.tries = 0;
            self.quiet_until = Instant::ZERO;
        }
    }

    /// A packet of a new key frame came: give the rest of it time.
    pub fn on_key_packet(&mut self, now: Instant, rtt: Duration) {
        self.quiet_until = self.quiet_until.max(now + rtt + ENCODING);
    }

    /// The key frame that was coming is of no use.
    pub fn on_key_lost(&mut self) {
        self.quiet_until = Instant::ZERO;
    }

    /// Whether a request is to be sent now; if so it counts as sent.
    pub fn poll(&mut self, now: Instant, rtt: Duration) -> bool {
        let due = self.next_timeout(rtt).is_some_and(|due| now >= due);
        if due {
            self.last_request = Some(now);
            self.tries = self.tries.saturating_add(1);
        }
        due
    }

    /// When [`Self::poll`] says yes next.
    pub fn next_timeout(&self, rtt: Duration) -> Option<Instant> {
        if !self.wanted {
            return None;
        }
        let after_last = self
            .last_request
            .map_or(Instant::ZERO, |last| last + self.interval(rtt));
        Some(after_last.max(self.quiet_until))
    }

    fn interval(&self, rtt: Duration) -> Duration {
        let base = MIN_INTERVAL.max(rtt + ENCODING);
        // After a key frame came (tries 0) the next loss waits the plain interval.
        base.saturating_mul(1 << (self.tries.saturating_sub(1) / TRIES_EACH).min(4))
            .min(MAX_INTERVAL.max(base))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_begin_at_once_and_back_off_until_a_key_frame_comes() {
        let rtt = Duration::from_millis(50);
        let mut requester = KeyFrameRequester::default();
        assert!(!requester.poll(Instant::ZERO, rtt));
        requester.want();
        let mut times = Vec::new();
        for millis in 1_000..10_000 {
            requester.want();
            if requester.poll(Instant::from_millis(millis), rtt) {
                times.push(millis - 1_000);
            }
        }
        let quick = (0..8).map(|n| n * 250);
        let slower = (0..8).map(|n| 2_000 + n * 500);
        let slow = (0..3).map(|n| 6_000 + n * 1_000);
        let wanted: Vec<u64> = quick.chain(slower).chain(slow).collect();
        assert_eq!(times, wanted);
        requester.satisfied(true);
        assert_eq!(requester.next_timeout(rtt), None);
        requester.want();
        assert!(requester.poll(Instant::from_millis(10_000), rtt));
    }

    #[test]
    fn a_key_frame_on_its_way_is_given_time() {
        let rtt = Duration::from_millis(50);
        let mut requester = KeyFrameRequester::default();
        requester.want();
        requester.on_key_packet(Instant::from_millis(1_000), rtt);
        assert!(!requester.poll(Instant::from_millis(1_149), rtt));
        assert!(requester.poll(Instant::from_millis(1_150), rtt));
    }
}
