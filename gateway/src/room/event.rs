//! What a room tells its participants, in order, and what follows from it for the nodes that serve
//! them.
//!
//! [`super::Room`] and [`crate::delivery`] write a [`Notice`] for each thing to tell.
//! [`crate::owner::Owner`] encodes it once and numbers it: an [`Event`], which is all that an edge
//! ([`crate::edge`]) learns of a room.

use smrtc_engine::{
    TrackId,
    control::v1::{MediaKind, server_message::Body},
    wire::media,
};

use super::{EncodedMessage, ParticipantId};

/// For whom a message is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recipients {
    /// One participant.
    One(ParticipantId),
    /// Everybody in the room but one.
    AllBut(ParticipantId),
    /// Some of the room.
    These(Vec<ParticipantId>),
}

/// A message that is still to be encoded.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    /// Whom to tell.
    pub to: Recipients,
    /// The request that it answers; 0 if it answers none.
    pub reply_to: u32,
    /// What to tell.
    pub body: Body,
}

impl Notice {
    /// A message that answers no request.
    #[must_use]
    pub fn new(to: Recipients, body: Body) -> Self {
        Self {
            to,
            reply_to: 0,
            body,
        }
    }
}

/// What an edge has to change before it passes a message on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Somebody came in.
    Joined(ParticipantId),
    /// Somebody is out, with all their tracks.
    Left(ParticipantId),
    /// A track can be subscribed to.
    Published(TrackId, media::MediaKind),
    /// A track ended.
    Unpublished(TrackId),
}

impl Change {
    /// What `body` tells; `None` if it is nothing that an edge keeps.
    pub(crate) fn of(body: &Body) -> Option<Self> {
        match body {
            Body::PeerJoined(peer) => Some(Self::Joined(peer.participant_id)),
            Body::PeerLeft(left) => Some(Self::Left(left.participant_id)),
            Body::TrackPublished(published) => {
                let track = published.track.as_ref()?;
                let kind = match track.kind() {
                    MediaKind::Audio => media::MediaKind::Audio,
                    MediaKind::Video => media::MediaKind::Video,
                    MediaKind::Screen => media::MediaKind::Screen,
                    MediaKind::Unspecified => return None,
                };
                let number = u8::try_from(track.number).ok()?;
                let id = TrackId::new(published.participant_id, number);
                Some(Self::Published(id, kind))
            }
            Body::TrackUnpublished(gone) => {
                let number = u8::try_from(gone.number).ok()?;
                Some(Self::Unpublished(TrackId::new(gone.participant_id, number)))
            }
            _ => None,
        }
    }
}

/// Something that happened in a room. Edges apply events in the order of their numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// One more than that of the event before.
    pub number: u64,
    /// Whom to tell.
    pub to: Recipients,
    /// The message, encoded once for everybody.
    pub message: EncodedMessage,
    /// What the edge changes first.
    pub change: Option<Change>,
}
