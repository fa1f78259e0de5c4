//! A room that is owned and served by this node: its owner's events go straight to its edge.

#[cfg(test)]
mod tests;

use smrtc_engine::{
    control::v1::{
        Done, Join, Joined, LeaveReason, client_message::Body as Request, server_message::Body,
    },
    time::Instant,
    wire::CloseCode,
};

use super::Limits;
use crate::{
    auth::Permissions,
    edge::{Edge, RoomKey, Shared},
    owner::Owner,
    room::{EncodedMessage, Event, ParticipantId, Refusal, wire_role},
};

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct LocalRoom {
    name: String,
    owner: Owner,
    pub(super) edge: Edge,
    /// On their way from the owner to the edge; empty between inputs.
    events: Vec<Event>,
}

impl LocalRoom {
    /// A room that nobody is in.
    pub(super) fn new(name: &str, key: RoomKey, limits: &Limits) -> Self {
        Self {
            name: name.to_owned(),
            owner: Owner::new(limits.room, limits.delivery),
            edge: Edge::new(key, limits.of_edge()),
            events: Vec::new(),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Whether nobody is in.
    pub(super) fn is_empty(&self) -> bool {
        self.owner.is_empty()
    }

    /// Lets somebody in, and answers the request with its number.
    pub(super) fn join(
        &mut self,
        now: Instant,
        permissions: &Permissions,
        (request_id, join): (u32, &Join),
        ticket: &[u8; 32],
        shared: &mut Shared,
    ) -> Result<ParticipantId, Refusal> {
        let joined = self.owner.join(now, permissions, join, &mut self.events)?;
        self.apply_events(now, shared);
        self.edge.enter(now, joined.id, ticket, shared);
        let answer = Joined {
            participant_id: joined.id,
            attach_ticket: ticket.to_vec(),
            room_id: permissions.room().to_owned(),
            user_id: permissions.user().to_owned(),
            role: wire_role(permissions.role()).into(),
            peers: joined.peers,
        };
        let answer = EncodedMessage::new(request_id, Body::Joined(answer));
        self.edge.tell(joined.id, answer, shared);
        Ok(joined.id)
    }

    /// Takes somebody out for `end`, the close code and the reason of its sessions. Does nothing if
    /// it is out.
    pub(super) fn leave(
        &mut self,
        now: Instant,
        id: ParticipantId,
        reason: LeaveReason,
        (code, why): (CloseCode, &'static str),
        shared: &mut Shared,
    ) {
        if self.edge.contains(id) {
            self.edge.retire(id, code, why, shared);
            self.owner.leave(id, reason, &mut self.events);
            self.apply_events(now, shared);
        }
    }

    /// Applies a request and answers it. Does nothing for somebody who is out.
    pub(super) fn request(
        &mut self,
        now: Instant,
        id: ParticipantId,
        request_id: u32,
        body: Option<Request>,
        shared: &mut Shared,
    ) {
        if !self.edge.contains(id) {
            return;
        }
        if !self.edge.tolerates_request(now, id) {
            let end = (CloseCode::TooMany, "too many requests");
            return self.leave(now, id, LeaveReason::Disconnected, end, shared);
        }
        let is_leaving = matches!(body, Some(Request::Leave(_)));
        let answer = match self.decide(now, id, request_id, body, shared) {
            Ok(answer) => answer,
            Err(refusal) => {
                shared.counters.refused_requests += 1;
                Some(Body::Error(refusal.into()))
            }
        };
        // Before the events: what a request causes is heard of after its answer.
        if let Some(answer) = answer {
            let answer = EncodedMessage::new(request_id, answer);
            self.edge.tell(id, answer, shared);
        }
        if is_leaving {
            let end = (CloseCode::Left, "left");
            self.leave(now, id, LeaveReason::Left, end, shared);
        } else {
            self.apply_events(now, shared);
        }
    }

    /// The answer is `None` if it comes later, in an event.
    fn decide(
        &mut self,
        now: Instant,
        id: ParticipantId,
        request_id: u32,
        body: Option<Request>,
        shared: &mut Shared,
    ) -> Result<Option<Body>, Refusal> {
        match body {
            None => return Err(Refusal::UnknownMessage),
            Some(Request::Join(_)) => return Err(Refusal::AlreadyJoined),
            Some(Request::Leave(_)) => {}
            Some(Request::Subscribe(subscribe)) => {
                self.edge.subscribe(now, id, &subscribe, shared)?;
            }
            Some(Request::Unsubscribe(unsubscribe)) => {
                self.edge.unsubscribe(id, &unsubscribe)?;
            }
            Some(of_the_room) => {
                let (counters, events) = (&mut shared.counters.delivery, &mut self.events);
                return self
                    .owner
                    .request(now, id, request_id, of_the_room, counters, events);
            }
        }
        Ok(Some(Body::Done(Done {})))
    }

    /// Does what is due for a participant.
    pub(super) fn timeout(&mut self, now: Instant, id: ParticipantId, shared: &mut Shared) {
        self.owner.timeout(now, id, &mut self.events);
        self.apply_events(now, shared);
        self.edge.timeout(now, id, shared);
    }

    /// When [`Self::timeout`] has something to do; `None` for somebody who is out.
    pub(super) fn next_timeout(&self, id: ParticipantId) -> Option<Instant> {
        let of_edge = self.edge.next_timeout(id)?;
        Some(of_edge.min(self.owner.next_timeout(id)))
    }

    fn apply_events(&mut self, now: Instant, shared: &mut Shared) {
        for event in self.events.drain(..) {
            self.edge.apply(now, event, shared);
        }
    }
}
