//! Packets kept for a while, so that they can be sent again.
//!
//! The uplink keeps what it has sent, a gateway what a publisher has sent it, one cache for each
//! publisher. Whether a retransmission is worth sending is [`super::RetransmissionGate`]'s to say.

use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};

use crate::ids::FrameId;
use crate::time::Instant;
use crate::wire::media::MAX_FRAGMENTS;
use crate::wire::nack::NackEntry;

/// Bounds of a [`PacketCache`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheConfig {
    /// Bytes of packets kept, with [`Self::PACKET_OVERHEAD_BYTES`] for each; the oldest go first.
    /// Default 2 MiB.
    pub max_bytes: usize,
    /// How long a packet is kept. Default 1.5 s: three round trips of the longest path on which a
    /// retransmission is any use.
    pub max_age: Duration,
}

impl CacheConfig {
    /// Bytes that a packet counts beside its own, so that tiny ones are bounded too.
    pub const PACKET_OVERHEAD_BYTES: usize = 64;
}

impl Default for CacheConfig {
    fn default() -> Self {
        Self {
            max_bytes: 2 << 20,
            max_age: Duration::from_millis(1_500),
        }
    }
}

/// Datagrams of one sender by frame and fragment. `B` is how the bytes are held: `Vec<u8>`, or a
/// shared buffer.
#[derive(Clone, Debug)]
pub struct PacketCache<B = Vec<u8>> {
    config: CacheConfig,
    packets: BTreeMap<(FrameId, u16), B>,
    /// How many packets of each frame there are.
    held: BTreeMap<FrameId, usize>,
    order: VecDeque<(Instant, FrameId, u16)>,
    bytes: usize,
}

impl<B: AsRef<[u8]>> PacketCache<B> {
    /// An empty cache.
    pub fn new(config: CacheConfig) -> Self {
        Self {
            config,
            packets: BTreeMap::new(),
            held: BTreeMap::new(),
            order: VecDeque::new(),
            bytes: 0,
        }
    }

    /// Keeps `datagram`, which holds fragment `fragment` of frame `key`. A fragment that is held
    /// already stays as it is.
    pub fn insert(&mut self, now: Instant, key: FrameId, fragment: u16, datagram: B) {
        self.expire(now);
        let cost = cost(&datagram);
        if cost > self.config.max_bytes || self.packets.contains_key(&(key, fragment)) {
            return;
        }
        while self.bytes + cost > self.config.max_bytes {
            self.remove_oldest();
        }
        self.packets.insert((key, fragment), datagram);
        *self.held.entry(key).or_default() += 1;
        self.order.push_back((now, key, fragment));
        self.bytes += cost;
    }

    /// The datagram of one fragment.
    pub fn get(&self, key: FrameId, fragment: u16) -> Option<&B> {
        self.packets.get(&(key, fragment))
    }

    /// How many packets of a frame are held.
    pub fn held(&self, key: FrameId) -> usize {
        self.held.get(&key).copied().unwrap_or(0)
    }

    /// What `entry` asks for, as far as it is held: fragment and datagram, ascending. The sender is
    /// not looked at.
    ///
    /// An entry of 16 bytes may ask for a thousand packets. No more than `left` are looked at, and
    /// each that is, whether asked for or not, is taken off `left`: so the work for a NACK is
    /// bounded before it is done.
    pub fn answer(&self, entry: &NackEntry, left: &mut usize) -> Vec<(u16, &B)> {
        let key = entry.frame();
        let (first, last) = if entry.is_whole_frame() {
            (0, MAX_FRAGMENTS)
        } else {
            (
                entry.first_fragment,
                entry.first_fragment.saturating_add(31),
            )
        };
        let mut answer = Vec::new();
        let span = self.packets.range((key, first)..=(key, last));
        for (&(_, fragment), datagram) in span.take(*left) {
            *left -= 1;
            if entry.asks_for(fragment) {
                answer.push((fragment, datagram));
            }
        }
        answer
    }

    /// Lets go of what is too old.
    pub fn expire(&mut self, now: Instant) {
        while self
            .order
            .front()
            .is_some_and(|&(at, ..)| now - at > self.config.max_age)
        {
            self.remove_oldest();
        }
    }

    /// Lets go of everything of `track`.
    pub fn remove_track(&mut self, track: u8) {
        self.order.retain(|&(_, key, _)| key.stream.track != track);
        self.held.retain(|key, _| key.stream.track != track);
        let bytes = &mut self.bytes;
        self.packets.retain(|(key, _), datagram| {
            let keep = key.stream.track != track;
            if !keep {
                *bytes -= cost(datagram);
            }
            keep
        });
    }

    /// Packets held.
    pub fn len(&self) -> usize {
        self.packets.len()
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    /// Bytes held, as [`CacheConfig::max_bytes`] counts them.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    fn remove_oldest(&mut self) {
        let Some((_, key, fragment)) = self.order.pop_front() else {
            return;
        };
        if let Some(datagram) = self.packets.remove(&(key, fragment)) {
            self.bytes -= cost(&datagram);
        }
        if let Some(held) = self.held.get_mut(&key) {
            *held -= 1;
            if *held == 0 {
                self.held.remove(&key);
            }
        }
    }
}

fn cost(datagram: &impl AsRef<[u8]>) -> usize {
    datagram.as_ref().len() + CacheConfig::PACKET_OVERHEAD_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::TrackId;

    const KEY: FrameId = TrackId::new(9, 1).stream(0).frame(7);

    fn at(ms: u64) -> Instant {
        Instant::from_millis(ms)
    }

    fn entry(first_fragment: u16, mask: u32) -> NackEntry {
        NackEntry {
            sender: 9,
            track: 1,
            spatial: 0,
            frame_id: 7,
            first_fragment,
            mask,
        }
    }

    #[test]
    fn answers_hold_what_was_asked_for_and_no_other_frame() {
        let mut cache = PacketCache::new(CacheConfig::default());
        for fragment in 0..40 {
            cache.insert(at(0), KEY, fragment, vec![fragment as u8]);
        }
        cache.insert(at(0), KEY.stream.frame(8), 0, vec![99]);
        cache.insert(at(0), KEY.stream.frame(6), 0, vec![98]);
        let ask = |entry: NackEntry| {
            let answer = cache.answer(&entry, &mut 1_000);
            let read = answer.iter().map(|(i, bytes)| (*i, bytes[0]));
            read.collect::<Vec<_>>()
        };
        assert_eq!(ask(entry(0, 0b101)), [(0, 0), (2, 2)]);
        assert_eq!(ask(entry(8, 0x8000_0001)), [(8, 8), (39, 39)]);
        assert_eq!(ask(entry(30, u32::MAX)).len(), 10);
        assert_eq!(ask(entry(0xffff, 0)).len(), 40);
        assert_eq!(cache.get(KEY, 3), Some(&vec![3]));
        assert_eq!(cache.held(KEY), 40);
        let mut left = 50;
        assert_eq!(cache.answer(&entry(0, 0b101), &mut left).len(), 2);
        assert_eq!(left, 18, "all 32 that it spans were looked at");
        assert_eq!(cache.answer(&entry(0xffff, 0), &mut left).len(), 18);
        assert!(cache.answer(&entry(0xffff, 0), &mut left).is_empty());
        cache.remove_track(1);
        assert!(cache.is_empty());
        assert_eq!((cache.bytes(), cache.held(KEY)), (0, 0));
    }

    #[test]
    fn the_oldest_go_when_bytes_or_age_run_out() {
        let max_bytes = 10 * (100 + CacheConfig::PACKET_OVERHEAD_BYTES);
        let mut cache = PacketCache::new(CacheConfig {
            max_bytes,
            max_age: Duration::from_millis(500),
        });
        for fragment in 0..25 {
            cache.insert(at(u64::from(fragment)), KEY, fragment, [0; 100]);
            assert!(cache.bytes() <= max_bytes);
        }
        assert_eq!((cache.len(), cache.held(KEY)), (10, 10));
        assert_eq!(cache.get(KEY, 14), None);
        assert!(cache.get(KEY, 15).is_some());
        cache.expire(at(520));
        assert_eq!(cache.len(), 5);
        cache.expire(at(600));
        assert!(cache.is_empty() && cache.held.is_empty());
        assert_eq!(cache.bytes(), 0);
    }
}
