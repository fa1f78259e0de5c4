//! Requests of those who are in.

use smrtc_engine::{
    control::v1::{
        Done, LeaveReason, MediaKind, ServerMessage, client_message::Body as Request,
        server_message::Body,
    },
    time::Instant,
    wire::CloseCode,
};

use super::{Hub, Member, Output, RoomKey};
use crate::room::Refusal;

impl Hub {
    /// Applies one request and answers it. Does nothing for a member who is out.
    pub fn request(
        &mut self,
        now: Instant,
        member: Member,
        request_id: u32,
        body: Option<Request>,
    ) {
        let Some(media) = self.media(member) else {
            return;
        };
        if !media.requests.tolerates(now) {
            let (code, why) = (CloseCode::TooMany, "too many requests");
            return self.leave(member, LeaveReason::Disconnected, code, why);
        }
        let leaving = matches!(body, Some(Request::Leave(_)));
        let reply = match self.apply(now, member, request_id, body) {
            Ok(reply) => reply,
            Err(refusal) => {
                self.counters.refused_requests += 1;
                Some(Body::Error(refusal.into()))
            }
        };
        if reply.is_some() {
            let message = ServerMessage {
                reply_to: request_id,
                body: reply,
            };
            self.outputs.push_back(Output::Message(member, message));
        }
        if leaving {
            self.leave(member, LeaveReason::Left, CloseCode::Left, "left");
        } else {
            self.flush_notifications(member);
        }
    }

    /// The reply is `None` if it comes later.
    fn apply(
        &mut self,
        now: Instant,
        member: Member,
        request_id: u32,
        body: Option<Request>,
    ) -> Result<Option<Body>, Refusal> {
        let Some(entry) = self.rooms.get_mut(&member.room) else {
            return Err(Refusal::NotJoined);
        };
        let (room, id) = (&mut entry.room, member.participant);
        let done = Some(Body::Done(Done {}));
        match body {
            None => Err(Refusal::UnknownMessage),
            Some(Request::Join(_)) => Err(Refusal::AlreadyJoined),
            Some(Request::Leave(_)) => Ok(done),
            Some(Request::Publish(publish)) => {
                room.publish(id, publish.track, &mut self.pending)?;
                Ok(done)
            }
            Some(Request::UpdateTrack(update)) => {
                room.update_track(id, update.track, &mut self.pending)?;
                Ok(done)
            }
            Some(Request::Unpublish(unpublish)) => {
                room.unpublish(id, unpublish.number, &mut self.pending)?;
                if let (Ok(number), Some(media)) =
                    (u8::try_from(unpublish.number), self.media(member))
                {
                    media.publisher.remove_track(number);
                }
                Ok(done)
            }
            Some(Request::Subscribe(subscribe)) => {
                let received: Vec<_> = room.subscriptions(id).map(|(track, _)| track).collect();
                let track = room.subscribe(id, &subscribe)?;
                let pictures = room
                    .track(track)
                    .is_some_and(|track| track.kind != MediaKind::Audio as i32);
                if pictures && self.media(member).is_some_and(|media| media.attached) {
                    if received.contains(&track) {
                        self.change_track(now, member, track);
                    } else {
                        self.begin_track(now, member, track);
                    }
                }
                Ok(done)
            }
            Some(Request::Unsubscribe(unsubscribe)) => {
                room.unsubscribe(id, &unsubscribe)?;
                Ok(done)
            }
            Some(group_keys) => entry.delivery.request(
                now,
                id,
                request_id,
                group_keys,
                &mut self.counters.delivery,
                &mut self.posts,
            ),
        }
    }

    /// Notifications go after the reply to the request that caused them.
    fn flush_notifications(&mut self, member: Member) {
        let notifications = std::mem::take(&mut self.pending);
        self.notify(member.room, notifications);
        self.send_posts(member.room);
    }

    /// Sends what a delivery service has for its participants.
    pub(super) fn send_posts(&mut self, room: RoomKey) {
        for post in std::mem::take(&mut self.posts) {
            let to = Member {
                room,
                participant: post.to,
            };
            if self.contains(to) {
                let message = ServerMessage {
                    reply_to: post.reply_to,
                    body: Some(post.body),
                };
                self.outputs.push_back(Output::Message(to, message));
            }
        }
    }
}
