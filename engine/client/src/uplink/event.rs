//! Events of the sending half.

use serde::Serialize;
use smrtc_e2ee::mls::{Event as GroupEvent, IdentityError};
use smrtc_engine::control::FramerError;
use smrtc_engine::control::v1::server_message;
use smrtc_engine::time::Bitrate;

use crate::{SendError, SetupError};

/// What the host of an [`UplinkHalf`](crate::UplinkHalf) should know.
#[derive(Clone, Debug, PartialEq)]
pub enum UplinkEvent {
    /// A request was answered; `Body::Error` is an answer too.
    Reply {
        /// What [`UplinkHalf::request`](crate::UplinkHalf::request) returned.
        request_id: u32,
        /// The answer.
        body: server_message::Body,
    },
    /// A request was not answered in time.
    RequestTimedOut {
        /// What [`UplinkHalf::request`](crate::UplinkHalf::request) returned.
        request_id: u32,
    },
    /// Something happened in the room.
    Notification(server_message::Body),
    /// The encoders should change what they produce.
    Encoder(EncoderEvent),
    /// Something happened in the group.
    Group(GroupEvent),
    /// The identity cannot be used: there is no group, and nothing is sent.
    IdentityRefused(IdentityError),
    /// A frame was not sent.
    NotSent(SendError),
    /// There is no key for a new epoch: nothing is sent in it.
    NoKey(SetupError),
    /// The control stream cannot be read any further; the host ends the session.
    ControlStream(FramerError),
}

/// What the encoders of a participant should do. Serializes to camelCase, with the variant in
/// `kind`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum EncoderEvent {
    /// Produce so much from now on; zero if a track or layer is not to be sent now.
    TargetBitrate {
        /// All audio tracks together.
        audio: Bitrate,
        /// Each size of each video track.
        layers: Vec<LayerBitrate>,
    },
    /// Make the next frame of this layer a key frame.
    KeyFrameRequested {
        /// The track.
        track: u8,
        /// The spatial layer.
        spatial: u8,
    },
}

/// What one encoder should produce.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct LayerBitrate {
    /// The track.
    pub track: u8,
    /// The spatial layer.
    pub spatial: u8,
    /// Zero if the layer is not to be sent now.
    pub bitrate: Bitrate,
}
