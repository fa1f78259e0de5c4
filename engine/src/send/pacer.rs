//! Spreads packets over time, so that a large frame does not fill a queue on the path at once.
//!
//! A token bucket counted in time instead of bytes (the generic cell rate algorithm, ITU-T I.371
//! annex A): each packet moves `even_at` on by the time it takes at the pacing rate, and may go
//! while that is at most one burst ahead.
//!
//! Audio is never held back, but counts. The queue is bounded by the time it takes to drain; what
//! gives way is the oldest frame nobody refers to, then the oldest frames of a layer up to its next
//! key frame, never audio.

use core::time::Duration;
use std::collections::VecDeque;

use crate::ids::FrameId;
use crate::time::{Bitrate, Instant};

/// Priority of a packet, the most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Audio, first time or again: at once.
    Audio,
    /// Retransmitted video: somebody is waiting.
    Retransmission,
    /// Video frames of the base layers, without which no others decode.
    Base,
    /// Video frames of higher layers.
    Enhancement,
}

/// A packet in the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queued {
    /// Its priority.
    pub class: Class,
    /// The frame it belongs to.
    pub frame: FrameId,
    /// Its place in the frame.
    pub fragment: u16,
    /// Whether it is the frame's last packet.
    pub last: bool,
    /// Whether the frame is a key frame.
    pub key: bool,
    /// Whether no other frame refers to it.
    pub discardable: bool,
    /// When it came into the queue.
    pub since: Instant,
    /// The datagram; its `transport_seq` is still to be set.
    pub datagram: Vec<u8>,
}

/// A frame that was thrown out of the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dropped {
    /// Which.
    pub frame: FrameId,
    /// Whether later frames of its layer are of no use now, up to a key frame.
    pub breaks_layer: bool,
}

/// Settings of a [`Pacer`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacerConfig {
    /// How far ahead of the rate packets may go in one burst. Default 10 ms: browsers' timers are
    /// up to 4 ms late, and an ordinary frame goes out whole.
    pub burst: Duration,
    /// The queue is cut when it would take longer than this to drain. Default 400 ms.
    pub max_delay: Duration,
    /// The queue is also cut when it holds more bytes than this. Default 4 MiB.
    pub max_bytes: usize,
}

impl Default for PacerConfig {
    fn default() -> Self {
        Self {
            burst: Duration::from_millis(10),
            max_delay: Duration::from_millis(400),
            max_bytes: 4 << 20,
        }
    }
}

/// A retransmission that has waited this long comes too late.
const RETRANSMISSION_LIFETIME: Duration = Duration::from_millis(400);
/// Bytes that are never cut: at the lowest rates a single frame takes longer than any bound.
const LEAST_BYTES: usize = 6_000;
/// However much audio is sent, video frames get their turn after this time.
const MAX_DEBT: Duration = Duration::from_millis(500);

/// The queue and the bucket.
#[derive(Clone, Debug)]
pub struct Pacer {
    config: PacerConfig,
    rate: Bitrate,
    queues: [VecDeque<Queued>; 4],
    bytes: usize,
    /// When the bucket is even again.
    even_at: Instant,
}

impl Pacer {
    /// An empty queue, drained at `rate`.
    pub fn new(config: PacerConfig, rate: Bitrate) -> Self {
        Self {
            config,
            rate,
            queues: Default::default(),
            bytes: 0,
            even_at: Instant::ZERO,
        }
    }

    /// Changes the rate; packets sent already stay counted at the old one.
    pub fn set_rate(&mut self, rate: Bitrate) {
        self.rate = rate;
    }

    /// Appends a packet to its class. Call [`Self::cut`] when a frame is in.
    pub fn push(&mut self, packet: Queued) {
        self.bytes += packet.datagram.len();
        self.queues[packet.class as usize].push_back(packet);
    }

    /// The packet to send now, if there is one that may go.
    pub fn pop(&mut self, now: Instant) -> Option<Queued> {
        self.drop_late_retransmissions(now);
        if now + self.config.burst < self.even_at && self.queues[Class::Audio as usize].is_empty() {
            return None;
        }
        let packet = self.queues.iter_mut().find_map(VecDeque::pop_front)?;
        let length = packet.datagram.len();
        self.bytes -= length;
        let time = self.rate.time_for(length as u64);
        self.even_at = (self.even_at.max(now) + time).min(now + MAX_DEBT);
        Some(packet)
    }

    /// When [`Self::pop`] has something next; [`Instant::ZERO`] for at once.
    pub fn next_send(&self) -> Option<Instant> {
        if !self.queues[Class::Audio as usize].is_empty() {
            return Some(Instant::ZERO);
        }
        (self.bytes > 0).then(|| self.even_at - self.config.burst)
    }

    /// Bytes waiting.
    pub fn queued_bytes(&self) -> usize {
        self.bytes
    }

    /// Packets of `class` waiting.
    pub fn waiting(&self, class: Class) -> usize {
        self.queues[class as usize].len()
    }

    /// How long what is waiting takes at the present rate.
    pub fn queue_delay(&self) -> Duration {
        self.rate.time_for(self.bytes as u64)
    }

    /// Brings the queue back within its bounds and returns what was thrown out.
    pub fn cut(&mut self) -> Vec<Dropped> {
        let mut dropped = Vec::new();
        while self.is_too_long() {
            let Some(victim) = self.choose() else { break };
            self.remove_frame(victim.frame);
            dropped.push(victim);
            if victim.breaks_layer {
                self.remove_dependents(victim.frame, &mut dropped);
            }
        }
        dropped
    }

    /// Throws out everything of `track`; returns how many frames those were of which something was
    /// still to be sent for the first time.
    pub fn remove_track(&mut self, track: u8) -> u64 {
        let first_time = |packet: &&Queued| {
            packet.frame.stream.track == track && packet.class != Class::Retransmission
        };
        let mut frames: Vec<_> = self
            .queues
            .iter()
            .flatten()
            .filter(first_time)
            .map(|packet| packet.frame)
            .collect();
        frames.sort_unstable();
        frames.dedup();
        self.retain(|packet| packet.frame.stream.track != track);
        frames.len() as u64
    }

    fn is_too_long(&self) -> bool {
        self.bytes > self.config.max_bytes
            || self.bytes > LEAST_BYTES && self.queue_delay() > self.config.max_delay
    }

    /// The frame to throw out next; retransmissions and audio are never chosen.
    fn choose(&self) -> Option<Dropped> {
        let frames = || {
            self.queues[Class::Base as usize]
                .iter()
                .chain(&self.queues[Class::Enhancement as usize])
        };
        let oldest = |matches: &dyn Fn(&&Queued) -> bool| {
            frames()
                .filter(matches)
                .min_by_key(|packet| packet.since)
                .map(|packet| packet.frame)
        };
        if let Some(frame) = oldest(&|packet| packet.discardable && !packet.key) {
            return Some(Dropped {
                frame,
                breaks_layer: false,
            });
        }
        if let Some(frame) = oldest(&|packet| !packet.key) {
            return Some(Dropped {
                frame,
                breaks_layer: true,
            });
        }
        // Only key frames: all but the newest of a layer can go, for each replaces those before it.
        let replaced = |old: &&Queued| frames().any(|new| old.frame.is_before(new.frame));
        if let Some(frame) = oldest(&replaced) {
            return Some(Dropped {
                frame,
                breaks_layer: false,
            });
        }
        let frame = oldest(&|_| true).filter(|_| self.bytes > self.config.max_bytes)?;
        Some(Dropped {
            frame,
            breaks_layer: true,
        })
    }

    fn remove_frame(&mut self, frame: FrameId) {
        self.retain(|packet| packet.class == Class::Retransmission || packet.frame != frame);
    }

    /// Throws out what follows `broken` in its layer, up to a key frame.
    fn remove_dependents(&mut self, broken: FrameId, dropped: &mut Vec<Dropped>) {
        let videos = self.queues[Class::Base as usize..].iter().flatten();
        let mut later: Vec<_> = videos
            .filter(|packet| broken.is_before(packet.frame))
            .map(|packet| (packet.frame.distance_from(broken), packet.frame, packet.key))
            .collect();
        later.sort_unstable();
        later.dedup();
        for (_, frame, key) in later {
            if key {
                // From here on the layer decodes again.
                for earlier in dropped
                    .iter_mut()
                    .filter(|earlier| earlier.frame.stream == broken.stream)
                {
                    earlier.breaks_layer = false;
                }
                break;
            }
            self.remove_frame(frame);
            dropped.push(Dropped {
                frame,
                breaks_layer: true,
            });
        }
    }

    fn drop_late_retransmissions(&mut self, now: Instant) {
        let late = &mut self.queues[Class::Retransmission as usize];
        while late
            .front()
            .is_some_and(|packet| now - packet.since > RETRANSMISSION_LIFETIME)
        {
            self.bytes -= late.pop_front().map_or(0, |packet| packet.datagram.len());
        }
    }

    fn retain(&mut self, keep: impl Fn(&Queued) -> bool) {
        for queue in &mut self.queues {
            queue.retain(|packet| keep(packet));
        }
        self.bytes = self
            .queues
            .iter()
            .flatten()
            .map(|packet| packet.datagram.len())
            .sum();
    }
}

#[cfg(test)]
mod tests;
