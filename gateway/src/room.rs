//! Rooms: who is in, and what they publish.
//!
//! Sans-IO: requests in, notices out, no clock and no sockets. What this module is not: who
//! receives what, and the media itself (`edge`); the group's keys ([`crate::delivery`]).

mod event;
mod limits;
mod membership;
mod message;
mod refusal;
#[cfg(test)]
mod tests;
mod tracks;

use std::collections::BTreeMap;

use smrtc_engine::control::v1::{self, server_message::Body};

pub use event::{Change, Event, Notice, Recipients};
pub use limits::Limits;
pub use membership::Joined;
pub(crate) use membership::wire_role;
pub use message::EncodedMessage;
pub use refusal::Refusal;
pub(crate) use tracks::track_number;

use crate::auth::Role;

/// A participant's number in a room, unique for the life of the room, never 0.
pub type ParticipantId = u32;

/// One room and everybody in it.
#[derive(Debug)]
pub struct Room {
    limits: Limits,
    last_id: ParticipantId,
    participants: BTreeMap<ParticipantId, Participant>,
}

/// One who is in the room.
#[derive(Debug)]
struct Participant {
    user: String,
    role: Role,
    decode_codecs: Vec<String>,
    published: BTreeMap<u8, v1::Track>,
}

impl Room {
    /// An empty room.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            last_id: 0,
            participants: BTreeMap::new(),
        }
    }

    /// Whether nobody is in.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.participants.is_empty()
    }
}

/// A notice for everybody but the participant whom it is about.
fn notice_of(about: ParticipantId, body: Body) -> Notice {
    Notice::new(Recipients::AllBut(about), body)
}
