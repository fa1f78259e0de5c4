//! What goes into a downlink and what comes out.

use std::time::Duration;

use crate::ids::{StreamId, TrackId};
use crate::recv::OpenFailure;
use crate::stats::DropReason;
use crate::time::{Instant, MediaTime};
use crate::wire::media::FrameHeader;

/// What a host tells a downlink.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum DownlinkInput<'a> {
    /// One datagram, exactly as it came off the transport.
    Datagram(&'a [u8]),
    /// A frame handed out as `Sealed` was opened.
    Opened {
        /// The header that came with it.
        header: FrameHeader,
        /// What was sealed.
        plaintext: Vec<u8>,
    },
    /// A frame handed out as `Sealed` could not be opened.
    OpenFailed {
        /// The header that came with it.
        header: FrameHeader,
        /// Why.
        reason: OpenFailure,
    },
    /// A frame handed out as `Video` was decoded.
    VideoDecoded {
        /// The track.
        track: TrackId,
    },
    /// The decoder of a track failed and was made anew: it needs a key frame.
    VideoDecodeFailed {
        /// The track.
        track: TrackId,
    },
    /// The audio of a participant that is heard now was captured at `media_time`. Tell about ten
    /// times a second.
    AudioPlayout {
        /// Whose audio.
        sender: u32,
        /// Media time of the sample at the loudspeaker.
        media_time: MediaTime,
    },
    /// The moment last returned as `Timeout` has come.
    Timeout,
}

/// What a downlink tells its host.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DownlinkOutput {
    /// Send this datagram.
    Transmit(Vec<u8>),
    /// Open this frame and give it back as `Opened` or `OpenFailed`, in any order.
    Sealed {
        /// Its header; `metadata()` of it is the authenticated data.
        header: FrameHeader,
        /// The sealed frame.
        frame: Vec<u8>,
    },
    /// Give this to the audio playout, which orders and waits by itself.
    Audio {
        /// Its header.
        header: FrameHeader,
        /// How many of the frames before it came as copies with the latest packet of the track.
        copies: u8,
        /// One Opus packet.
        opus: Vec<u8>,
    },
    /// Decode this now, and show the video frame at `render_at`.
    Video {
        /// Its header.
        header: FrameHeader,
        /// One encoded frame.
        frame: Vec<u8>,
        /// Never before now, and never before that of the frame before.
        render_at: Instant,
    },
    /// Something worth knowing.
    Event(DownlinkEvent),
    /// Nothing more until another input, or until this moment ([`Instant::FAR_FUTURE`] for never).
    Timeout(Instant),
}

/// What happened at a downlink.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DownlinkEvent {
    /// A key frame was asked for; the datagram goes out by itself.
    KeyFrameRequested {
        /// The stream that it is to be of.
        stream: StreamId,
    },
    /// A frame of which something came is not handed on.
    FrameDropped {
        /// Its header, not authenticated if the reason is `Incomplete`, `NotOpened` or `Late`.
        header: FrameHeader,
        /// Why.
        reason: DropReason,
    },
    /// A video frame is frozen, by the rule of webrtc-stats.
    StreamStalled {
        /// The track.
        track: TrackId,
    },
    /// It moves again.
    StreamResumed {
        /// The track.
        track: TrackId,
        /// How long it stood.
        frozen: Duration,
    },
    /// Frames of this participant cannot be opened: most likely another key.
    CannotDecrypt {
        /// Who.
        sender: u32,
    },
    /// They can be opened again.
    DecryptOk {
        /// Who.
        sender: u32,
    },
}
