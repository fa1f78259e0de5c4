//! Settings and counts of a NACK tracker.

use std::time::Duration;

/// What a number missing among the frames of a video stream means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holes {
    /// The frame was lost: a publisher sends every frame it numbers. For a gateway's uplink.
    Lost,
    /// The frame may have been left out on purpose (layers, overflow), unless a frame that came
    /// refers to it. For a subscriber. Audio frames are never left out on purpose.
    Referenced,
}

/// Settings of a [`NackTracker`](super::NackTracker). Worst-case memory is about `streams` ×
/// `frames` × 300 bytes.
#[derive(Clone, Copy, Debug)]
pub struct NackConfig {
    /// See [`Holes`]. Default `Referenced`.
    pub video_holes: Holes,
    /// How long a gap may be mere reordering at least. Default 10 ms.
    pub reorder_window: Duration,
    /// Least time between two requests for the same packet; the round-trip time if that is more,
    /// half of it for video frames. Default 20 ms.
    pub min_retry: Duration,
    /// Requests for one frame. Default 48.
    pub max_tries: u32,
    /// How long after a video frame is found missing its packets are still of use. Default 1 s.
    pub video_deadline: Duration,
    /// The same for audio; zero to ask for no audio. Default 160 ms, about what a jitter buffer
    /// under loss holds.
    pub audio_deadline: Duration,
    /// Incomplete frames followed per stream; the oldest is given up first. Default 256.
    pub frames: usize,
    /// Streams followed; packets of further ones are ignored. Default 256.
    pub streams: usize,
}

impl Default for NackConfig {
    fn default() -> Self {
        Self {
            video_holes: Holes::Referenced,
            reorder_window: Duration::from_millis(10),
            min_retry: Duration::from_millis(20),
            max_tries: 48,
            video_deadline: Duration::from_secs(1),
            audio_deadline: Duration::from_millis(160),
            frames: 256,
            streams: 256,
        }
    }
}

/// What a tracker counted of one stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NackCounters {
    /// Packets asked for, each request counted; a whole frame counts as one.
    pub requested: u64,
    /// Packets found missing that did not come by themselves, recovered or not.
    pub lost: u64,
    /// Frames that were needed and of which nothing came.
    pub frames_lost: u64,
}
