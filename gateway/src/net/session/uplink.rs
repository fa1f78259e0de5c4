//! A participant's first session: its control stream, and its media towards the gateway.

use std::{sync::Arc, time::Duration};

use smrtc_engine::{
    control::{
        Framer, FramerError, MAX_MESSAGE_BYTES, MAX_MESSAGE_BYTES_BEFORE_JOIN, encode_delimited,
        v1::{
            ClientMessage, Error, LeaveReason, ServerMessage, client_message::Body as Request,
            server_message::Body,
        },
    },
    wire::CloseCode,
};
use tokio::time::Instant;
use tracing::info;

use super::{
    event_loop::{self, EventHandler},
    transport::Receive,
};
use crate::{
    auth::Permissions,
    forward::Datagram,
    hub::{Member, Side},
    net::{
        ack_elicitation::{AckElicitation, Elicit},
        node::Node,
        session_end::SessionEnd,
        session_handle::SessionHandle,
    },
    room::Refusal,
};

/// Time for a new session to send Join (WIRE.md, 4408).
pub(in crate::net) const JOIN_TIMEOUT: Duration = Duration::from_secs(5);

/// Runs an uplink. The end is `None` if the peer is gone.
pub(super) async fn run(
    node: &Node,
    handle: &Arc<SessionHandle>,
    receiver: &mut impl Receive,
    permissions: Permissions,
) -> Option<SessionEnd> {
    let mut uplink = Uplink::new(node, handle, permissions);
    let end = event_loop::run(handle, receiver, &mut uplink).await;
    // Before the hub ends the participant's sessions too: the first reason is the one that the peer
    // is told, and this one is the cause.
    if let Some(end) = end {
        handle.end(end.code, end.reason);
    }
    uplink.leave(end);
    end
}

struct Uplink<'a> {
    node: &'a Node,
    handle: &'a Arc<SessionHandle>,
    permissions: Permissions,
    framer: Framer,
    join_by: Instant,
    /// `None` until it has joined.
    member: Option<Member>,
    acks: AckElicitation,
}

impl<'a> Uplink<'a> {
    fn new(node: &'a Node, handle: &'a Arc<SessionHandle>, permissions: Permissions) -> Self {
        let mut framer = Framer::new();
        framer.set_max_message_bytes(MAX_MESSAGE_BYTES_BEFORE_JOIN);
        Self {
            node,
            handle,
            permissions,
            framer,
            join_by: Instant::now() + JOIN_TIMEOUT,
            member: None,
            acks: AckElicitation::new(),
        }
    }

    fn leave(&self, end: Option<SessionEnd>) {
        let Some(member) = self.member else {
            return;
        };
        let why = "the other session of this participant ended";
        self.node.hub.update(|hub, now| {
            hub.leave(now, member, LeaveReason::Disconnected, CloseCode::Left, why)
        });
        info!(
            room = ?member.room,
            participant = member.participant,
            code = end.map(|end| end.code.code()),
            "participant out"
        );
    }

    /// Reports to the publisher what came of its packets, if that is due.
    fn report(&mut self, member: Member, receiver: &impl Receive) {
        let loss = self.node.hub.update(|hub, now| {
            // The deadline was another's, or has moved.
            if now < hub.next_timeout(member) {
                return None;
            }
            if let Some(rtt) = receiver.rtt() {
                hub.set_rtt(member, Side::Uplink, rtt);
            }
            hub.timeout(now, member);
            Some(hub.fraction_lost(member))
        });
        if let Some(loss) = loss {
            self.acks.on_report(loss, receiver.queuing_delay());
        }
    }

    /// Does what is due on this session and on the participant's lanes.
    fn elicit_acks(&self, member: Member, due: Elicit) {
        match due {
            Elicit::Send { loss } => {
                let here = usize::from(self.handle.elicit_ack(loss));
                let on_lanes = self.node.hub.elicit_acks_on_lanes(member, loss);
                self.node.metrics.acks_elicited(here + on_lanes);
            }
            Elicit::Stop => {
                self.handle.forget_loss();
                self.node.hub.forget_loss_of_lanes(member);
            }
        }
    }

    fn on_message(&mut self, message: ClientMessage) {
        let id = message.request_id;
        match (self.member, message.body) {
            (Some(member), body) => self
                .node
                .hub
                .update(|hub, now| hub.request(now, member, id, body)),
            (None, Some(Request::Join(join))) => {
                let hub = &self.node.hub;
                match hub.join(self.handle, &self.permissions, id, &join) {
                    Ok(member) => {
                        self.member = Some(member);
                        self.framer.set_max_message_bytes(MAX_MESSAGE_BYTES);
                        let (room, participant) = (member.room, member.participant);
                        info!(?room, participant, "participant in");
                    }
                    Err(refusal) => self.refuse(id, refusal),
                }
            }
            (None, Some(_)) => self.refuse(id, Refusal::NotJoined),
            (None, None) => self.refuse(id, Refusal::UnknownMessage),
        }
    }

    fn refuse(&self, reply_to: u32, refusal: Refusal) {
        let message = ServerMessage {
            reply_to,
            body: Some(Body::Error(Error::from(refusal))),
        };
        self.handle.send_control(encode_delimited(&message).into());
    }
}

impl EventHandler for Uplink<'_> {
    fn deadline(&self) -> Instant {
        let Some(member) = self.member else {
            return self.join_by;
        };
        let report_at = self.node.hub.read(|hub| hub.next_timeout(member));
        let report_at = self.node.clock.deadline(report_at);
        match self.acks.deadline() {
            Some(acks_at) => acks_at.min(report_at),
            None => report_at,
        }
    }

    fn on_deadline(&mut self, receiver: &impl Receive) -> Result<(), SessionEnd> {
        let Some(member) = self.member else {
            let reason = "no Join in time";
            return Err(SessionEnd::new(CloseCode::TimedOut, reason));
        };
        self.report(member, receiver);
        if let Some(due) = self.acks.poll(Instant::now()) {
            self.elicit_acks(member, due);
        }
        Ok(())
    }

    fn on_control(&mut self, bytes: &[u8]) -> Result<(), SessionEnd> {
        self.framer.push(bytes);
        loop {
            match self.framer.next_message::<ClientMessage>() {
                Ok(Some(message)) => self.on_message(message),
                Ok(None) => return Ok(()),
                Err(FramerError::TooLong) => {
                    let reason = "control message too long";
                    return Err(SessionEnd::new(CloseCode::MessageTooLong, reason));
                }
                Err(_) => {
                    let reason = "malformed control message";
                    return Err(SessionEnd::new(CloseCode::Malformed, reason));
                }
            }
        }
    }

    fn on_datagrams(&mut self, batch: &mut Vec<Datagram>, _: &impl Receive) {
        // Media before Join belongs to no participant and is dropped.
        if let Some(member) = self.member {
            self.node.hub.receive(member, Side::Uplink, batch);
        }
    }
}
