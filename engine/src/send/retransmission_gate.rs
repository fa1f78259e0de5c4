//! Keeps a packet from being sent again while it is under way already.

use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};

use crate::ids::FrameId;
use crate::time::Instant;

/// Remembers when packets were sent again; one for each receiver.
///
/// Bounded: a retransmission is forgotten after a second, and at most 4,096 are remembered.
#[derive(Clone, Debug, Default)]
pub struct RetransmissionGate {
    last: BTreeMap<(FrameId, u16), Instant>,
    order: VecDeque<(Instant, (FrameId, u16))>,
}

const MEMORY: Duration = Duration::from_secs(1);
const MAX_REMEMBERED: usize = 4_096;
/// Where the round trip is next to nothing, a receiver may ask twice before the first answer is
/// through its own queues.
const LEAST_INTERVAL: Duration = Duration::from_millis(10);

impl RetransmissionGate {
    /// Nothing sent again yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether to send this packet again now; if so, remembers that it is.
    ///
    /// Not within three quarters of `rtt` of the last time: then that one may still be on its way.
    /// Not the whole of it, because a receiver that waits one round trip before it asks again may
    /// be early by the path's jitter.
    pub fn admit(&mut self, now: Instant, rtt: Duration, frame: FrameId, fragment: u16) -> bool {
        self.forget(now);
        let id = (frame, fragment);
        let interval = (rtt * 3 / 4).clamp(LEAST_INTERVAL, MEMORY);
        if self.last.get(&id).is_some_and(|&at| now - at < interval) {
            return false;
        }
        self.last.insert(id, now);
        self.order.push_back((now, id));
        true
    }

    fn forget(&mut self, now: Instant) {
        while let Some(&(at, id)) = self.order.front() {
            if now - at <= MEMORY && self.order.len() < MAX_REMEMBERED {
                break;
            }
            self.order.pop_front();
            if self.last.get(&id) == Some(&at) {
                self.last.remove(&id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::TrackId;

    #[test]
    fn a_packet_is_retransmitted_once_in_a_round_trip() {
        let mut gate = RetransmissionGate::new();
        let rtt = Duration::from_millis(100);
        let mut admit = |ms: u64, sender: u32, fragment: u16| {
            let frame = TrackId::new(sender, 0).stream(0).frame(1);
            gate.admit(Instant::from_millis(ms), rtt, frame, fragment)
        };
        assert!(admit(0, 1, 0));
        assert!(!admit(1, 1, 0));
        assert!(admit(1, 1, 1), "another fragment");
        assert!(admit(1, 2, 0), "another sender's frame of that number");
        assert!(!admit(74, 1, 0));
        assert!(admit(75, 1, 0));
        assert!(!admit(149, 1, 0));
    }

    #[test]
    fn memory_is_bounded() {
        let mut gate = RetransmissionGate::new();
        for i in 0..10_000u32 {
            let frame = TrackId::new(1, 0).stream(0).frame(i);
            gate.admit(
                Instant::from_millis(u64::from(i) / 100),
                Duration::ZERO,
                frame,
                0,
            );
        }
        assert!(gate.last.len() <= MAX_REMEMBERED);
        gate.forget(Instant::from_millis(5_000));
        assert!(gate.last.is_empty());
    }
}
