//! What waits for one subscriber's link, in bounded memory.
//!
//! Order out: control, then sound, then pictures; each in the order it came in.
//! Overflow: what nothing builds on goes first, oldest first; then the oldest non-key frame, then the oldest key frame, each whole and with all that
//! builds on it; then the oldest sound; control never.
//! A picture that waited longer than [`MAX_PICTURE_AGE`] before it began to be sent is given up in the same way: nobody would show it.
//!
//! A path that does not bear what comes thus gets runs of pictures that can all be decoded, each begun by a key frame, and nothing between
//! them. To send what refers to a picture that was given up would only keep the next key frame waiting.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use smrtc_engine::{time::Instant, wire::media::FrameHeader};

use super::Datagram;

/// Longest wait of a picture's packet; longer than any playout delay worth having.
pub const MAX_PICTURE_AGE: Duration = Duration::from_millis(600);
/// Longest wait of the rest of a frame that has begun to be sent. On a slow path a key frame takes its time, and half of one is of no use.
const MAX_BEGUN_AGE: Duration = Duration::from_secs(2);

/// Which frame a packet belongs to; frames are dropped whole, since a part is of no use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FrameId {
    /// Publisher.
    pub sender: u32,
    /// Its track.
    pub track: u8,
    /// Spatial layer.
    pub spatial: u8,
    /// Frame number within the layer.
    pub frame_id: u32,
}

/// How dear a datagram is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Feedback, pongs, requests: never dropped, and few.
    Control,
    /// Sound.
    Audio,
    /// A packet of a key frame.
    KeyFrame(FrameId),
    /// A packet of another frame that others build on.
    Picture(FrameId),
    /// A packet of a frame that no other builds on, or of one that went before and was asked for again.
    Leavable(FrameId),
}

/// A spatial layer of a track: sender, track, layer. No frame refers to one of another.
pub type StreamKey = (u32, u8, u8);

impl FrameId {
    /// The frame that a packet with this header is of.
    #[must_use]
    pub fn of(header: &FrameHeader) -> Self {
        Self {
            sender: header.sender,
            track: header.track,
            spatial: header.spatial,
            frame_id: header.frame_id,
        }
    }

    /// The stream it is of.
    #[must_use]
    pub fn stream(&self) -> StreamKey {
        (self.sender, self.track, self.spatial)
    }
}

/// How many datagrams were dropped for want of room or time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drops {
    /// Packets of non-key frames.
    pub pictures: u64,
    /// Packets of key frames.
    pub key_frames: u64,
    /// Sound.
    pub audio: u64,
}

/// A queue with a bound in bytes. Control is counted but not refused: its senders are bounded by their rates.
#[derive(Debug)]
pub struct Queue {
    limit_bytes: usize,
    bytes: usize,
    control: VecDeque<Datagram>,
    audio: VecDeque<Datagram>,
    /// Packets of pictures in the order they came, under a number that only grows.
    pictures: BTreeMap<u64, Waiting>,
    next: u64,
    streams: BTreeMap<StreamKey, Stream>,
    drops: Drops,
}

#[derive(Debug)]
struct Waiting {
    datagram: Datagram,
    frame: FrameId,
    worth: Worth,
    since: Instant,
}

/// What else is lost with a frame, least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Worth {
    Leavable,
    Delta,
    Key,
}

/// Where a stream is.
#[derive(Debug, Default)]
struct Stream {
    /// The frame of which a packet was sent last.
    begun: Option<u32>,
    /// The frame that was given up: what comes after it is of no use until a key frame comes.
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
            pictures: BTreeMap::new(),
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
            Class::KeyFrame(frame) => self.push_picture(now, frame, Worth::Key, datagram),
            Class::Picture(frame) => self.push_picture(now, frame, Worth::Delta, datagram),
            Class::Leavable(frame) => self.push_picture(now, frame, Worth::Leavable, datagram),
        }
        while self.bytes > self.limit_bytes && self.drop_one() {}
    }

    fn push_picture(&mut self, now: Instant, frame: FrameId, worth: Worth, datagram: Datagram) {
        let stream = self.streams.entry(frame.stream()).or_default();
        if worth == Worth::Key && stream.broken != Some(frame.frame_id) {
            stream.broken = None;
        }
        let waiting = Waiting {
            datagram,
            frame,
            worth,
            since: now,
        };
        self.pictures.insert(self.next, waiting);
        self.next += 1;
    }

    /// Takes the next datagram to send.
    pub fn pop(&mut self, now: Instant) -> Option<Datagram> {
        if let Some(datagram) = self.pop_urgent() {
            return Some(datagram);
        }
        while let Some((&number, first)) = self.pictures.first_key_value() {
            let (frame, worth, waited) = (first.frame, first.worth, now - first.since);
            let stream = self.streams.entry(frame.stream()).or_default();
            let begun = stream.begun == Some(frame.frame_id);
            if waited
                > if begun {
                    MAX_BEGUN_AGE
                } else {
                    MAX_PICTURE_AGE
                }
            {
                self.give_up(frame, worth);
                continue;
            }
            stream.begun = Some(frame.frame_id);
            let waiting = self.pictures.remove(&number)?;
            self.bytes -= waiting.datagram.payload().len();
            return Some(waiting.datagram);
        }
        None
    }

    /// Takes the next datagram that is not to wait: control or sound.
    pub fn pop_urgent(&mut self) -> Option<Datagram> {
        let datagram = self
            .control
            .pop_front()
            .or_else(|| self.audio.pop_front())?;
        self.bytes -= datagram.payload().len();
        Some(datagram)
    }

    /// How long the oldest picture has waited.
    #[must_use]
    pub fn oldest_picture(&self, now: Instant) -> Duration {
        let oldest = self.pictures.values().next();
        oldest.map_or(Duration::ZERO, |waiting| now - waiting.since)
    }

    /// Whether a packet of this frame is worth pushing. If it builds on one that was given up it is not, and counts as dropped.
    pub fn admits(&mut self, frame: &FrameId, key: bool) -> bool {
        let stream = self.streams.get(&frame.stream());
        let broken = stream.and_then(|stream| stream.broken);
        let admitted = broken.is_none_or(|given_up| key && given_up != frame.frame_id);
        if !admitted && key {
            self.drops.key_frames += 1;
        } else if !admitted {
            self.drops.pictures += 1;
        }
        admitted
    }

    /// Whether a stream waits for a key frame because a frame of it was given up.
    #[must_use]
    pub fn is_broken(&self, stream: StreamKey) -> bool {
        let stream = self.streams.get(&stream);
        stream.is_some_and(|stream| stream.broken.is_some())
    }

    /// Whether a key frame of a stream waits, or is on its way in part.
    #[must_use]
    pub fn has_key_frame(&self, stream: StreamKey) -> bool {
        let mut waiting = self.pictures.values();
        waiting.any(|waiting| waiting.worth == Worth::Key && waiting.frame.stream() == stream)
    }

    /// Drops what waits of a stream: another takes its place.
    pub fn leave_stream(&mut self, stream: StreamKey) {
        self.drop_pictures(|waiting| waiting.frame.stream() == stream);
        self.streams.remove(&stream);
    }

    /// Forgets what it knows of streams for which `lives` does not hold.
    pub fn retain_streams(&mut self, lives: impl Fn(StreamKey) -> bool) {
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
        self.control.is_empty() && self.audio.is_empty() && self.pictures.is_empty()
    }

    /// Control datagrams that wait; whoever answers a peer's datagrams with control bounds it by this.
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

    /// Drops what is worth least, or one packet of sound; `false` if only control is left.
    fn drop_one(&mut self) -> bool {
        // Of equal ones the first, which is the oldest.
        let least = self.pictures.values().min_by_key(|waiting| waiting.worth);
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

    /// Drops a frame and what builds on it: all of its stream up to the next key frame, be that here or still to come.
    fn give_up(&mut self, frame: FrameId, worth: Worth) {
        let of_stream = |waiting: &&Waiting| waiting.frame.stream() == frame.stream();
        let is_after = |waiting: &Waiting| {
            (waiting.frame.frame_id.wrapping_sub(frame.frame_id)).cast_signed() > 0
        };
        let mut stream = self.pictures.values().filter(of_stream);
        let next_key = stream
            .find(|waiting| waiting.worth == Worth::Key && is_after(waiting))
            .map(|waiting| waiting.frame.frame_id);
        let builds_on_it = |waiting: &Waiting| {
            let before = next_key
                .is_none_or(|key| (waiting.frame.frame_id.wrapping_sub(key)).cast_signed() < 0);
            worth > Worth::Leavable && is_after(waiting) && before
        };
        self.drop_pictures(|waiting| {
            of_stream(&waiting) && (waiting.frame == frame || builds_on_it(waiting))
        });
        if worth > Worth::Leavable && next_key.is_none() {
            self.streams.entry(frame.stream()).or_default().broken = Some(frame.frame_id);
        }
    }

    fn drop_pictures(&mut self, of_no_use: impl Fn(&Waiting) -> bool) {
        let (bytes, drops) = (&mut self.bytes, &mut self.drops);
        self.pictures.retain(|_, waiting| {
            let dropped = of_no_use(waiting);
            if dropped {
                *bytes -= waiting.datagram.payload().len();
                if waiting.worth == Worth::Key {
                    drops.key_frames += 1;
                } else {
                    drops.pictures += 1;
                }
            }
            !dropped
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(frame_id: u32) -> FrameId {
        FrameId {
            sender: 1,
            track: 0,
            spatial: 0,
            frame_id,
        }
    }

    fn datagram(tag: u8) -> Datagram {
        Datagram::copy_of(&[tag; 100])
    }

    fn drain(queue: &mut Queue, now: Instant) -> Vec<u8> {
        std::iter::from_fn(|| queue.pop(now))
            .map(|datagram| datagram.payload()[0])
            .collect()
    }

    fn drops(pictures: u64, key_frames: u64, audio: u64) -> Drops {
        Drops {
            pictures,
            key_frames,
            audio,
        }
    }

    #[test]
    fn overflow_takes_what_costs_least_first_and_never_control() {
        let now = Instant::ZERO;
        let mut queue = Queue::new(700);
        queue.push(now, Class::KeyFrame(frame(0)), datagram(0));
        queue.push(now, Class::Picture(frame(1)), datagram(1));
        queue.push(now, Class::Leavable(frame(2)), datagram(2));
        queue.push(now, Class::Picture(frame(3)), datagram(3));
        queue.push(now, Class::Leavable(frame(4)), datagram(4));
        queue.push(now, Class::Audio, datagram(5));
        queue.push(now, Class::Control, datagram(6));
        assert_eq!(queue.drops(), Drops::default(), "all fits");

        queue.push(now, Class::Audio, datagram(7));
        assert_eq!(queue.drops(), drops(1, 0, 0), "frame 2");
        queue.push(now, Class::Audio, datagram(8));
        assert_eq!(queue.drops(), drops(2, 0, 0), "frame 4");
        queue.push(now, Class::Audio, datagram(9));
        assert_eq!(queue.drops(), drops(4, 0, 0), "frame 1, and 3 builds on it");
        queue.push(now, Class::Audio, datagram(10));
        queue.push(now, Class::Audio, datagram(11));
        assert_eq!(queue.drops(), drops(4, 1, 0));
        queue.push(now, Class::Audio, datagram(12));
        assert_eq!(queue.drops(), drops(4, 1, 1));
        for tag in 20..30 {
            queue.push(now, Class::Control, datagram(tag));
        }
        assert_eq!(queue.drops().audio, 7, "all sound made room");
        assert_eq!(
            drain(&mut queue, now),
            [6, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29]
        );
        assert_eq!(queue.bytes(), 0);
    }

    #[test]
    fn a_frame_is_dropped_whole_and_only_what_builds_on_it_with_it() {
        let now = Instant::ZERO;
        let mut queue = Queue::new(600);
        let other = FrameId {
            track: 1,
            ..frame(2)
        };
        for (id, tag) in [(1, 1), (1, 1), (2, 2)] {
            queue.push(now, Class::Picture(frame(id)), datagram(tag));
        }
        queue.push(now, Class::Picture(other), datagram(3));
        queue.push(now, Class::KeyFrame(frame(4)), datagram(4));
        queue.push(now, Class::Picture(frame(5)), datagram(5));
        queue.push(now, Class::Picture(frame(5)), datagram(5));
        assert_eq!(queue.drops().pictures, 3);
        assert!(!queue.is_broken(frame(1).stream()), "it goes on with 4");
        assert_eq!(drain(&mut queue, now), [3, 4, 5, 5]);
    }

    #[test]
    fn after_a_frame_that_waited_too_long_nothing_is_admitted_but_a_newer_key_frame() {
        let at = Instant::from_millis;
        let mut queue = Queue::new(10_000);
        queue.push(at(0), Class::Picture(frame(1)), datagram(1));
        queue.push(at(500), Class::Picture(frame(2)), datagram(2));
        queue.push(at(500), Class::Leavable(frame(3)), datagram(3));
        assert!(queue.admits(&frame(4), false));
        assert_eq!(queue.pop(at(700)), None);
        assert_eq!(queue.drops().pictures, 3);
        assert!(queue.is_broken(frame(1).stream()));
        assert!(!queue.admits(&frame(4), false));
        assert!(queue.admits(&frame(4), true));

        // What was asked for again, of a frame before it, mends nothing.
        queue.push(at(700), Class::Leavable(frame(0)), datagram(0));
        assert!(queue.is_broken(frame(1).stream()));
        queue.push(at(700), Class::KeyFrame(frame(4)), datagram(4));
        assert!(queue.has_key_frame(frame(4).stream()));
        assert!(queue.admits(&frame(5), false));
        assert_eq!(drain(&mut queue, at(700)), [0, 4]);
        assert!(!queue.has_key_frame(frame(4).stream()));
    }

    #[test]
    fn the_rest_of_a_key_frame_that_was_given_up_does_not_mend_the_stream() {
        let at = Instant::from_millis;
        let mut queue = Queue::new(10_000);
        queue.push(at(0), Class::KeyFrame(frame(1)), datagram(1));
        assert_eq!(queue.pop(at(700)), None);
        assert!(!queue.admits(&frame(1), true));
        queue.push(at(700), Class::KeyFrame(frame(1)), datagram(1));
        assert!(queue.is_broken(frame(1).stream()));
    }

    #[test]
    fn a_frame_that_has_begun_is_finished_on_a_slow_path() {
        let at = Instant::from_millis;
        let mut queue = Queue::new(10_000);
        for tag in 0..4 {
            queue.push(at(0), Class::KeyFrame(frame(1)), datagram(tag));
        }
        queue.push(at(40), Class::Picture(frame(2)), datagram(9));
        for tag in 0..4 {
            let datagram = queue.pop(at(300 * u64::from(tag)));
            assert_eq!(datagram.unwrap().payload()[0], tag);
        }
        assert_eq!(queue.pop(at(1_200)), None, "the next had not begun");
        for tag in 0..2 {
            queue.push(at(2_000), Class::KeyFrame(frame(3)), datagram(tag));
        }
        assert!(queue.pop(at(2_000)).is_some());
        assert_eq!(queue.pop(at(4_001)), None, "there is an end to it");
        assert!(queue.is_broken(frame(3).stream()));
    }

    /// Frames that came, each with its packets and how many of them were sent.
    #[derive(Default)]
    struct Model {
        frames: BTreeMap<u32, (Worth, u32, u32)>,
    }

    impl Model {
        /// Whether a receiver that got all that was sent can decode this frame once it is whole.
        fn is_decodable(&self, id: u32) -> bool {
            let mut before = self.frames.range(..id).rev();
            let reference = before.find(|(_, (worth, ..))| *worth != Worth::Leavable);
            self.frames[&id].0 == Worth::Key
                || reference.is_some_and(|(&id, (_, packets, sent))| {
                    packets == sent && self.is_decodable(id)
                })
        }
    }

    #[test]
    fn every_packet_that_goes_is_of_a_frame_that_can_be_decoded_however_slow_the_path() {
        for seed in 1..40_u64 {
            let mut random = seed;
            let mut below = |limit: u64| {
                random = random
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                (random >> 33) % limit
            };
            let (mut queue, mut model) = (Queue::new(3_000), Model::default());
            let (mut sent, mut refused) = (0, 0);
            let pace = 1 + below(6);
            for tick in 0..3_000_u32 {
                let now = Instant::from_millis(u64::from(tick) * 33);
                let worth = match if tick == 0 { 0 } else { below(20) } {
                    0 => Worth::Key,
                    1..8 => Worth::Leavable,
                    _ => Worth::Delta,
                };
                let packets = 1 + below(3) as u32 + if worth == Worth::Key { 4 } else { 0 };
                let id = frame(tick);
                if queue.admits(&id, worth == Worth::Key) {
                    model.frames.insert(tick, (worth, packets, 0));
                    let mut bytes = vec![0; 100];
                    bytes[..4].copy_from_slice(&tick.to_be_bytes());
                    for _ in 0..packets {
                        let class = match worth {
                            Worth::Key => Class::KeyFrame(id),
                            Worth::Delta => Class::Picture(id),
                            Worth::Leavable => Class::Leavable(id),
                        };
                        if queue.admits(&id, worth == Worth::Key) {
                            queue.push(now, class, Datagram::copy_of(&bytes));
                        }
                    }
                } else {
                    refused += 1;
                }
                for _ in 0..below(pace) {
                    let Some(datagram) = queue.pop(now) else {
                        continue;
                    };
                    let id = u32::from_be_bytes(*datagram.payload().first_chunk().unwrap());
                    assert!(model.is_decodable(id), "seed {seed}: frame {id}");
                    model.frames.get_mut(&id).unwrap().2 += 1;
                    sent += 1;
                }
                assert!(queue.bytes() <= 3_000);
            }
            assert!(sent > 500 || pace == 1, "seed {seed}: {sent} sent");
            assert!(refused > 0 || pace > 4, "seed {seed}: the path was wide");
        }
    }

    #[test]
    fn sound_overtakes_pictures_and_late_pictures_are_not_sent() {
        let mut queue = Queue::new(10_000);
        queue.push(Instant::ZERO, Class::Leavable(frame(1)), datagram(1));
        queue.push(
            Instant::from_millis(500),
            Class::Picture(frame(2)),
            datagram(2),
        );
        queue.push(Instant::from_millis(500), Class::Audio, datagram(3));
        assert_eq!(drain(&mut queue, Instant::from_millis(700)), [3, 2]);
        assert_eq!(queue.drops().pictures, 1);
    }
}
