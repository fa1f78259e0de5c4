//! Packets of one source in the order of their frame ids, each once.

use std::collections::BTreeMap;

use smrtc_engine::time::{Instant, MediaTime};

/// 4 s at 20 ms.
const MAX_PACKETS: usize = 200;

/// A jump by this many frames either way (10 s) is a sender that started again, not a late packet.
const RESTART_FRAMES: i64 = 500;

pub(super) struct Packet {
    /// The frame id without its wrap.
    pub(super) id: i64,
    pub(super) media_time: MediaTime,
    pub(super) arrival: Instant,
    pub(super) opus: Vec<u8>,
    /// Duration at 48 kHz.
    pub(super) samples: usize,
    pub(super) has_lbrr: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Goes into the buffer under this id.
    New(i64),
    /// Is there already, or its turn is over.
    Old(i64),
    /// The sender began again: forget everything, then insert.
    Restart(i64),
}

#[derive(Default)]
pub(super) struct PacketBuffer {
    packets: BTreeMap<i64, Packet>,
    newest: Option<i64>,
}

impl PacketBuffer {
    /// Where a packet belongs; `next` is the id that will be decoded next.
    pub(super) fn place(&self, frame_id: u32, next: Option<i64>) -> Place {
        let Some(newest) = self.newest else {
            return Place::New(i64::from(frame_id));
        };
        let distance = i64::from(frame_id.wrapping_sub(newest as u32) as i32);
        let id = newest + distance;
        if distance.abs() > RESTART_FRAMES {
            Place::Restart(i64::from(frame_id))
        } else if next.is_some_and(|next| id < next) || self.packets.contains_key(&id) {
            Place::Old(id)
        } else {
            Place::New(id)
        }
    }

    /// Whether a later packet came before this one.
    pub(super) fn is_passed(&self, id: i64) -> bool {
        self.newest.is_some_and(|newest| id < newest)
    }

    /// Stores a packet; returns how many old ones had to go.
    pub(super) fn insert(&mut self, packet: Packet) -> usize {
        self.newest = Some(
            self.newest
                .map_or(packet.id, |newest| newest.max(packet.id)),
        );
        self.packets.insert(packet.id, packet);
        let mut dropped = 0;
        while self.packets.len() > MAX_PACKETS {
            self.packets.pop_first();
            dropped += 1;
        }
        dropped
    }

    pub(super) fn first(&self) -> Option<&Packet> {
        self.packets.first_key_value().map(|(_, packet)| packet)
    }

    pub(super) fn pop_first(&mut self) -> Option<Packet> {
        self.packets.pop_first().map(|(_, packet)| packet)
    }

    pub(super) fn clear(&mut self) {
        self.packets.clear();
        self.newest = None;
    }

    pub(super) fn len(&self) -> usize {
        self.packets.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(id: i64) -> Packet {
        Packet {
            id,
            media_time: MediaTime::from_micros(0),
            arrival: Instant::ZERO,
            opus: vec![0xF8],
            samples: 960,
            has_lbrr: false,
        }
    }

    #[test]
    fn ids_go_on_across_the_wrap() {
        let mut buffer = PacketBuffer::default();
        assert_eq!(
            buffer.place(u32::MAX, None),
            Place::New(i64::from(u32::MAX))
        );
        buffer.insert(packet(i64::from(u32::MAX)));
        assert_eq!(buffer.place(1, None), Place::New(i64::from(u32::MAX) + 2));
        buffer.insert(packet(i64::from(u32::MAX) + 2));
        assert_eq!(buffer.place(0, None), Place::New(i64::from(u32::MAX) + 1));
        assert_eq!(buffer.pop_first().map(|p| p.id), Some(i64::from(u32::MAX)));
    }

    #[test]
    fn what_is_here_or_was_is_old_and_far_away_is_a_restart() {
        let mut buffer = PacketBuffer::default();
        buffer.insert(packet(600));
        assert_eq!(buffer.place(600, None), Place::Old(600));
        assert_eq!(buffer.place(599, Some(600)), Place::Old(599));
        assert_eq!(buffer.place(599, Some(599)), Place::New(599));
        assert_eq!(buffer.place(0, Some(600)), Place::Restart(0));
    }

    #[test]
    fn memory_is_bounded_and_the_oldest_goes() {
        let mut buffer = PacketBuffer::default();
        let dropped: usize = (0..300).map(|id| buffer.insert(packet(id))).sum();
        assert_eq!((dropped, buffer.len()), (100, MAX_PACKETS));
        assert_eq!(buffer.first().map(|p| p.id), Some(100));
    }
}
