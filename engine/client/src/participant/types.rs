//! What goes into a participant, and what comes out.

use smrtc_e2ee::mls::Event as GroupEvent;
use smrtc_engine::control::v1;
use smrtc_engine::time::Instant;
use smrtc_engine::wire::CloseCode;
use smrtc_engine::wire::media::MediaKind;

use crate::{Decryption, EncoderEvent, SetupError};

/// One of the two transport sessions of a participant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// The control stream, and media from us: `/v1/session?token=…`.
    Uplink,
    /// Media to us: `/v1/session?attach=…`.
    Downlink,
}

/// What happens to a participant.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// A transport is up.
    Connected(Side),
    /// Bytes of the control stream, split anywhere.
    Control(&'a [u8]),
    /// One datagram, exactly as it came off the transport.
    Datagram(Side, &'a [u8]),
    /// A transport did not come up, or ended; with the gateway's close code if it gave one.
    Lost(Side, Option<CloseCode>),
    /// The deadline last returned has passed.
    Timeout,
}

/// What a participant wants done.
#[derive(Debug)]
pub enum Output {
    /// Bring up a transport; the downlink's with this ticket. An older one of the same side is to
    /// be closed.
    Connect(Side, Option<Vec<u8>>),
    /// Close both transports, once they have sent what they were given before. Their end is not to
    /// be told any more.
    Disconnect,
    /// Write these bytes to the control stream.
    Control(Vec<u8>),
    /// Send this datagram.
    Datagram(Side, Vec<u8>),
    /// Tell the application.
    Event(ParticipantEvent),
    /// Nothing more now; call with [`Input::Timeout`] at this time at the latest.
    Timeout(Instant),
}

/// What the application should know.
#[derive(Clone, Debug, PartialEq)]
pub enum ParticipantEvent {
    /// We are in the room, at first or again.
    Joined {
        /// Our number.
        id: u32,
        /// Our name, from the token.
        user: String,
        /// The room, from the token.
        room: String,
    },
    /// The connection is gone.
    Disconnected {
        /// Why, if the gateway said.
        code: Option<CloseCode>,
        /// Whether it is over; otherwise the participant comes back by itself.
        ends: bool,
    },
    /// Somebody is in the room. After each [`Self::Joined`] everybody is told again.
    PeerJoined {
        /// Its number.
        id: u32,
        /// Its name, as the gateway says.
        user: String,
    },
    /// Somebody left.
    PeerLeft {
        /// Its number.
        id: u32,
    },
    /// Somebody publishes a track.
    Track(RemoteTrack),
    /// A track is published no longer.
    TrackGone {
        /// Whose.
        sender: u32,
        /// Which.
        number: u8,
    },
    /// The encoders should change what they produce.
    Encoder(EncoderEvent),
    /// Something happened in the group.
    Group(GroupEvent),
    /// Whether the frames of a participant open has changed.
    Decryption(Decryption),
    /// A request was refused.
    Refused {
        /// Which: `join`, `publish`, `subscribe`, …
        what: &'static str,
        /// Why.
        code: v1::ErrorCode,
        /// The same in words.
        message: String,
    },
    /// There is nothing to seal with.
    NoKey(SetupError),
}

/// A track of somebody else's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteTrack {
    /// The participant who publishes it.
    pub sender: u32,
    /// Its number among the sender's.
    pub number: u8,
    /// What it carries.
    pub kind: MediaKind,
    /// WebCodecs codec string.
    pub codec: String,
}

impl RemoteTrack {
    /// None for a kind that only a later version knows.
    pub(super) fn new(sender: u32, track: v1::Track) -> Option<Self> {
        let kind = match track.kind() {
            v1::MediaKind::Audio => MediaKind::Audio,
            v1::MediaKind::Video => MediaKind::Video,
            v1::MediaKind::Screen => MediaKind::Screen,
            v1::MediaKind::Unspecified => return None,
        };
        Some(Self {
            sender,
            number: u8::try_from(track.number).ok()?,
            kind,
            codec: track.codec,
        })
    }
}
