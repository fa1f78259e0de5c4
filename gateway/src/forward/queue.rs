//! What waits for one subscriber's link, in bounded memory.
//!
//! Order out: control, then sound, then pictures; each in the order it came in.
//! Overflow: whole oldest non-key frames go first, then oldest key frames, then oldest sound; control never.
//! Pictures that waited longer than [`MAX_PICTURE_AGE`] go unsent: nobody would show them.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use smrtc_engine::time::Instant;

use super::Datagram;

/// Longest wait of a picture's packet; longer than any playout delay worth having.
pub const MAX_PICTURE_AGE: Duration = Duration::from_millis(600);

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
    /// A packet of a frame that others build on.
    KeyFrame(FrameId),
    /// A packet of any other picture.
    Picture(FrameId),
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
    drops: Drops,
}

#[derive(Debug)]
struct Waiting {
    datagram: Datagram,
    frame: FrameId,
    key: bool,
    since: Instant,
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
            drops: Drops::default(),
        }
    }

    /// Appends a datagram and drops by rule what no longer fits, which may be the datagram itself.
    pub fn push(&mut self, now: Instant, class: Class, datagram: Datagram) {
        self.bytes += datagram.payload().len();
        match class {
            Class::Control => self.control.push_back(datagram),
            Class::Audio => self.audio.push_back(datagram),
            Class::KeyFrame(frame) | Class::Picture(frame) => {
                let waiting = Waiting {
                    datagram,
                    frame,
                    key: matches!(class, Class::KeyFrame(_)),
                    since: now,
                };
                self.pictures.insert(self.next, waiting);
                self.next += 1;
            }
        }
        while self.bytes > self.limit_bytes && self.drop_one() {}
    }

    /// Takes the next datagram to send.
    pub fn pop(&mut self, now: Instant) -> Option<Datagram> {
        if let Some(datagram) = self.pop_urgent() {
            return Some(datagram);
        }
        while let Some((_, waiting)) = self.pictures.pop_first() {
            self.bytes -= waiting.datagram.payload().len();
            if now.duration_since(waiting.since) <= MAX_PICTURE_AGE {
                return Some(waiting.datagram);
            }
            self.count_picture(waiting.key);
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

    /// Drops one frame or one packet of sound; `false` if only control is left.
    fn drop_one(&mut self) -> bool {
        let oldest_delta = self.pictures.values().find(|waiting| !waiting.key);
        let victim = oldest_delta.or_else(|| self.pictures.values().next());
        if let Some((frame, key)) = victim.map(|waiting| (waiting.frame, waiting.key)) {
            let (mut bytes, mut packets) = (0, 0);
            self.pictures.retain(|_, waiting| {
                let dropped = waiting.frame == frame && waiting.key == key;
                if dropped {
                    bytes += waiting.datagram.payload().len();
                    packets += 1;
                }
                !dropped
            });
            self.bytes -= bytes;
            if key {
                self.drops.key_frames += packets;
            } else {
                self.drops.pictures += packets;
            }
            return true;
        }
        let Some(datagram) = self.audio.pop_front() else {
            return false;
        };
        self.bytes -= datagram.payload().len();
        self.drops.audio += 1;
        true
    }

    fn count_picture(&mut self, key: bool) {
        if key {
            self.drops.key_frames += 1;
        } else {
            self.drops.pictures += 1;
        }
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

    #[test]
    fn overflow_takes_old_pictures_then_key_frames_then_sound_and_never_control() {
        let now = Instant::ZERO;
        let mut queue = Queue::new(500);
        queue.push(now, Class::KeyFrame(frame(0)), datagram(0));
        queue.push(now, Class::Picture(frame(1)), datagram(1));
        queue.push(now, Class::Picture(frame(2)), datagram(2));
        queue.push(now, Class::Audio, datagram(3));
        queue.push(now, Class::Control, datagram(4));
        assert_eq!(queue.drops(), Drops::default(), "all fits");

        queue.push(now, Class::Audio, datagram(5));
        assert_eq!(
            queue.drops(),
            Drops {
                pictures: 1,
                ..Drops::default()
            },
            "frame 1"
        );
        queue.push(now, Class::Audio, datagram(6));
        assert_eq!(
            queue.drops(),
            Drops {
                pictures: 2,
                ..Drops::default()
            },
            "frame 2"
        );
        queue.push(now, Class::Audio, datagram(7));
        assert_eq!(
            queue.drops(),
            Drops {
                pictures: 2,
                key_frames: 1,
                audio: 0
            }
        );
        queue.push(now, Class::Audio, datagram(8));
        assert_eq!(
            queue.drops(),
            Drops {
                pictures: 2,
                key_frames: 1,
                audio: 1
            }
        );
        for tag in 10..20 {
            queue.push(now, Class::Control, datagram(tag));
        }
        assert_eq!(queue.drops().audio, 5, "all sound made room");
        assert_eq!(
            drain(&mut queue, now),
            [4, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19]
        );
        assert_eq!(queue.bytes(), 0);
    }

    #[test]
    fn a_frame_is_dropped_whole() {
        let now = Instant::ZERO;
        let mut queue = Queue::new(400);
        for (id, tag) in [(1, 1), (1, 1), (1, 1), (2, 2)] {
            queue.push(now, Class::Picture(frame(id)), datagram(tag));
        }
        queue.push(now, Class::Picture(frame(2)), datagram(2));
        assert_eq!(drain(&mut queue, now), [2, 2]);
        assert_eq!(queue.drops().pictures, 3);
    }

    #[test]
    fn sound_overtakes_pictures_and_late_pictures_are_not_sent() {
        let mut queue = Queue::new(10_000);
        queue.push(Instant::ZERO, Class::Picture(frame(1)), datagram(1));
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
