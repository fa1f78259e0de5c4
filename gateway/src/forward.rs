//! Media from publishers to subscribers: checks, repair, queues.
//!
//! Sans-IO. Everything here works on sealed frames: headers are read, payloads are not.
//! [`Publisher`] is the way in, [`Subscriber`] the way out, with a congestion controller of its
//! own. What this module is not: the membership it forwards by ([`crate::room`]).

mod audio_redundancy;
mod bucket;
mod datagram;
mod key_frames;
mod layers;
mod protection;
mod publisher;
mod queue;
mod rates;
mod subscriber;

use smrtc_engine::time::Bitrate;

pub(crate) use bucket::{Bucket, Tolerance, per_second};
pub use datagram::Datagram;
pub use key_frames::{KeyFrameRequests, MIN_INTERVAL, Need, SPARE_INTERVAL};
pub use layers::LayerChooser;
pub use protection::WholeFrame;
pub(crate) use publisher::accepted;
pub use publisher::{Accepted, IngestError, Publisher};
pub use queue::{Class, Drops, MAX_VIDEO_AGE, Queue};
pub use rates::{Point, Rates};
pub use subscriber::{KeyFrameWanted, Subscriber};

/// Bounds of the media path. Worst-case memory of a participant is
/// `queue_bytes + cache_bytes`, and about as much again in bookkeeping for tiny packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes that wait for one subscriber; default 256 KiB, a large key frame with what came around
    /// it.
    pub queue_bytes: usize,
    /// Bytes kept of what one publisher sent, to answer NACKs with; default 1 MiB, more than a
    /// second of 5 Mbit/s.
    pub cache_bytes: usize,
    /// Most media taken from one publisher; default 25 Mbit/s. More is dropped.
    pub ingest: Bitrate,
    /// Most retransmissions sent to one subscriber; default 8 Mbit/s, so that NACKs are no
    /// amplifier.
    pub retransmissions: Bitrate,
    /// Kept packets looked at in a second for one subscriber's NACKs, and for one NACK at most as
    /// many as the longest frame has; default 10,000. What is asked for beyond is left to the next
    /// NACK.
    pub nack_packets: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            queue_bytes: 256 << 10,
            cache_bytes: 1 << 20,
            ingest: Bitrate::from_kbps(25_000),
            retransmissions: Bitrate::from_kbps(8_000),
            nack_packets: 10_000,
        }
    }
}
