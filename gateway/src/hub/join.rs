//! Coming in: Join on the uplink, the ticket on the downlink.

use std::collections::BTreeMap;

use ring::digest;
use smrtc_engine::{
    control::v1::{Join, Joined, ServerMessage, server_message::Body},
    time::Instant,
    wire::CloseCode,
};

use super::{Entry, Hub, Member, Output, RoomKey, Side, member::Media};
use crate::{
    auth::Permissions,
    delivery::Delivery,
    room::{Refusal, Room, wire_role},
};

/// Why a downlink was not attached.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AttachError {
    /// No participant who is in has this ticket. Close code 4404.
    #[error("the attach ticket is unknown or its participant is gone")]
    UnknownTicket,
    /// This participant has [`MAX_LANES`] already. Close code 4404.
    #[error("too many lanes")]
    TooManyLanes,
}

/// Lanes of a participant: enough for what a browser may send where loss makes it slow, few enough
/// to be no burden.
const MAX_LANES: u32 = 64;

impl Hub {
    /// Lets the bearer of `permissions` into their room. `ticket` is 32 fresh random bytes, which
    /// open the downlink.
    ///
    /// # Errors
    ///
    /// See [`Room::join`]; also [`Refusal::LimitReached`] if there are too many rooms.
    pub fn join(
        &mut self,
        now: Instant,
        permissions: &Permissions,
        request_id: u32,
        join: &Join,
        ticket: [u8; 32],
    ) -> Result<Member, Refusal> {
        let key = self.room_for(permissions.room())?;
        let mut notifications = Vec::new();
        let Some(entry) = self.rooms.get_mut(&key) else {
            return Err(Refusal::LimitReached("rooms"));
        };
        let joined = match entry.room.join(permissions, join, &mut notifications) {
            Ok(joined) => joined,
            Err(refusal) => {
                self.remove_room_if_empty(key);
                return Err(refusal);
            }
        };
        let member = Member {
            room: key,
            participant: joined.id,
        };
        let digest = ticket_digest(&ticket);
        entry
            .media
            .insert(joined.id, Media::new(joined.id, digest, &self.limits, now));
        entry
            .delivery
            .join(now, joined.id, permissions.user(), permissions.role());
        self.tickets.insert(digest, member);
        self.counters.joins += 1;
        if let Some(old) = joined.replaced {
            let old = Member {
                room: key,
                participant: old,
            };
            self.retire(old, CloseCode::Replaced, "the same user joined again");
        }
        let reply = Joined {
            participant_id: joined.id,
            attach_ticket: ticket.to_vec(),
            room_id: permissions.room().to_owned(),
            user_id: permissions.user().to_owned(),
            role: wire_role(permissions.role()).into(),
            peers: joined.peers,
        };
        self.outputs.push_back(Output::Message(
            member,
            ServerMessage {
                reply_to: request_id,
                body: Some(Body::Joined(reply)),
            },
        ));
        self.notify(key, notifications);
        Ok(member)
    }

    /// Binds a downlink session to the participant who was given `ticket`. An earlier downlink of
    /// theirs ends. The number returned is for [`Self::detach`].
    ///
    /// # Errors
    ///
    /// [`AttachError::UnknownTicket`].
    pub fn attach(&mut self, now: Instant, ticket: &[u8]) -> Result<(Member, u64), AttachError> {
        let member = *self
            .tickets
            .get(&ticket_digest(ticket))
            .ok_or(AttachError::UnknownTicket)?;
        let entry = self
            .rooms
            .get_mut(&member.room)
            .ok_or(AttachError::UnknownTicket)?;
        let media = entry
            .media
            .get_mut(&member.participant)
            .ok_or(AttachError::UnknownTicket)?;
        if media.attached {
            let close = Output::Close(member, Side::Downlink, CloseCode::Left, "attached again");
            self.outputs.push_back(close);
        }
        media.attached = true;
        media.armed = false;
        media.attachments += 1;
        media.subscriber.restart(self.limits.media, now);
        let attachment = media.attachments;
        // What was subscribed to before there was a way down has its key frames behind it.
        let tracks: Vec<_> = entry.room.subscriptions(member.participant).collect();
        for (track, _) in tracks {
            self.begin_track(now, member, track);
        }
        Ok((member, attachment))
    }

    /// Whether a participant who is in was given `ticket`.
    #[must_use]
    pub fn has_ticket(&self, ticket: &[u8]) -> bool {
        self.tickets.contains_key(&ticket_digest(ticket))
    }

    /// Opens another way for media of the participant who was given `ticket`; [`Self::close_lane`]
    /// when it ends.
    ///
    /// # Errors
    ///
    /// [`AttachError`].
    pub fn open_lane(&mut self, ticket: &[u8]) -> Result<Member, AttachError> {
        let member = *self
            .tickets
            .get(&ticket_digest(ticket))
            .ok_or(AttachError::UnknownTicket)?;
        let media = self.media(member).ok_or(AttachError::UnknownTicket)?;
        if media.lanes >= MAX_LANES {
            return Err(AttachError::TooManyLanes);
        }
        media.lanes += 1;
        Ok(member)
    }

    /// Notes that a lane ended.
    pub fn close_lane(&mut self, member: Member) {
        if let Some(media) = self.media(member) {
            media.lanes -= 1;
        }
    }

    /// Whether a participant is still in its room.
    #[must_use]
    pub fn is_in(&self, member: Member) -> bool {
        self.rooms
            .get(&member.room)
            .is_some_and(|entry| entry.media.contains_key(&member.participant))
    }

    /// Notes that the downlink session of `attachment` ended; the participant stays in.
    pub fn detach(&mut self, member: Member, attachment: u64) {
        if let Some(media) = self.media(member)
            && media.attachments == attachment
        {
            media.attached = false;
            media.queue(Side::Downlink).clear();
        }
    }

    fn room_for(&mut self, name: &str) -> Result<RoomKey, Refusal> {
        if let Some(key) = self.names.get(name) {
            return Ok(*key);
        }
        if self.rooms.len() >= self.limits.rooms {
            return Err(Refusal::LimitReached("rooms"));
        }
        self.last_room += 1;
        let key = RoomKey(self.last_room);
        let entry = Entry {
            name: name.to_owned(),
            room: Room::new(self.limits.room),
            delivery: Delivery::new(self.limits.delivery),
            media: BTreeMap::new(),
        };
        self.rooms.insert(key, entry);
        self.names.insert(name.to_owned(), key);
        Ok(key)
    }
}

fn ticket_digest(ticket: &[u8]) -> [u8; 32] {
    let mut digest = [0; 32];
    digest.copy_from_slice(digest::digest(&digest::SHA256, ticket).as_ref());
    digest
}
