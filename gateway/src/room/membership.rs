//! Joining and leaving.

use std::collections::BTreeMap;

use smrtc_engine::control::v1::{self, LeaveReason, Peer, PeerLeft, server_message::Body};

use super::{
    Notice, Participant, ParticipantId, Refusal, Room,
    limits::{MAX_CODEC_BYTES, MAX_CODECS},
    notice_of,
};
use crate::auth::{Permissions, Role};

/// What a successful [`Room::join`] did.
#[derive(Debug)]
pub struct Joined {
    /// The new participant.
    pub id: ParticipantId,
    /// The same user's earlier participant, who is out now.
    pub replaced: Option<ParticipantId>,
    /// Everybody else who is in.
    pub peers: Vec<Peer>,
}

impl Room {
    /// Lets in the user of `permissions`, and out the same user's earlier participant.
    ///
    /// # Errors
    ///
    /// [`Refusal::LimitReached`] if the room is full, [`Refusal::InvalidArgument`] for codecs
    /// beyond reason.
    pub fn join(
        &mut self,
        permissions: &Permissions,
        join: &v1::Join,
        out: &mut Vec<Notice>,
    ) -> Result<Joined, Refusal> {
        if join.decode_codecs.len() > MAX_CODECS
            || join
                .decode_codecs
                .iter()
                .any(|codec| codec.len() > MAX_CODEC_BYTES)
        {
            return Err(Refusal::InvalidArgument("decode_codecs is too long"));
        }
        let replaced = self
            .participants
            .iter()
            .find(|(_, participant)| participant.user == permissions.user())
            .map(|(id, _)| *id);
        if replaced.is_none() && self.participants.len() >= self.limits.participants {
            return Err(Refusal::LimitReached("participants"));
        }
        let id = self
            .last_id
            .checked_add(1)
            .ok_or(Refusal::LimitReached("joins of this room"))?;
        self.last_id = id;
        if let Some(old) = replaced {
            self.leave(old, LeaveReason::Replaced, out);
        }

        let peers = self
            .participants
            .iter()
            .map(|(id, peer)| peer.describe(*id))
            .collect();
        let participant = Participant {
            user: permissions.user().to_owned(),
            role: permissions.role(),
            decode_codecs: join.decode_codecs.clone(),
            published: BTreeMap::new(),
        };
        out.push(notice_of(id, Body::PeerJoined(participant.describe(id))));
        self.participants.insert(id, participant);
        Ok(Joined {
            id,
            replaced,
            peers,
        })
    }

    /// Takes `id` out with all its tracks. Does nothing if `id` is not in.
    pub fn leave(&mut self, id: ParticipantId, reason: LeaveReason, out: &mut Vec<Notice>) {
        if self.participants.remove(&id).is_none() {
            return;
        }
        // The tracks go without a message each: PeerLeft says it.
        let left = PeerLeft {
            participant_id: id,
            reason: reason.into(),
        };
        out.push(notice_of(id, Body::PeerLeft(left)));
    }
}

impl Participant {
    fn describe(&self, id: ParticipantId) -> Peer {
        Peer {
            participant_id: id,
            user_id: self.user.clone(),
            role: wire_role(self.role).into(),
            decode_codecs: self.decode_codecs.clone(),
            tracks: self.published.values().cloned().collect(),
        }
    }
}

/// The role as control messages say it.
pub(crate) fn wire_role(role: Role) -> v1::Role {
    match role {
        Role::Anchor => v1::Role::Anchor,
        Role::Audience => v1::Role::Audience,
    }
}
