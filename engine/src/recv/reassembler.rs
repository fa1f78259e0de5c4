//! Fragments in, whole sealed frames out, each once.
//!
//! Nothing here is authenticated yet: the frame is opened only when it is whole. So nothing is kept
//! relative to a "newest" frame that one forged packet could move, and everything that packets can
//! make grow has a cap.
//!
//! Overflow rule: the frame that has waited longest in the same stream goes first; when all streams
//! together are too large, the one that has waited longest in the stream that holds most.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use self::partial::{Check, FRAGMENT_COST, FRAME_COST, Partial};
use crate::ids::{StreamId, frame_before};
use crate::time::{Instant, MediaTime};
use crate::wire::media::{FrameHeader, MediaPacket};
use crate::wire::repair::RepairPacket;

mod partial;

/// Bounds of a [`Reassembler`]. Worst-case memory is about `total_bytes` + `streams` ×
/// `remembered_frames` × 32 bytes.
#[derive(Clone, Copy, Debug)]
pub struct ReassemblerConfig {
    /// Streams known at a time; packets of further ones are refused. Default 256.
    pub streams: usize,
    /// Unfinished frames of one stream. Default 64, about two seconds of video.
    pub stream_frames: usize,
    /// Bytes of unfinished frames of one stream, bookkeeping included. Default 2 MiB, a frame of
    /// 1,024 fragments and some more.
    pub stream_bytes: usize,
    /// Bytes of unfinished frames of all streams. Default 16 MiB.
    pub total_bytes: usize,
    /// How long an unfinished frame may wait for its next fragment. Default 2 s.
    pub max_wait: Duration,
    /// Finished frames remembered per stream, so that a fragment that comes again does not begin
    /// the frame anew. Default 512.
    pub remembered_frames: usize,
}

impl Default for ReassemblerConfig {
    fn default() -> Self {
        Self {
            streams: 256,
            stream_frames: 64,
            stream_bytes: 2 << 20,
            total_bytes: 16 << 20,
            max_wait: Duration::from_secs(2),
            remembered_frames: 512,
        }
    }
}

/// A frame of which every fragment came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assembled {
    /// What the fragments agreed on; authenticated only when the frame is opened.
    pub header: FrameHeader,
    /// The sealed frame.
    pub frame: Vec<u8>,
    /// How many packets it was cut into.
    pub packets: u16,
    /// How many of them were computed from repair packets.
    pub recovered: u16,
    /// When the first of them came.
    pub first_arrival: Instant,
    /// When the last of them came.
    pub last_arrival: Instant,
}

/// What a packet did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inserted {
    /// It completed its frame.
    Complete(Assembled),
    /// It was kept, and it is the first of its frame.
    First,
    /// It was kept.
    Kept,
    /// Its fragment, or its whole frame, had come before.
    Duplicate,
    /// It says something else than the fragments already held.
    Contradiction,
    /// There is no room for it: too many streams, or one frame larger than the caps.
    Refused,
}

/// A frame given up before it was whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unfinished {
    /// Its header.
    pub header: FrameHeader,
    /// Whether a cap and not time was the reason.
    pub overflow: bool,
}

/// Puts fragments together.
#[derive(Debug)]
pub struct Reassembler {
    config: ReassemblerConfig,
    streams: BTreeMap<StreamId, Stream>,
    bytes: usize,
    begun: u64,
    given_up: Vec<Unfinished>,
}

#[derive(Debug, Default)]
struct Stream {
    unfinished: BTreeMap<u32, Partial>,
    bytes: usize,
    finished: BTreeMap<u32, MediaTime>,
    finished_order: VecDeque<u32>,
}

impl Reassembler {
    /// An empty one.
    pub fn new(config: ReassemblerConfig) -> Self {
        Self {
            config,
            streams: BTreeMap::new(),
            bytes: 0,
            begun: 0,
            given_up: Vec::new(),
        }
    }

    /// Takes in one packet.
    pub fn insert(&mut self, now: Instant, packet: &MediaPacket<'_>) -> Inserted {
        let header = packet.header;
        let check = |partial: &Partial| partial.check(packet.fragment_index, packet.payload.len());
        if let Err(refused) = self.admit(&header, packet.fragment_count, check) {
            return refused;
        }
        if packet.fragment_count == 1 {
            let stream = self.streams.entry(header.stream_id()).or_default();
            stream.remember(&header, self.config.remembered_frames);
            return Inserted::Complete(Assembled {
                header,
                frame: packet.payload.to_vec(),
                packets: 1,
                recovered: 0,
                first_arrival: now,
                last_arrival: now,
            });
        }
        let bytes = packet.payload.len();
        self.keep(now, &header, packet.fragment_count, bytes, |partial| {
            partial.insert(now, packet);
        })
    }

    /// Takes in one repair packet.
    pub fn insert_repair(&mut self, now: Instant, packet: &RepairPacket<'_>) -> Inserted {
        let header = packet.header;
        let check = |partial: &Partial| partial.check_repair(packet);
        if let Err(refused) = self.admit(&header, packet.fragment_count, check) {
            return refused;
        }
        let bytes = packet.payload.len();
        self.keep(now, &header, packet.fragment_count, bytes, |partial| {
            partial.insert_repair(now, packet);
        })
    }

    /// Whether a packet of a frame of `count` may come in; otherwise what becomes of it. `check`
    /// compares it with what is held of its frame.
    fn admit(
        &self,
        header: &FrameHeader,
        count: u16,
        check: impl FnOnce(&Partial) -> Check,
    ) -> Result<(), Inserted> {
        let Some(stream) = self.streams.get(&header.stream_id()) else {
            let full = self.streams.len() >= self.config.streams;
            return if full { Err(Inserted::Refused) } else { Ok(()) };
        };
        // Another media time is another frame under the same number: the publisher began the track
        // anew.
        if stream.finished.get(&header.frame_id) == Some(&header.media_time) {
            return Err(Inserted::Duplicate);
        }
        let Some(partial) = stream.unfinished.get(&header.frame_id) else {
            return Ok(());
        };
        if partial.header != *header || partial.count != count {
            return Err(Inserted::Contradiction);
        }
        match check(partial) {
            Check::New => Ok(()),
            Check::Held => Err(Inserted::Duplicate),
            Check::Contradicts => Err(Inserted::Contradiction),
        }
    }

    /// Takes in `bytes` of payload by `insert`.
    fn keep(
        &mut self,
        now: Instant,
        header: &FrameHeader,
        count: u16,
        bytes: usize,
        insert: impl FnOnce(&mut Partial),
    ) -> Inserted {
        let cost = bytes + FRAGMENT_COST;
        if cost + FRAME_COST > self.config.stream_bytes.min(self.config.total_bytes) {
            return Inserted::Refused;
        }
        let (id, frame_id) = (header.stream_id(), header.frame_id);
        let stream = self.streams.entry(id).or_default();
        let first = !stream.unfinished.contains_key(&frame_id);
        let cost = if first { cost + FRAME_COST } else { cost };
        let begun = self.begun;
        self.begun += u64::from(first);
        let partial = stream
            .unfinished
            .entry(frame_id)
            .or_insert_with(|| Partial::new(now, begun, *header, count));
        insert(partial);
        partial.cost += cost;
        stream.bytes += cost;
        self.bytes += cost;
        if stream.unfinished[&frame_id].is_whole() {
            let Some(partial) = stream.unfinished.remove(&frame_id) else {
                return Inserted::Refused;
            };
            stream.bytes -= partial.cost;
            self.bytes -= partial.cost;
            stream.remember(&partial.header, self.config.remembered_frames);
            let header = partial.header;
            let Some(assembled) = partial.finish() else {
                if !first {
                    let overflow = false;
                    self.given_up.push(Unfinished { header, overflow });
                }
                return Inserted::Refused;
            };
            return Inserted::Complete(assembled);
        }
        self.make_room(id);
        let kept = self
            .streams
            .get(&id)
            .is_some_and(|stream| stream.unfinished.contains_key(&frame_id));
        match (kept, first) {
            (true, true) => Inserted::First,
            (true, false) => Inserted::Kept,
            (false, first) => {
                if first {
                    // It never counted as begun, so it is not given up either.
                    self.given_up.retain(|frame| frame.header != *header);
                }
                Inserted::Refused
            }
        }
    }

    fn make_room(&mut self, id: StreamId) {
        while let Some(stream) = self.streams.get(&id)
            && (stream.bytes > self.config.stream_bytes
                || stream.unfinished.len() > self.config.stream_frames)
        {
            self.give_up_oldest(id);
        }
        while self.bytes > self.config.total_bytes {
            let Some((&largest, _)) = self.streams.iter().max_by_key(|(_, stream)| stream.bytes)
            else {
                break;
            };
            self.give_up_oldest(largest);
        }
    }

    fn give_up_oldest(&mut self, id: StreamId) {
        let Some(stream) = self.streams.get_mut(&id) else {
            return;
        };
        let oldest = stream
            .unfinished
            .iter()
            .min_by_key(|(_, partial)| partial.begun)
            .map(|(&frame_id, _)| frame_id);
        if let Some(frame_id) = oldest {
            self.give_up(id, frame_id, true);
        }
    }

    fn give_up(&mut self, id: StreamId, frame_id: u32, overflow: bool) {
        let Some(stream) = self.streams.get_mut(&id) else {
            return;
        };
        let Some(partial) = stream.unfinished.remove(&frame_id) else {
            return;
        };
        stream.bytes -= partial.cost;
        self.bytes -= partial.cost;
        // A straggler must not begin it anew.
        stream.remember(&partial.header, self.config.remembered_frames);
        self.given_up.push(Unfinished {
            header: partial.header,
            overflow,
        });
    }

    /// Gives up the unfinished frames of a stream that come before `frame_id`.
    pub fn give_up_before(&mut self, id: StreamId, frame_id: u32) {
        let Some(stream) = self.streams.get(&id) else {
            return;
        };
        let before: Vec<u32> = stream
            .unfinished
            .keys()
            .copied()
            .filter(|&held| frame_before(held, frame_id))
            .collect();
        for held in before {
            self.give_up(id, held, false);
        }
    }

    /// Gives up the frames whose last fragment came too long ago.
    pub fn expire(&mut self, now: Instant) {
        let max_wait = self.config.max_wait;
        let mut expired = Vec::new();
        for (&id, stream) in &self.streams {
            expired.extend(
                stream
                    .unfinished
                    .iter()
                    .filter(|(_, p)| now >= p.last_arrival + max_wait)
                    .map(|(&f, _)| (id, f)),
            );
        }
        for (id, frame_id) in expired {
            self.give_up(id, frame_id, false);
        }
    }

    /// When [`Self::expire`] has something to do next.
    pub fn next_timeout(&self) -> Option<Instant> {
        let partials = self
            .streams
            .values()
            .flat_map(|stream| stream.unfinished.values());
        partials
            .map(|partial| partial.last_arrival + self.config.max_wait)
            .min()
    }

    /// The frames given up since the last call.
    pub fn take_given_up(&mut self) -> Vec<Unfinished> {
        std::mem::take(&mut self.given_up)
    }

    /// Forgets the streams for which `gone` holds; their unfinished frames are given up.
    pub fn remove_streams(&mut self, gone: impl Fn(&StreamId) -> bool) {
        let ids: Vec<StreamId> = self.streams.keys().copied().filter(|id| gone(id)).collect();
        for id in ids {
            if let Some(stream) = self.streams.remove(&id) {
                self.bytes -= stream.bytes;
                let frames = stream.unfinished.into_values();
                self.given_up.extend(frames.map(|p| Unfinished {
                    header: p.header,
                    overflow: false,
                }));
            }
        }
    }

    /// The unfinished frames of a stream, in no order of time.
    pub fn unfinished(&self, id: StreamId) -> impl Iterator<Item = u32> + '_ {
        self.streams
            .get(&id)
            .into_iter()
            .flat_map(|stream| stream.unfinished.keys().copied())
    }

    /// Bytes held, bookkeeping included.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Stream {
    fn remember(&mut self, header: &FrameHeader, limit: usize) {
        if self
            .finished
            .insert(header.frame_id, header.media_time)
            .is_none()
        {
            self.finished_order.push_back(header.frame_id);
        }
        while self.finished_order.len() > limit {
            if let Some(oldest) = self.finished_order.pop_front() {
                self.finished.remove(&oldest);
            }
        }
    }
}

#[cfg(test)]
mod tests;
