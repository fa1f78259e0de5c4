//! Rooms: who is in, what they publish, who receives what.
//!
//! Sans-IO: requests in, notifications out, no clock and no sockets. What this module is not: the
//! media path ([`crate::forward`]) and the sessions that carry requests ([`crate::net`]).

mod limits;
mod membership;
mod refusal;
#[cfg(test)]
mod tests;
mod tracks;

use std::collections::BTreeMap;

use smrtc_engine::{
    LayerId, TrackId,
    control::v1::{self, server_message::Body},
};

pub use limits::Limits;
pub use membership::Joined;
pub(crate) use membership::wire_role;
pub use refusal::Refusal;

use crate::auth::Role;

/// A participant's number in a room, unique for the life of the room, never 0.
pub type ParticipantId = u32;

/// A message for one participant that answers no request.
pub type Notification = (ParticipantId, Body);

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
    published: BTreeMap<u8, Published>,
    /// The highest layer of each track that is wanted.
    subscribed: BTreeMap<TrackId, LayerId>,
}

/// A live track with those who receive it, so that forwarding need not search.
#[derive(Debug)]
struct Published {
    track: v1::Track,
    /// The highest layer that each of them wants.
    subscribers: BTreeMap<ParticipantId, LayerId>,
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

    /// Everybody's number, ascending.
    pub fn participants(&self) -> impl Iterator<Item = ParticipantId> {
        self.participants.keys().copied()
    }

    /// How many are in.
    #[must_use]
    pub fn len(&self) -> usize {
        self.participants.len()
    }

    /// Those who receive a track, with the highest layer that they want; none if there is no such track.
    pub fn subscribers(&self, track: TrackId) -> impl Iterator<Item = (ParticipantId, LayerId)> {
        self.participants
            .get(&track.sender)
            .and_then(|participant| participant.published.get(&track.number))
            .into_iter()
            .flat_map(|published| {
                published
                    .subscribers
                    .iter()
                    .map(|(id, layers)| (*id, *layers))
            })
    }

    /// Whether `id` receives a track.
    #[must_use]
    pub fn receives(&self, id: ParticipantId, track: TrackId) -> bool {
        self.participants
            .get(&id)
            .is_some_and(|participant| participant.subscribed.contains_key(&track))
    }

    /// The tracks that `id` receives, each with the highest layer that it wants.
    pub fn subscriptions(&self, id: ParticipantId) -> impl Iterator<Item = (TrackId, LayerId)> {
        let participant = self.participants.get(&id).into_iter();
        participant.flat_map(|participant| {
            let subscribed = participant.subscribed.iter();
            subscribed.map(|(track, layers)| (*track, *layers))
        })
    }

    /// What is known of a live track.
    #[must_use]
    pub fn track(&self, track: TrackId) -> Option<&v1::Track> {
        let participant = self.participants.get(&track.sender)?;
        Some(&participant.published.get(&track.number)?.track)
    }

    fn notify_others(&self, except: ParticipantId, body: &Body, out: &mut Vec<Notification>) {
        out.extend(
            self.participants()
                .filter(|id| *id != except)
                .map(|id| (id, body.clone())),
        );
    }
}
