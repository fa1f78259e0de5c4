//! The life of a session, the same over every transport.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use smrtc_engine::{
    control::{
        Framer, FramerError, MAX_MESSAGE_BYTES, MAX_MESSAGE_BYTES_BEFORE_JOIN, encode_delimited,
        v1::{
            ClientMessage, Error, LeaveReason, ServerMessage, client_message::Body as Request,
            server_message::Body,
        },
    },
    time::Bitrate,
    wire::CloseCode,
};
use tokio::time::{Instant, sleep_until};
use tracing::info;

use super::{
    abort_on_drop::AbortOnDrop,
    ack_elicitation::AckElicitation,
    admission::Admission,
    lane_book,
    node::{Node, SessionGuard},
    session_handle::{SessionEnd, SessionHandle},
};
use crate::{
    auth::Permissions,
    forward::Datagram,
    hub::{Member, Side},
    room::Refusal,
};

/// Time for a new session to say Join (WIRE.md, 4408).
pub(super) const JOIN_TIMEOUT: Duration = Duration::from_secs(5);

/// Time to send what is queued, the close code and its acknowledgement.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// What came from a peer.
pub(super) enum Received {
    /// A piece of the control stream.
    Control(Bytes),
    /// The batch holds something.
    Datagrams,
    /// The peer ended the session, or is gone.
    Gone,
    /// The peer broke the rules of the transport.
    Violation(CloseCode, &'static str),
}

/// The transport is gone; there is nobody to tell.
#[derive(Debug)]
pub(super) struct Gone;

/// The receiving half of a transport.
pub(super) trait Receive: Send {
    /// Waits for something from the peer; datagrams are appended to `batch`, all that are there.
    /// May be cancelled.
    fn receive(&mut self, batch: &mut Vec<Datagram>) -> impl Future<Output = Received> + Send;

    /// The round-trip time, where the transport knows it.
    fn rtt(&self) -> Option<Duration>;

    /// By how much the round trip is longer than the least.
    fn queue(&self) -> Duration;

    /// Tells the transport what rate of datagrams it is going to be given.
    fn set_media_rate(&self, rate: Bitrate);
}

/// The sending half of a transport.
pub(super) trait Transmit: Send + 'static {
    /// Sends a piece of the control stream.
    fn control(&mut self, bytes: Bytes) -> impl Future<Output = Result<(), Gone>> + Send;
    /// Sends a datagram, once there is room for it.
    fn datagram(&mut self, datagram: &Datagram) -> impl Future<Output = Result<(), Gone>> + Send;
    /// Waits until the outlet has something, keeping the connection alive meanwhile.
    fn idle(&mut self, handle: &SessionHandle) -> impl Future<Output = Result<(), Gone>> + Send;
    /// Ends the session with a code that the peer sees.
    fn close(self, end: SessionEnd) -> impl Future<Output = ()> + Send;
}

/// An admitted session counts while it lives.
pub(super) type Entrance = Result<(Admission, SessionGuard), SessionEnd>;

/// Runs an admitted or refused session to its end.
pub(super) async fn run(
    node: Arc<Node>,
    remote: SocketAddr,
    handle: Arc<SessionHandle>,
    entrance: Entrance,
    mut receiver: impl Receive,
    sender: impl Transmit,
) {
    let writer = AbortOnDrop::spawn(write(node.clone(), handle.clone(), sender));
    let (end, _guard) = match entrance {
        Ok((Admission::Uplink(permissions), guard)) => (
            uplink(&node, &handle, &mut receiver, permissions).await,
            Some(guard),
        ),
        Ok((Admission::Downlink(ticket), guard)) => (
            downlink(&node, remote, &handle, &mut receiver, &ticket).await,
            Some(guard),
        ),
        Ok((Admission::Lane(ticket), guard)) => (
            lane_book::run(&node, remote, &handle, &mut receiver, &ticket).await,
            Some(guard),
        ),
        Err(end) => {
            node.refused(remote, end);
            (Some(end), None)
        }
    };
    finish(&node, &handle, writer, end).await;
    // Not sooner: to stop reading would reset the peer's streams, and a browser takes that for the
    // end of the connection before it sees the close code.
    drop(receiver);
}

/// Tells the peer why, unless it is gone, and lets go of everything.
async fn finish(
    node: &Node,
    handle: &Arc<SessionHandle>,
    writer: AbortOnDrop,
    end: Option<SessionEnd>,
) {
    if let Some((member, side)) = handle.bound() {
        node.disconnect(member, side, handle);
    }
    if let Some(end) = end {
        handle.end(end.code, end.reason);
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, writer.join()).await;
    }
}

async fn write(node: Arc<Node>, handle: Arc<SessionHandle>, mut sender: impl Transmit) {
    loop {
        // Looked at first, so that control queued before the end is sent before it.
        let ended = handle.ended();
        while let Some(bytes) = handle.take_control() {
            if sender.control(bytes).await.is_err() {
                return handle.end(CloseCode::TimedOut, "the session was lost");
            }
        }
        if let Some(end) = ended {
            return sender.close(end).await;
        }
        if let Some((member, side)) = handle.bound() {
            while let Some(datagram) = node.pop_datagram(member, side) {
                if sender.datagram(&datagram).await.is_err() {
                    return handle.end(CloseCode::TimedOut, "the session was lost");
                }
                if handle.is_urgent() {
                    break;
                }
            }
        }
        if !handle.is_urgent() && sender.idle(&handle).await.is_err() {
            return handle.end(CloseCode::TimedOut, "the session was lost");
        }
    }
}

/// The end is `None` if the peer is gone.
async fn uplink(
    node: &Node,
    handle: &Arc<SessionHandle>,
    receiver: &mut impl Receive,
    permissions: Permissions,
) -> Option<SessionEnd> {
    let join_by = Instant::now() + JOIN_TIMEOUT;
    let mut uplink = Uplink {
        node,
        handle,
        permissions,
        framer: Framer::new(),
        member: None,
    };
    uplink
        .framer
        .set_max_message_bytes(MAX_MESSAGE_BYTES_BEFORE_JOIN);
    let mut batch = Vec::new();
    let mut acks = AckElicitation::new();
    let end = loop {
        if let Some(end) = handle.ended() {
            break Some(end);
        }
        let deadline = match uplink.member {
            None => join_by,
            Some(member) => node
                .clock
                .deadline(node.read_hub(|hub| hub.next_timeout(member))),
        };
        let received = tokio::select! {
            biased;
            () = handle.read.notified() => continue,
            () = sleep_until(deadline) => {
                let Some(member) = uplink.member else {
                    break Some(SessionEnd { code: CloseCode::TimedOut, reason: "no Join in time" });
                };
                let rtt = receiver.rtt();
                let loss = node.with_hub(|hub, now| {
                    if let Some(rtt) = rtt {
                        hub.set_rtt(member, Side::Uplink, rtt);
                    }
                    hub.timeout(now, member);
                    hub.fraction_lost(member)
                });
                acks.on_report(loss, receiver.queue());
                continue;
            }
            loss = acks.due() => {
                if let Some(member) = uplink.member {
                    node.elicit_acks(member, handle, loss);
                }
                continue;
            }
            received = receiver.receive(&mut batch) => received,
        };
        match received {
            Received::Control(bytes) => {
                if let Err(end) = uplink.on_control(&bytes) {
                    break Some(end);
                }
            }
            Received::Datagrams => match uplink.member {
                Some(member) => apply(node, member, Side::Uplink, &mut batch),
                // Media before Join belongs to nobody.
                None => batch.clear(),
            },
            Received::Gone => break None,
            Received::Violation(code, reason) => break Some(SessionEnd { code, reason }),
        }
    };
    // Before the hub ends both sessions for its part: the first reason stays, and this one is the
    // cause.
    if let Some(end) = end {
        handle.end(end.code, end.reason);
    }
    if let Some(member) = uplink.member {
        let why = "the other session of this participant ended";
        node.with_hub(|hub, _| hub.leave(member, LeaveReason::Disconnected, CloseCode::Left, why));
        info!(
            room = ?member.room,
            participant = member.participant,
            code = end.map(|end| end.code.code()),
            "participant out"
        );
    }
    end
}

struct Uplink<'a> {
    node: &'a Node,
    handle: &'a Arc<SessionHandle>,
    permissions: Permissions,
    framer: Framer,
    member: Option<Member>,
}

impl Uplink<'_> {
    fn on_control(&mut self, bytes: &[u8]) -> Result<(), SessionEnd> {
        self.framer.push(bytes);
        loop {
            match self.framer.next_message::<ClientMessage>() {
                Ok(Some(message)) => self.on_message(message),
                Ok(None) => return Ok(()),
                Err(FramerError::TooLong) => {
                    return Err(SessionEnd {
                        code: CloseCode::MessageTooLong,
                        reason: "control message too long",
                    });
                }
                Err(_) => {
                    return Err(SessionEnd {
                        code: CloseCode::Malformed,
                        reason: "malformed control message",
                    });
                }
            }
        }
    }

    fn on_message(&mut self, message: ClientMessage) {
        let id = message.request_id;
        match (self.member, message.body) {
            (Some(member), body) => self
                .node
                .with_hub(|hub, now| hub.request(now, member, id, body)),
            (None, Some(Request::Join(join))) => {
                match self.node.join(self.handle, &self.permissions, id, &join) {
                    Ok(member) => {
                        self.member = Some(member);
                        self.framer.set_max_message_bytes(MAX_MESSAGE_BYTES);
                        info!(room = ?member.room, participant = member.participant, "participant in");
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

/// The end is `None` if the peer is gone.
async fn downlink(
    node: &Node,
    remote: SocketAddr,
    handle: &Arc<SessionHandle>,
    receiver: &mut impl Receive,
    ticket: &[u8],
) -> Option<SessionEnd> {
    let (member, attachment) = match node.attach(handle, ticket) {
        Ok(attached) => attached,
        Err(_) => {
            let end = SessionEnd {
                code: CloseCode::TicketInvalid,
                reason: "unknown attach ticket",
            };
            node.refused(remote, end);
            return Some(end);
        }
    };
    let mut batch = Vec::new();
    let end = loop {
        if let Some(end) = handle.ended() {
            break Some(end);
        }
        let next_send = node
            .clock
            .deadline(node.read_hub(|hub| hub.next_send(member)));
        let received = tokio::select! {
            biased;
            () = handle.read.notified() => continue,
            () = sleep_until(next_send) => {
                node.with_hub(|hub, _| hub.send_due(member));
                continue;
            }
            received = receiver.receive(&mut batch) => received,
        };
        match received {
            Received::Control(_) => {
                break Some(SessionEnd {
                    code: CloseCode::Malformed,
                    reason: "a downlink has no control stream",
                });
            }
            Received::Datagrams => {
                if let Some(rtt) = receiver.rtt() {
                    node.with_hub(|hub, _| hub.set_rtt(member, Side::Downlink, rtt));
                }
                apply(node, member, Side::Downlink, &mut batch);
                if let Some(rate) = node.read_hub(|hub| hub.downlink_rate(member)) {
                    receiver.set_media_rate(rate);
                }
            }
            Received::Gone => break None,
            Received::Violation(code, reason) => break Some(SessionEnd { code, reason }),
        }
    };
    node.with_hub(|hub, _| hub.detach(member, attachment));
    end
}

/// Hands what came to the hub.
pub(super) fn apply(node: &Node, member: Member, side: Side, batch: &mut Vec<Datagram>) {
    #[cfg(feature = "_test_support")]
    if side == Side::Uplink {
        for datagram in batch.iter() {
            node.interceptor.record(datagram);
        }
    }
    node.with_hub(|hub, now| {
        for datagram in batch.drain(..) {
            hub.datagram(now, member, side, &datagram);
        }
        if side == Side::Uplink && hub.next_timeout(member) <= now {
            hub.timeout(now, member);
        }
    });
}
