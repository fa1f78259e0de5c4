//! The owner of a room: decides who is in, which tracks there are, and which commit ends an epoch
//! of its group.
//!
//! A participant's request goes in; out come an answer for them and [`Event`]s for everybody, in
//! one order for all. What an owner does not know: sessions, media, and who receives what. That is
//! each edge's own ([`crate::edge`]).

#[cfg(test)]
mod tests;

use smrtc_engine::{
    control::v1::{Done, Join, LeaveReason, client_message::Body as Request, server_message::Body},
    time::Instant,
};

use crate::{
    auth::Permissions,
    delivery::{self, Delivery},
    room::{self, Change, EncodedMessage, Event, Joined, Notice, ParticipantId, Refusal, Room},
};

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct Owner {
    room: Room,
    delivery: Delivery,
    last_event: u64,
    /// Notices of the request at hand, not yet events; empty between requests.
    notices: Vec<Notice>,
}

impl Owner {
    /// The owner of a room that nobody is in.
    pub(crate) fn new(room: room::Limits, delivery: delivery::Limits) -> Self {
        Self {
            room: Room::new(room),
            delivery: Delivery::new(delivery),
            last_event: 0,
            notices: Vec::new(),
        }
    }

    /// Lets somebody in. The same user's earlier participant is out then.
    ///
    /// # Errors
    ///
    /// See [`Room::join`].
    pub(crate) fn join(
        &mut self,
        now: Instant,
        permissions: &Permissions,
        join: &Join,
        out: &mut Vec<Event>,
    ) -> Result<Joined, Refusal> {
        let mut told = Vec::new();
        let joined = self.room.join(permissions, join, &mut told)?;
        if let Some(old) = joined.replaced {
            self.delivery.leave(old, &mut self.notices);
        }
        self.delivery
            .join(now, joined.id, permissions.user(), permissions.role());
        self.notices.append(&mut told);
        self.publish_events(out);
        Ok(joined)
    }

    /// Takes somebody out. Does nothing if they are out.
    pub(crate) fn leave(&mut self, id: ParticipantId, reason: LeaveReason, out: &mut Vec<Event>) {
        self.delivery.leave(id, &mut self.notices);
        self.room.leave(id, reason, &mut self.notices);
        self.publish_events(out);
    }

    /// Applies a request. The answer is `None` if it comes later, in an event.
    ///
    /// # Errors
    ///
    /// See [`Refusal`]; nothing has changed then.
    pub(crate) fn request(
        &mut self,
        now: Instant,
        id: ParticipantId,
        request_id: u32,
        request: Request,
        counters: &mut delivery::Counters,
        out: &mut Vec<Event>,
    ) -> Result<Option<Body>, Refusal> {
        let notices = &mut self.notices;
        let done = |()| Some(Body::Done(Done {}));
        let answer = match request {
            Request::Publish(publish) => self.room.publish(id, publish.track, notices).map(done),
            Request::UpdateTrack(update) => {
                self.room.update_track(id, update.track, notices).map(done)
            }
            Request::Unpublish(unpublish) => {
                self.room.unpublish(id, unpublish.number, notices).map(done)
            }
            group_keys => self
                .delivery
                .request(now, id, request_id, group_keys, counters, notices),
        };
        self.publish_events(out);
        answer
    }

    /// Does what is due for `id`: asks another member for the tree that they wait for.
    pub(crate) fn timeout(&mut self, now: Instant, id: ParticipantId, out: &mut Vec<Event>) {
        self.delivery.timeout(now, id, &mut self.notices);
        self.publish_events(out);
    }

    /// When [`Self::timeout`] has something to do for `id`.
    pub(crate) fn next_timeout(&self, id: ParticipantId) -> Instant {
        self.delivery.next_timeout(id)
    }

    /// Whether nobody is in.
    pub(crate) fn is_empty(&self) -> bool {
        self.room.is_empty()
    }

    /// Encodes each notice, once, and gives it its place in the order.
    fn publish_events(&mut self, out: &mut Vec<Event>) {
        for notice in self.notices.drain(..) {
            self.last_event += 1;
            out.push(Event {
                number: self.last_event,
                to: notice.to,
                change: Change::of(&notice.body),
                message: EncodedMessage::new(notice.reply_to, notice.body),
            });
        }
    }
}
