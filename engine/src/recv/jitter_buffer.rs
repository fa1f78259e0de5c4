//! Opened video frames of one stream, until each can be decoded and it is its turn.
//!
//! A frame is decodable if it is a key frame or if the frame it refers to was handed on (WIRE.md,
//! media). The first decodable frame goes at once when nothing before it is still expected. When
//! something is, it waits for its playout time, which on a clean path has come already: so waiting
//! costs nothing where there is no jitter. Numbers that later frames jump over are not losses.
//!
//! Frames here are authenticated, so numbers are trusted; memory is still capped. Overflow rule:
//! the oldest goes first.

use std::collections::{BTreeMap, BTreeSet};

use crate::path::sequence::signed_difference;
use crate::stats::DropReason;
use crate::time::{Instant, MediaTime};
use crate::wire::media::FrameHeader;

/// Bounds of a [`VideoJitterBuffer`].
#[derive(Clone, Copy, Debug)]
pub struct JitterBufferConfig {
    /// Frames held. Default 256.
    pub frames: usize,
    /// Bytes held. Default 8 MiB.
    pub bytes: usize,
}

impl Default for JitterBufferConfig {
    fn default() -> Self {
        Self {
            frames: 256,
            bytes: 8 << 20,
        }
    }
}

/// An opened frame and when it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BufferedFrame {
    /// Its header, authenticated.
    pub header: FrameHeader,
    /// What the decoder takes.
    pub data: Vec<u8>,
    /// When its first packet came.
    pub first_arrival: Instant,
    /// When it was put into the buffer.
    pub inserted: Instant,
}

/// Orders the frames of one (sender, track, spatial layer).
#[derive(Debug, Default)]
pub struct VideoJitterBuffer {
    config: JitterBufferConfig,
    frames: BTreeMap<u64, BufferedFrame>,
    bytes: usize,
    /// Number and media time of the newest frame handed on.
    released: Option<(u64, MediaTime)>,
    /// Frames handed on that the decoder has, newest [`REMEMBERED`].
    decoded: BTreeSet<u64>,
    /// Frames that cannot come any more.
    lost: BTreeSet<u64>,
    /// Since when there are frames and none of them is decodable.
    blocked_since: Option<Instant>,
    /// Nothing that is still to come, save a key frame, makes the rest decodable.
    hopeless: bool,
    dropped: Vec<(FrameHeader, DropReason)>,
}

/// A reference further back than this is no codec's.
const REMEMBERED: usize = 1_024;
/// Frames known to be lost, remembered.
const REMEMBERED_LOST: usize = 128;
/// The numbers of a stream are extended from here, so that those before the first have names too.
const BASE: u64 = 1 << 40;

impl VideoJitterBuffer {
    /// An empty one.
    pub fn new(config: JitterBufferConfig) -> Self {
        Self {
            config,
            ..Self::default()
        }
    }

    /// Whether a frame would come too late, judged by its header only; such a one need not be
    /// opened.
    pub fn is_late(&self, header: &FrameHeader) -> bool {
        self.released.is_some_and(|(newest, _)| {
            self.extend(header.frame_id) <= newest && !self.begins_anew(header)
        })
    }

    /// Takes in an opened frame. What is dropped, this one or others, is in [`Self::take_dropped`].
    pub fn insert(&mut self, frame: BufferedFrame) {
        let header = frame.header;
        if !header.key && header.reference_distance == 0 {
            self.dropped.push((header, DropReason::Malformed));
            return;
        }
        if self.is_late(&header) {
            self.dropped.push((header, DropReason::Late));
            return;
        }
        if self.begins_anew(&header) {
            self.clear(DropReason::Undecodable);
            let config = self.config;
            let dropped = std::mem::take(&mut self.dropped);
            *self = Self {
                dropped,
                ..Self::new(config)
            };
        }
        let id = self.extend(header.frame_id);
        if self.frames.contains_key(&id) {
            self.dropped.push((header, DropReason::Late));
            return;
        }
        self.lost.remove(&id);
        self.bytes += frame.data.len();
        self.frames.insert(id, frame);
        while self.frames.len() > self.config.frames || self.bytes > self.config.bytes {
            self.drop_first(DropReason::Overflow);
        }
    }

    /// The next frame to decode, if there is one now. `expected` are the numbers of frames that
    /// have begun to come; `playout_time` says when a frame should be shown.
    pub fn poll(
        &mut self,
        now: Instant,
        expected: &[u32],
        playout_time: impl Fn(MediaTime) -> Instant,
    ) -> Option<BufferedFrame> {
        self.drop_hopeless();
        let Some((id, wait_until)) = self.first_decodable(expected, playout_time) else {
            let waiting = self.frames.values().map(|frame| frame.inserted).min();
            self.blocked_since = waiting.map(|since| self.blocked_since.unwrap_or(since));
            return None;
        };
        if now < wait_until {
            return None;
        }
        while self
            .frames
            .first_key_value()
            .is_some_and(|(&first, _)| first < id)
        {
            self.drop_first(DropReason::Undecodable);
        }
        let frame = self.frames.remove(&id)?;
        self.bytes -= frame.data.len();
        self.released = Some((id, frame.header.media_time));
        self.decoded.insert(id);
        while self.decoded.len() > REMEMBERED {
            self.decoded.pop_first();
        }
        self.lost = self.lost.split_off(&id);
        self.blocked_since = None;
        self.hopeless = false;
        Some(frame)
    }

    /// When [`Self::poll`] has a frame that is only waiting for its time.
    pub fn next_timeout(
        &self,
        expected: &[u32],
        playout_time: impl Fn(MediaTime) -> Instant,
    ) -> Option<Instant> {
        self.first_decodable(expected, playout_time)
            .map(|(_, wait_until)| wait_until)
    }

    /// The first decodable frame, and until when it waits for what comes before it.
    fn first_decodable(
        &self,
        expected: &[u32],
        playout_time: impl Fn(MediaTime) -> Instant,
    ) -> Option<(u64, Instant)> {
        let (&id, frame) = self
            .frames
            .iter()
            .find(|(id, frame)| self.is_decodable(**id, &frame.header))?;
        let undecodable_before = self
            .frames
            .first_key_value()
            .is_some_and(|(&first, _)| first != id);
        let after = self.released.map_or(0, |(released, _)| released);
        let expected_before = || {
            expected
                .iter()
                .map(|&e| self.extend(e))
                .any(|e| e > after && e < id)
        };
        let wait_until = if undecodable_before || expected_before() {
            playout_time(frame.header.media_time)
        } else {
            Instant::ZERO
        };
        Some((id, wait_until))
    }

    fn is_decodable(&self, id: u64, header: &FrameHeader) -> bool {
        header.key
            || self
                .decoded
                .contains(&(id - u64::from(header.reference_distance)))
    }

    /// Drops frames that refer to one that was skipped or lost, and those that refer to them.
    fn drop_hopeless(&mut self) {
        let released = self.released.map_or(0, |(released, _)| released);
        let mut next = self.frames.first_key_value().map(|(&id, _)| id);
        while let Some(id) = next {
            let hopeless = self.frames.get(&id).filter(|frame| {
                let reference = id - u64::from(frame.header.reference_distance);
                let cannot_come = self.lost.contains(&reference) || reference <= released;
                cannot_come && !self.is_decodable(id, &frame.header)
            });
            if let Some(header) = hopeless.map(|frame| frame.header) {
                self.hopeless |= !header.discardable;
                self.remove(id, DropReason::Undecodable);
                // Frames that refer to this one cannot be decoded either.
                self.note_lost(id);
            }
            next = self.frames.range(id + 1..).next().map(|(&id, _)| id);
        }
    }

    /// A frame came that cannot be opened: it never will.
    pub fn on_lost(&mut self, frame_id: u32) {
        let id = self.extend(frame_id);
        if self.released.is_none_or(|(released, _)| id > released) && !self.frames.contains_key(&id)
        {
            self.note_lost(id);
        }
    }

    fn note_lost(&mut self, id: u64) {
        self.lost.insert(id);
        while self.lost.len() > REMEMBERED_LOST {
            self.lost.pop_first();
        }
    }

    /// The decoder lost its state: only a key frame helps.
    pub fn on_decoder_reset(&mut self) {
        self.decoded.clear();
        self.hopeless = true;
    }

    /// Drops everything and waits for a key frame; lateness is still judged by what was handed on.
    pub fn clear(&mut self, reason: DropReason) {
        while !self.frames.is_empty() {
            self.drop_first(reason);
        }
        self.decoded.clear();
        self.blocked_since = None;
        self.hopeless = false;
    }

    /// Drops frames put in before `before`, but no key frame.
    pub fn drop_older(&mut self, before: Instant, reason: DropReason) {
        let old: Vec<u64> = self
            .frames
            .iter()
            .filter(|(_, f)| f.inserted < before && !f.header.key)
            .map(|(&id, _)| id)
            .collect();
        for id in old {
            self.remove(id, reason);
        }
    }

    /// The frames dropped since the last call.
    pub fn take_dropped(&mut self) -> Vec<(FrameHeader, DropReason)> {
        std::mem::take(&mut self.dropped)
    }

    /// Since when frames wait of which none is decodable; as of the last [`Self::poll`].
    pub fn blocked_since(&self) -> Option<Instant> {
        self.blocked_since
    }

    /// Whether only a key frame can help.
    pub fn is_hopeless(&self) -> bool {
        self.hopeless
    }

    /// Whether a frame has ever been handed on (and the stream did not begin anew since).
    pub fn has_begun(&self) -> bool {
        self.released.is_some()
    }

    /// The media time of the oldest key frame held.
    pub fn first_key(&self) -> Option<MediaTime> {
        self.frames
            .values()
            .find(|frame| frame.header.key)
            .map(|frame| frame.header.media_time)
    }

    /// How many frames are held.
    pub fn len(&self) -> usize {
        self.frames.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    fn drop_first(&mut self, reason: DropReason) {
        if let Some((&first, _)) = self.frames.first_key_value() {
            self.remove(first, reason);
        }
    }

    fn remove(&mut self, id: u64, reason: DropReason) {
        if let Some(frame) = self.frames.remove(&id) {
            self.bytes -= frame.data.len();
            self.dropped.push((frame.header, reason));
        }
    }

    /// A key frame with an old number and a new time: the publisher began the track anew.
    fn begins_anew(&self, header: &FrameHeader) -> bool {
        self.released.is_some_and(|(newest, media_time)| {
            header.key
                && self.extend(header.frame_id) <= newest
                && header.media_time.micros_since(media_time) > 0
        })
    }

    fn extend(&self, frame_id: u32) -> u64 {
        let near = self
            .released
            .map(|(id, _)| id)
            .or_else(|| self.frames.first_key_value().map(|(&id, _)| id));
        match near {
            Some(near) => near.wrapping_add_signed(signed_difference::<32>(frame_id.into(), near)),
            None => BASE + u64::from(frame_id),
        }
    }
}

#[cfg(test)]
mod tests;
