//! What is missing and still worth asking for again (WIRE.md, NACK).
//!
//! Finds gaps within frames by fragment, and whole missing frames by `frame_id`. A gap is given one
//! reorder window before it is asked for, again each round trip (video frames twice), until the
//! frame could not come in time any more. The window grows with the reordering that is seen; later
//! packets do not end it early as in RFC 9002 §6.1.1, for media leaves in bursts, of which three
//! packets say nothing of time. Of a frame that is sent with repair packets nothing is asked for
//! before those had time to come. Works on headers that nothing has authenticated, so every list
//! has a cap.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

pub use self::config::{Holes, NackConfig, NackCounters};
use self::frame::Waits;
use self::stream::{Piece, Stream};
use crate::ids::{StreamId, TrackId};
use crate::time::Instant;
use crate::wire::media::{FrameHeader, MediaPacket};
use crate::wire::nack::{self, NackEntry};
use crate::wire::repair::RepairPacket;

mod config;
mod frame;
mod stream;

/// Follows streams and writes NACKs.
#[derive(Debug)]
pub struct NackTracker {
    config: NackConfig,
    rtt: Duration,
    streams: BTreeMap<StreamId, Stream>,
    ready: VecDeque<NackEntry>,
}

impl NackTracker {
    /// An empty one.
    pub fn new(config: NackConfig) -> Self {
        Self {
            config,
            rtt: Duration::from_millis(100),
            streams: BTreeMap::new(),
            ready: VecDeque::new(),
        }
    }

    /// Sets the round-trip time to whom the NACKs go.
    pub fn set_rtt(&mut self, rtt: Duration) {
        self.rtt = rtt;
    }

    /// The stream of a packet, if it can be followed.
    fn stream(&mut self, header: &FrameHeader) -> Option<&mut Stream> {
        let id = header.stream_id();
        let audio = header.media_kind.is_audio();
        if !self.streams.contains_key(&id) && self.streams.len() >= self.config.streams {
            return None;
        }
        let config = &self.config;
        Some(
            self.streams
                .entry(id)
                .or_insert_with(|| Stream::new(audio, config)),
        )
    }

    /// Takes in the header of a packet; false if it is one that had come before (or cannot be
    /// followed).
    pub fn on_packet(&mut self, now: Instant, packet: &MediaPacket<'_>) -> bool {
        let frames = self.config.frames;
        let Some(stream) = self.stream(&packet.header) else {
            return true;
        };
        let piece = Piece {
            header: packet.header,
            count: packet.fragment_count,
            rtx: packet.rtx,
            index: Ok(packet.fragment_index),
        };
        stream.on_packet(now, piece, frames)
    }

    /// Takes in the header of a repair packet; false as [`Self::on_packet`].
    pub fn on_repair(&mut self, now: Instant, packet: &RepairPacket<'_>) -> bool {
        let frames = self.config.frames;
        let Some(stream) = self.stream(&packet.header) else {
            return true;
        };
        let piece = Piece {
            header: packet.header,
            count: packet.fragment_count,
            rtx: false,
            index: Err((packet.repair_index, packet.repair_count)),
        };
        stream.protect(now);
        stream.on_packet(now, piece, frames)
    }

    /// A packet of this stream of audio carries copies of earlier frames: what is missing is likely
    /// to come with the next ones.
    pub fn on_redundancy(&mut self, now: Instant, header: &FrameHeader) {
        if let Some(stream) = self.stream(header) {
            stream.protect(now);
        }
    }

    /// A frame was put together: nothing of it is missing any more.
    pub fn on_complete(&mut self, id: StreamId, frame_id: u32) {
        if let Some(stream) = self.streams.get_mut(&id)
            && let Some(frame_id) = stream.ids.extend(frame_id.into())
        {
            stream.frames.remove(&frame_id);
        }
    }

    /// The next NACK to send, as a datagram, if one is due. Call until it says `None`.
    pub fn poll(&mut self, now: Instant) -> Option<Vec<u8>> {
        if self.ready.is_empty() {
            let waits = self.waits();
            for (&id, stream) in &mut self.streams {
                stream.collect(
                    now,
                    id,
                    waits,
                    self.rtt,
                    self.config.max_tries,
                    &mut self.ready,
                );
            }
        }
        let count = self.ready.len().min(nack::MAX_ENTRIES);
        let entries: Vec<NackEntry> = self.ready.drain(..count).collect();
        let mut datagram = Vec::new();
        nack::encode(&entries, &mut datagram);
        (!datagram.is_empty()).then_some(datagram)
    }

    /// When [`Self::poll`] has something next.
    pub fn next_timeout(&self) -> Option<Instant> {
        if !self.ready.is_empty() {
            return Some(Instant::ZERO);
        }
        let waits = self.waits();
        self.streams
            .values()
            .filter_map(|stream| stream.next_timeout(waits, self.rtt, self.config.max_tries))
            .min()
    }

    /// Asks for nothing before `frame_id` in this stream any more.
    pub fn give_up_before(&mut self, id: StreamId, frame_id: u32) {
        let Some(stream) = self.streams.get_mut(&id) else {
            return;
        };
        if let Some(floor) = stream.ids.extend(frame_id.into()) {
            stream.give_up_below(floor);
        }
    }

    /// Forgets the streams for which `gone` holds.
    pub fn remove_streams(&mut self, gone: impl Fn(&StreamId) -> bool) {
        self.streams.retain(|id, _| !gone(id));
        self.ready.retain(|entry| !gone(&entry.stream_id()));
    }

    /// What was counted of a stream.
    pub fn counters(&self, id: StreamId) -> NackCounters {
        self.streams
            .get(&id)
            .map_or_else(NackCounters::default, |stream| stream.counters)
    }

    /// What was counted of all layers of a track.
    pub fn track_counters(&self, track: TrackId) -> NackCounters {
        self.streams
            .range(track.stream(0)..=track.stream(u8::MAX))
            .fold(NackCounters::default(), |sum, (_, stream)| NackCounters {
                requested: sum.requested + stream.counters.requested,
                lost: sum.lost + stream.counters.lost,
                frames_lost: sum.frames_lost + stream.counters.frames_lost,
            })
    }

    /// How many incomplete frames are followed.
    pub fn tracked_frames(&self) -> usize {
        self.streams
            .values()
            .map(|stream| stream.frames.len())
            .sum()
    }

    fn waits(&self) -> Waits {
        Waits {
            reorder_window: self.config.reorder_window,
            retry: self.rtt.max(self.config.min_retry),
        }
    }
}

#[cfg(test)]
mod tests;
