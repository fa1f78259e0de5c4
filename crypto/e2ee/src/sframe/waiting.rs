//! Frames that came before their key, kept for a moment.
//!
//! At a change of epoch a frame may overtake the commit that makes its key. It waits here, within
//! bounds: of frames, bytes and time, and of what one KID may take, since anybody can write a KID
//! into a header.

use std::collections::VecDeque;

use super::header::Kid;

/// Bounds of a [`Waiting`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitingLimits {
    /// Frames held; default 256. Beyond it the oldest goes.
    pub frames: usize,
    /// Bytes held; default 4 MiB. Beyond it the oldest goes.
    pub bytes: usize,
    /// Frames held of one KID; default 64, about a second of a sender with two videos and audio.
    /// Beyond it its oldest goes.
    pub frames_of_a_kid: usize,
    /// How long a frame waits, in microseconds; default 2 s.
    pub micros: u64,
}

impl Default for WaitingLimits {
    fn default() -> Self {
        Self {
            frames: 256,
            bytes: 4 << 20,
            frames_of_a_kid: 64,
            micros: 2_000_000,
        }
    }
}

/// Sealed frames of unknown KIDs, oldest first, each with what its owner must know of it.
#[derive(Debug)]
pub struct Waiting<T> {
    limits: WaitingLimits,
    frames: VecDeque<Held<T>>,
    bytes: usize,
    dropped: u64,
    /// What their owner has not been told of yet.
    gone: Vec<T>,
}

#[derive(Debug)]
struct Held<T> {
    since: u64,
    kid: Kid,
    frame: Vec<u8>,
    about: T,
}

impl<T> Waiting<T> {
    /// Nothing waits yet.
    pub fn new(limits: WaitingLimits) -> Self {
        Self {
            limits,
            frames: VecDeque::new(),
            bytes: 0,
            dropped: 0,
            gone: Vec::new(),
        }
    }

    /// Keeps `frame` from `now`, in microseconds.
    pub fn hold(&mut self, now: u64, kid: Kid, frame: Vec<u8>, about: T) {
        self.expire(now);
        if frame.len() > self.limits.bytes || self.limits.frames == 0 {
            self.dropped += 1;
            self.gone.push(about);
            return;
        }
        let mut of_kid = self
            .frames
            .iter()
            .enumerate()
            .filter(|(_, held)| held.kid == kid);
        let first = of_kid.next().map(|(index, _)| index);
        if let Some(first) = first
            && of_kid.count() + 1 >= self.limits.frames_of_a_kid.max(1)
        {
            self.drop_at(first);
        }
        while self.frames.len() >= self.limits.frames
            || self.bytes + frame.len() > self.limits.bytes
        {
            self.drop_at(0);
        }
        self.bytes += frame.len();
        self.frames.push_back(Held {
            since: now,
            kid,
            frame,
            about,
        });
    }

    /// Takes out the frames whose KID is `known` by now, in the order they came.
    pub fn take_ready(&mut self, mut known: impl FnMut(Kid) -> bool) -> Vec<(Vec<u8>, T)> {
        let mut ready = Vec::new();
        for held in std::mem::take(&mut self.frames) {
            if known(held.kid) {
                self.bytes -= held.frame.len();
                ready.push((held.frame, held.about));
            } else {
                self.frames.push_back(held);
            }
        }
        ready
    }

    /// Drops what has waited too long at `now`, in microseconds.
    pub fn expire(&mut self, now: u64) {
        while let Some(held) = self.frames.front()
            && now.saturating_sub(held.since) > self.limits.micros
        {
            self.drop_at(0);
        }
    }

    /// When the oldest has waited too long, in microseconds.
    pub fn deadline(&self) -> Option<u64> {
        let oldest = self.frames.front()?;
        Some(oldest.since.saturating_add(self.limits.micros) + 1)
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.frames.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// How many were dropped, ever.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// What was to be known of the frames that were dropped since the last call, oldest first. Take
    /// it after each call that may drop: nothing else empties it.
    pub fn take_dropped(&mut self) -> Vec<T> {
        std::mem::take(&mut self.gone)
    }

    fn drop_at(&mut self, index: usize) {
        if let Some(held) = self.frames.remove(index) {
            self.bytes -= held.frame.len();
            self.dropped += 1;
            self.gone.push(held.about);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting() -> Waiting<u32> {
        Waiting::new(WaitingLimits {
            frames: 4,
            bytes: 100,
            frames_of_a_kid: 2,
            micros: 1000,
        })
    }

    fn left(waiting: &mut Waiting<u32>) -> Vec<u32> {
        let ready = waiting.take_ready(|_| true);
        ready.into_iter().map(|(_, about)| about).collect()
    }

    #[test]
    fn frames_come_out_in_order_once_their_kid_is_known() {
        let mut waiting = waiting();
        for (kid, about) in [(1, 10), (2, 20), (1, 11)] {
            waiting.hold(0, Kid(kid), vec![0; 8], about);
        }
        let ready: Vec<_> = waiting.take_ready(|kid| kid == Kid(1));
        assert_eq!(ready, [(vec![0; 8], 10), (vec![0; 8], 11)]);
        assert_eq!(waiting.len(), 1);
        assert_eq!(left(&mut waiting), [20]);
        assert_eq!((waiting.bytes, waiting.dropped()), (0, 0));
    }

    #[test]
    fn a_flood_under_one_kid_takes_its_own_frames_only() {
        let mut waiting = waiting();
        waiting.hold(0, Kid(7), vec![1], 70);
        for about in 0..50 {
            waiting.hold(0, Kid(1), vec![1], about);
        }
        assert_eq!(left(&mut waiting), [70, 48, 49]);
        assert_eq!(waiting.take_dropped(), (0..48).collect::<Vec<_>>());
        assert!(waiting.take_dropped().is_empty());
    }

    #[test]
    fn frames_and_bytes_are_bounded_and_the_oldest_goes() {
        let mut waiting = waiting();
        for kid in 0..6 {
            waiting.hold(0, Kid(kid), vec![1], kid as u32);
        }
        assert_eq!(waiting.len(), 4);
        waiting.hold(0, Kid(6), vec![1; 98], 6);
        assert_eq!(left(&mut waiting), [4, 5, 6]);
        waiting.hold(0, Kid(7), vec![1; 101], 7);
        assert!(waiting.is_empty());
    }

    #[test]
    fn nothing_waits_longer_than_it_may() {
        let mut waiting = waiting();
        waiting.hold(5, Kid(1), vec![1], 1);
        assert_eq!(waiting.deadline(), Some(1006));
        waiting.expire(1005);
        assert_eq!(waiting.len(), 1);
        waiting.expire(1006);
        assert!(waiting.is_empty() && waiting.dropped() == 1 && waiting.bytes == 0);
    }
}
