//! The queue for one subscriber's link, in bounded memory.
//!
//! Order out: control, then audio, then video; each in the order it came in.
//!
//! Overflow: frames that no other frame builds on go first, oldest first; then the oldest delta
//! frame, then the oldest key frame, each whole and with all that builds on it; then the oldest
//! audio; control never. A frame that has waited longer than [`MAX_VIDEO_AGE`] before its first
//! packet is sent is given up in the same way: nobody would show it.
//!
//! A path that is too narrow thus gets runs of frames that can all be decoded, each begun by a key
//! frame, and nothing between them. To send what refers to a frame that was given up would only
//! keep the next key frame waiting.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use smrtc_engine::{FrameId, Instant, StreamId};

use super::Datagram;
use crate::counter_macro::counters;

/// Longest wait of a packet of video; longer than any playout delay worth having.
pub const MAX_VIDEO_AGE: Duration = Duration::from_millis(600);
/// Longest wait of the rest of a frame that has begun to be sent. On a slow path a key frame takes
/// its time, and half of one is of no use.
const MAX_BEGUN_AGE: Duration = Duration::from_secs(2);

/// Which datagrams go first, and which are dropped last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Feedback, pongs, requests: never dropped, and few.
    Control,
    /// Audio.
    Audio,
    /// A packet of a key frame.
    KeyFrame(FrameId),
    /// A packet of another frame that others build on.
    DeltaFrame(FrameId),
    /// A packet of a frame that no other builds on, or of one that went before and was asked for
    /// again.
    Discardable(FrameId),
}

counters! {
    /// How many datagrams were dropped for want of room or time.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Drops {
        /// Packets of non-key frames dropped from queues.
        pub delta_frames = "dropped_picture_packets_total",
        /// Packets of key frames dropped from queues.
        pub key_frames = "dropped_key_frame_packets_total",
        /// Packets of audio dropped from queues.
        pub audio = "dropped_audio_packets_total",
    }
}

impl Drops {
    /// Adds those of another queue.
    pub(crate) fn add(&mut self, more: Self) {
        self.delta_frames += more.delta_frames;
        self.key_frames += more.key_frames;
        self.audio += more.audio;
    }

    fn count_video(&mut self, key: bool) {
        if key {
            self.key_frames += 1;
        } else {
            self.delta_frames += 1;
        }
    }
}

/// A queue with a bound in bytes. Control is counted but not refused: its senders are bounded by
/// their rates.
#[derive(Debug)]
pub struct Queue {
    limit_bytes: usize,
    bytes: usize,
    control: VecDeque<Datagram>,
    audio: VecDeque<Datagram>,
    /// Packets of video in the order they came, under a number that only grows.
    video: BTreeMap<u64, Waiting>,
    next: u64,
    streams: BTreeMap<StreamId, Stream>,
    drops: Drops,
}

#[derive(Debug)]
struct Waiting {
    datagram: Datagram,
    frame: FrameId,
    worth: Worth,
    since: Instant,
}

/// How much is lost with a frame, least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Worth {
    Discardable,
    Delta,
    Key,
}

/// Where a stream is.
#[derive(Debug, Default)]
struct Stream {
    /// The frame of which a packet was sent last.
    begun: Option<u32>,
    /// The frame that was given up. Later frames cannot be decoded until a key frame comes.
    broken: Option<u32>,
}

impl Queue {
    /// An empty queue for at most `limit_bytes`.
    #[must_use]
    pub fn new(limit_bytes: usize) -> Self {
        Self {
            limit_bytes,
            bytes: 0,
            control: VecDeque::new(),
            audio: VecDeque::new(),
            video: BTreeMap::new(),
            next: 0,
            streams: BTreeMap::new(),
            drops: Drops::default(),
        }
    }

    /// Appends a datagram and drops by rule what no longer fits, which may be the datagram itself.
    pub fn push(&mut self, now: Instant, class: Class, datagram: Datagram) {
        self.bytes += datagram.payload().len();
        match class {
            Class::Control => self.control.push_back(datagram),
            Class::Audio => self.audio.push_back(datagram),
            Class::KeyFrame(frame) => self.push_video(now, frame, Worth::Key, datagram),
            Class::DeltaFrame(frame) => self.push_video(now, frame, Worth::Delta, datagram),
            Class::Discardable(frame) => self.push_video(now, frame, Worth::Discardable, datagram),
        }
        while self.bytes > self.limit_bytes && self.drop_one() {}
    }

    fn push_video(&mut self, now: Instant, frame: FrameId, worth: Worth, datagram: Datagram) {
        let stream = self.streams.entry(frame.stream).or_default();
        if worth == Worth::Key && stream.broken != Some(frame.number) {
            stream.broken = None;
        }
        let waiting = Waiting {
            datagram,
            frame,
            worth,
            since: now,
        };
        self.video.insert(self.next, waiting);
        self.next += 1;
    }

    /// Takes the next datagram to send.
    pub fn pop(&mut self, now: Instant) -> Option<Datagram> {
        if let Some(datagram) = self.pop_urgent() {
            return Some(datagram);
        }
        while let Some((&number, first)) = self.video.first_key_value() {
            let (frame, worth, waited) = (first.frame, first.worth, now - first.since);
            let stream = self.streams.entry(frame.stream).or_default();
            let begun = stream.begun == Some(frame.number);
            let longest = if begun { MAX_BEGUN_AGE } else { MAX_VIDEO_AGE };
            if waited > longest {
                self.give_up(frame, worth);
                continue;
            }
            stream.begun = Some(frame.number);
            let waiting = self.video.remove(&number)?;
            self.bytes -= waiting.datagram.payload().len();
            return Some(waiting.datagram);
        }
        None
    }

    /// Takes the next datagram that is not to wait: control or audio.
    pub fn pop_urgent(&mut self) -> Option<Datagram> {
        let datagram = self
            .control
            .pop_front()
            .or_else(|| self.audio.pop_front())?;
        self.bytes -= datagram.payload().len();
        Some(datagram)
    }

    /// How long the oldest packet of video has waited.
    #[must_use]
    pub fn oldest_video(&self, now: Instant) -> Duration {
        let oldest = self.video.values().next();
        oldest.map_or(Duration::ZERO, |waiting| now - waiting.since)
    }

    /// Whether a packet of this frame is worth pushing. If it builds on one that was given up it is
    /// not, and counts as dropped.
    pub fn admits(&mut self, frame: &FrameId, key: bool) -> bool {
        let stream = self.streams.get(&frame.stream);
        let broken = stream.and_then(|stream| stream.broken);
        let admitted = broken.is_none_or(|given_up| key && given_up != frame.number);
        if !admitted {
            self.drops.count_video(key);
        }
        admitted
    }

    /// Whether a stream waits for a key frame because a frame of it was given up.
    #[must_use]
    pub fn is_broken(&self, stream: StreamId) -> bool {
        let stream = self.streams.get(&stream);
        stream.is_some_and(|stream| stream.broken.is_some())
    }

    /// Whether a key frame of a stream waits, or is on its way in part.
    #[must_use]
    pub fn has_key_frame(&self, stream: StreamId) -> bool {
        let mut waiting = self.video.values();
        waiting.any(|waiting| waiting.worth == Worth::Key && waiting.frame.stream == stream)
    }

    /// Drops the waiting packets of a stream, because another stream takes its place.
    pub fn leave_stream(&mut self, stream: StreamId) {
        self.drop_video(|waiting| waiting.frame.stream == stream);
        self.streams.remove(&stream);
    }

    /// Forgets what it knows of streams for which `lives` does not hold.
    pub fn retain_streams(&mut self, lives: impl Fn(StreamId) -> bool) {
        self.streams.retain(|stream, _| lives(*stream));
    }

    /// Goes on counting where another queue ended.
    pub(super) fn restore_drops(&mut self, drops: Drops) {
        self.drops = drops;
    }

    /// Forgets everything that waits, as when the link is gone.
    pub fn clear(&mut self) {
        let (limit_bytes, drops) = (self.limit_bytes, self.drops);
        *self = Self {
            drops,
            ..Self::new(limit_bytes)
        };
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.control.is_empty() && self.audio.is_empty() && self.video.is_empty()
    }

    /// Control datagrams that wait; whoever answers a peer's datagrams with control bounds it by
    /// this.
    #[must_use]
    pub fn control(&self) -> usize {
        self.control.len()
    }

    /// Bytes that wait.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// What has been dropped so far.
    #[must_use]
    pub fn drops(&self) -> Drops {
        self.drops
    }

    /// Drops the frame that is worth least, or else one packet of audio; `false` if only control is
    /// left.
    fn drop_one(&mut self) -> bool {
        // Of equal ones the first, which is the oldest.
        let least = self.video.values().min_by_key(|waiting| waiting.worth);
        if let Some((frame, worth)) = least.map(|waiting| (waiting.frame, waiting.worth)) {
            self.give_up(frame, worth);
            return true;
        }
        let Some(datagram) = self.audio.pop_front() else {
            return false;
        };
        self.bytes -= datagram.payload().len();
        self.drops.audio += 1;
        true
    }

    /// Drops a frame and what builds on it: all of its stream up to the next key frame, be that
    /// here or still to come.
    fn give_up(&mut self, frame: FrameId, worth: Worth) {
        if worth == Worth::Discardable {
            self.drop_video(|waiting| waiting.frame == frame);
            return;
        }
        let after = |of: FrameId| frame.is_before(of);
        let mut waiting = self.video.values();
        let next_key = waiting
            .find(|waiting| waiting.worth == Worth::Key && after(waiting.frame))
            .map(|waiting| waiting.frame);
        self.drop_video(|waiting| {
            let before_key = next_key.is_none_or(|key| waiting.frame.is_before(key));
            waiting.frame == frame || after(waiting.frame) && before_key
        });
        if next_key.is_none() {
            self.streams.entry(frame.stream).or_default().broken = Some(frame.number);
        }
    }

    fn drop_video(&mut self, of_no_use: impl Fn(&Waiting) -> bool) {
        let (bytes, drops) = (&mut self.bytes, &mut self.drops);
        self.video.retain(|_, waiting| {
            let dropped = of_no_use(waiting);
            if dropped {
                *bytes -= waiting.datagram.payload().len();
                drops.count_video(waiting.worth == Worth::Key);
            }
            !dropped
        });
    }
}

#[cfg(test)]
mod tests;
