//! Recent packets of one track, to answer NACKs with.

use std::{collections::BTreeMap, time::Duration};

use smrtc_engine::{time::Instant, wire::media::MAX_FRAGMENTS};

use super::Datagram;

/// Longest that a packet is kept; later it could not come in time any more.
const MAX_AGE: Duration = Duration::from_millis(1_500);

/// Where a packet belongs in its track. Ordered by age within a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Spatial layer.
    pub spatial: u8,
    /// Frame of the layer.
    pub frame_id: u32,
    /// Fragment of the frame.
    pub fragment: u16,
}

/// Packets by position, bounded in bytes and age; the oldest go first.
#[derive(Debug)]
pub struct PacketCache {
    limit_bytes: usize,
    bytes: usize,
    packets: BTreeMap<Position, (u64, Datagram)>,
    /// Insertion number → when, where.
    order: BTreeMap<u64, (Instant, Position)>,
    next: u64,
}

impl PacketCache {
    /// An empty cache for at most `limit_bytes`.
    #[must_use]
    pub fn new(limit_bytes: usize) -> Self {
        Self {
            limit_bytes,
            bytes: 0,
            packets: BTreeMap::new(),
            order: BTreeMap::new(),
            next: 0,
        }
    }

    /// Keeps a packet; `false` if its place is taken, which makes it a repetition.
    pub fn insert(&mut self, now: Instant, position: Position, datagram: Datagram) -> bool {
        self.expire(now);
        if self.packets.contains_key(&position) {
            return false;
        }
        self.bytes += datagram.payload().len();
        self.order.insert(self.next, (now, position));
        self.packets.insert(position, (self.next, datagram));
        self.next += 1;
        while self.bytes > self.limit_bytes {
            self.remove_oldest();
        }
        true
    }

    /// The packet at a position.
    #[must_use]
    pub fn get(&self, position: Position) -> Option<&Datagram> {
        self.packets.get(&position).map(|(_, datagram)| datagram)
    }

    /// All packets of a frame that are here.
    pub fn frame(&self, spatial: u8, frame_id: u32) -> impl Iterator<Item = &Datagram> {
        let position = |fragment| Position {
            spatial,
            frame_id,
            fragment,
        };
        self.packets
            .range(position(0)..=position(MAX_FRAGMENTS))
            .map(|(_, (_, datagram))| datagram)
    }

    /// Bytes held.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    fn expire(&mut self, now: Instant) {
        while let Some((_, (since, _))) = self.order.first_key_value() {
            if now.duration_since(*since) <= MAX_AGE {
                break;
            }
            self.remove_oldest();
        }
    }

    fn remove_oldest(&mut self) {
        let Some((_, (_, position))) = self.order.pop_first() else {
            return;
        };
        if let Some((_, datagram)) = self.packets.remove(&position) {
            self.bytes -= datagram.payload().len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(frame_id: u32, fragment: u16) -> Position {
        Position {
            spatial: 0,
            frame_id,
            fragment,
        }
    }

    #[test]
    fn packets_are_found_singly_and_by_frame_until_room_or_time_runs_out() {
        let mut cache = PacketCache::new(1_000);
        let datagram = Datagram::copy_of(&[7; 100]);
        for fragment in 0..3 {
            assert!(cache.insert(Instant::ZERO, at(1, fragment), datagram.clone()));
        }
        assert!(
            !cache.insert(Instant::ZERO, at(1, 1), datagram.clone()),
            "a repetition"
        );
        assert!(cache.get(at(1, 2)).is_some());
        assert!(cache.get(at(1, 3)).is_none());
        assert_eq!(cache.frame(0, 1).count(), 3);
        assert_eq!(cache.frame(0, 2).count(), 0);
        assert_eq!(cache.frame(1, 1).count(), 0);

        for frame in 2..10 {
            cache.insert(Instant::ZERO, at(frame, 0), datagram.clone());
        }
        assert_eq!(cache.bytes(), 1_000);
        assert_eq!(cache.frame(0, 1).count(), 2, "the oldest made room");
        let later = Instant::ZERO + MAX_AGE + Duration::from_micros(1);
        cache.insert(later, at(10, 0), datagram);
        assert_eq!(cache.bytes(), 100);
    }
}
