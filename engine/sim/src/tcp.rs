//! A TCP sender as cross traffic: slow start, additive increase, halving on loss, selective
//! acknowledgement.
//!
//! Reno's window (RFC 5681) with loss found as RFC 9002 does it, by three later packets or a
//! timeout. Its acknowledgements are not lost: what matters here is what it does to the queue it
//! shares.

use std::collections::BTreeMap;
use std::time::Duration;

use smrtc_engine::Instant;

/// Bytes of a segment on the link.
pub const SEGMENT_BYTES: u64 = 1_200;
const REORDERING: u64 = 3;
const TIMEOUT: Duration = Duration::from_secs(1);

/// The sender's end.
#[derive(Debug)]
pub struct TcpSender {
    window: f64,
    threshold: f64,
    next: u64,
    end: Option<u64>,
    /// Sent and not acknowledged: when.
    flight: BTreeMap<u64, Instant>,
    lost: Vec<u64>,
    /// Losses below this belong to a cut already made.
    recovery: u64,
    delivered: u64,
}

impl TcpSender {
    /// One with so many bytes to send, or without end.
    pub fn new(bytes: Option<u64>) -> Self {
        Self {
            window: 10.0,
            threshold: f64::INFINITY,
            next: 0,
            end: bytes.map(|bytes| bytes.div_ceil(SEGMENT_BYTES)),
            flight: BTreeMap::new(),
            lost: Vec::new(),
            recovery: 0,
            delivered: 0,
        }
    }

    /// The number of a segment to send now, if there is one. Call until it says `None`.
    pub fn poll(&mut self, now: Instant) -> Option<u64> {
        let oldest = self.flight.values().min().copied();
        if oldest.is_some_and(|at| now >= at + TIMEOUT) {
            self.lost.extend(self.flight.keys());
            self.flight.clear();
            self.threshold = (self.window / 2.0).max(2.0);
            self.window = 1.0;
            self.recovery = self.next;
        }
        if self.flight.len() as f64 >= self.window.floor() {
            return None;
        }
        let segment = self.lost.pop().or_else(|| {
            let next = self.next;
            self.end.is_none_or(|end| next < end).then(|| {
                self.next += 1;
                next
            })
        })?;
        self.flight.insert(segment, now);
        Some(segment)
    }

    /// A segment was acknowledged.
    pub fn on_ack(&mut self, segment: u64) {
        if self.flight.remove(&segment).is_none() {
            return;
        }
        self.delivered += 1;
        self.window += if self.window < self.threshold {
            1.0
        } else {
            1.0 / self.window
        };
        let gone: Vec<u64> = self
            .flight
            .range(..segment.saturating_sub(REORDERING))
            .map(|(&lost, _)| lost)
            .collect();
        for lost in gone {
            self.flight.remove(&lost);
            self.lost.push(lost);
            if lost >= self.recovery {
                self.threshold = (self.window / 2.0).max(2.0);
                self.window = self.threshold;
                self.recovery = self.next;
            }
        }
    }

    /// When [`Self::poll`] may have something without an acknowledgement.
    pub fn next_timeout(&self) -> Option<Instant> {
        self.flight.values().min().map(|&at| at + TIMEOUT)
    }

    /// Whether all has been sent and acknowledged.
    pub fn is_done(&self) -> bool {
        self.end.is_some_and(|end| self.next >= end)
            && self.flight.is_empty()
            && self.lost.is_empty()
    }

    /// Segments acknowledged.
    pub fn delivered(&self) -> u64 {
        self.delivered
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::{Link, LinkConfig, Parcel};
    use smrtc_engine::Bitrate;

    #[test]
    fn it_fills_a_link_and_its_queue() {
        let config = LinkConfig {
            rate: Some(Bitrate::from_kbps(2_000)),
            queue_bytes: 40_000,
            ..LinkConfig::default()
        };
        let mut link = Link::new(config, 1);
        let mut tcp = TcpSender::new(None);
        let mut acks: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
        for ms in 0..30_000 {
            let now = Instant::from_millis(ms);
            for segment in acks.remove(&ms).unwrap_or_default() {
                tcp.on_ack(segment);
            }
            while let Some(segment) = tcp.poll(now) {
                let parcel = Parcel {
                    flow: segment as usize,
                    bytes: SEGMENT_BYTES,
                    datagram: Vec::new(),
                };
                link.send_parcel(now, parcel);
            }
            while let Some(parcel) = link.receive_parcel(now) {
                acks.entry(ms + 20).or_default().push(parcel.flow as u64);
            }
        }
        let share = (tcp.delivered() * SEGMENT_BYTES * 8) as f64 / 30.0 / 2e6;
        assert!((0.85..=1.01).contains(&share), "{share}");
        assert!(link.overflowed > 5, "it never filled the queue");
        let mut waits: Vec<_> = link.waits.iter().map(|wait| wait.1).collect();
        waits.sort_unstable();
        assert!(waits[waits.len() / 2] > Duration::from_millis(60));
    }
}
