//! What goes into an uplink, and what comes out.

use super::protection::ProtectionConfig;
use crate::cc::{CongestionConfig, Controller};
use crate::ids::StreamId;
use crate::send::pacer::PacerConfig;
use crate::send::packet_cache::CacheConfig;
use crate::time::{Bitrate, Instant, MediaTime};
use crate::wire::media::{FrameHeader, MediaKind};

/// Settings of an [`super::Uplink`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct UplinkConfig {
    /// Which congestion controller finds the rate.
    pub controller: Controller,
    /// Bounds of the rate.
    pub congestion: CongestionConfig,
    /// Bounds of the pacer's queue.
    pub pacer: PacerConfig,
    /// Bounds of the packets kept for retransmission.
    pub cache: CacheConfig,
    /// Repair packets and redundancy.
    pub protection: ProtectionConfig,
}

/// Settings of a track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrackConfig {
    /// What it carries.
    pub kind: MediaKind,
    /// The most its encoder is ever told to produce.
    pub max_bitrate: Bitrate,
}

/// One of the streams of a track that is sent in several sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayerConfig {
    /// The least rate with which it is sent. No effect on the base layer, which is always sent.
    pub min_bitrate: Bitrate,
    /// The most its encoder is ever told to produce.
    pub max_bitrate: Bitrate,
}

/// What the encoder says of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameParams {
    /// Decodable without any other frame.
    pub key: bool,
    /// No other frame refers to it.
    pub discardable: bool,
    /// Spatial layer, 0 to 15.
    pub spatial: u8,
    /// Temporal layer, 0 to 15.
    pub temporal: u8,
    /// How many frames of the layer back the newest frame lies that it needs; 0 for a key frame and
    /// for audio.
    pub reference_distance: u16,
    /// When it was captured.
    pub media_time: MediaTime,
}

impl FrameParams {
    /// Parameters of a frame of audio, which needs no other frame.
    #[must_use]
    pub fn audio(media_time: MediaTime) -> Self {
        Self {
            key: true,
            discardable: false,
            spatial: 0,
            temporal: 0,
            reference_distance: 0,
            media_time,
        }
    }
}

/// What happens to an uplink.
#[derive(Clone, Debug)]
pub enum UplinkInput<'a> {
    /// One datagram, exactly as it came off the transport.
    Datagram(&'a [u8]),
    /// A frame, sealed with the metadata of `header`, which [`super::Uplink::begin_frame`] made.
    Frame {
        /// Its header.
        header: FrameHeader,
        /// The sealed frame.
        sealed: Vec<u8>,
    },
    /// The deadline last returned has passed.
    Timeout,
}

/// What an uplink wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UplinkOutput {
    /// Send this datagram now.
    Transmit(Vec<u8>),
    /// Tell the encoders.
    Event(UplinkEvent),
    /// Nothing more now; call with [`UplinkInput::Timeout`] at this time at the latest.
    Timeout(Instant),
}

/// What the encoders should know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UplinkEvent {
    /// What the encoders together should produce, packet headers already taken off;
    /// [`super::Uplink::track_bitrate`] has each one's.
    TargetBitrate {
        /// All video and screen tracks together.
        video: Bitrate,
        /// All audio tracks together.
        audio: Bitrate,
    },
    /// The next frame of this layer should be a key frame.
    KeyFrameRequested {
        /// The track.
        track: u8,
        /// The spatial layer.
        spatial: u8,
    },
}

impl UplinkEvent {
    /// The event that asks for a key frame of `stream`, one of this uplink's own.
    pub(super) const fn key_frame_requested(stream: StreamId) -> Self {
        Self::KeyFrameRequested {
            track: stream.track,
            spatial: stream.spatial,
        }
    }
}
