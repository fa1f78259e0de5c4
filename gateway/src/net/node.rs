//! The hub with what it needs from outside: the time, secrets, and the sessions that carry its
//! output.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use smrtc_engine::{
    control::{
        encode_delimited, encode_in_pieces,
        v1::{self, ServerMessage, server_message::Body},
    },
    time::Instant,
    wire::CloseCode,
};
use tokio::sync::Semaphore;
use tracing::info;

use super::{
    admission::Admission,
    certificate::Issuer,
    clock::Clock,
    connection_limit::ConnectionLimit,
    http::TcpLimits,
    lane_book::LaneBook,
    log_limit::LogLimit,
    session::Entrance,
    session_handle::{SessionEnd, SessionHandle},
    session_quotas::{QuotaKey, SessionQuotas},
    sockets::UdpBuffers,
    webtransport::Pushed,
};
use crate::{
    auth::{Permissions, Signer, Verifier},
    ca::Authority,
    forward::Datagram,
    hub::{AttachError, Hub, Limits, Member, Output, Side},
    ops::Metrics,
    room::Refusal,
};

/// WebSockets that are being told why they were refused, at a time. Beyond that it is said in HTTP,
/// which a page cannot see.
const MAX_REFUSALS: usize = 256;

/// Everything sessions and HTTP handlers share.
#[derive(Debug)]
pub(crate) struct Node {
    pub(super) clock: Clock,
    pub(super) verifier: Verifier,
    /// Signs tokens for the demo page; absent without `--demo`.
    pub(super) demo_signer: Option<Signer>,
    /// Certifies members; absent unless configured.
    pub(super) issuer: Option<Issuer>,
    pub(super) origins: super::allowed_origins::AllowedOrigins,
    pub(super) metrics: Metrics,
    pub(super) max_sessions: usize,
    /// TCP connections without a session.
    pub(super) connections: Arc<ConnectionLimit>,
    pub(super) refusals: Arc<Semaphore>,
    refusal_log: LogLimit,
    /// Of the listeners, once they are set up.
    udp: Mutex<Vec<UdpBuffers>>,
    state: Mutex<State>,
    #[cfg(feature = "_test_support")]
    pub(super) interceptor: crate::interceptor::Interceptor,
}

#[derive(Debug)]
struct State {
    hub: Hub,
    handles: BTreeMap<(Member, Side), Arc<SessionHandle>>,
    /// Further sessions of participants' uplinks.
    lanes: LaneBook,
    /// All sessions, those that are not in a room yet and those that are refused too.
    sessions: BTreeMap<u64, Arc<SessionHandle>>,
    shares: SessionQuotas,
    last_session: u64,
    /// No new participants, who come elsewhere; those who are in go on.
    draining: bool,
    /// No new sessions: the node is shutting down.
    closing: bool,
}

/// What [`Node`] is made from.
#[derive(Debug)]
pub(crate) struct NodeConfig {
    pub(crate) verifier: Verifier,
    pub(crate) demo_signer: Option<Signer>,
    pub(crate) authority: Option<Authority>,
    pub(crate) origins: super::allowed_origins::AllowedOrigins,
    pub(crate) max_sessions: usize,
    pub(crate) tcp: TcpLimits,
    pub(crate) limits: Limits,
    #[cfg(feature = "_test_support")]
    pub(crate) interceptor: crate::interceptor::Interceptor,
}

impl Node {
    pub(crate) fn new(config: NodeConfig) -> Self {
        let clock = Clock::start();
        let now = clock.now();
        Self {
            clock,
            verifier: config.verifier,
            demo_signer: config.demo_signer,
            issuer: config
                .authority
                .map(|authority| Issuer::new(authority, now)),
            origins: config.origins,
            metrics: Metrics::default(),
            max_sessions: config.max_sessions,
            connections: Arc::new(ConnectionLimit::new(
                config.tcp.connections,
                config.tcp.connections_per_address,
            )),
            refusals: Arc::new(Semaphore::new(MAX_REFUSALS)),
            refusal_log: LogLimit::default(),
            udp: Mutex::default(),
            state: Mutex::new(State {
                hub: Hub::new(config.limits),
                handles: BTreeMap::new(),
                lanes: LaneBook::default(),
                sessions: BTreeMap::new(),
                shares: SessionQuotas::default(),
                last_session: 0,
                draining: false,
                closing: false,
            }),
            #[cfg(feature = "_test_support")]
            interceptor: config.interceptor,
        }
    }

    /// Applies something to the hub and carries out what comes of it.
    pub(super) fn with_hub<T>(&self, apply: impl FnOnce(&mut Hub, Instant) -> T) -> T {
        let now = self.clock.now();
        let mut state = self.state();
        let result = apply(&mut state.hub, now);
        state.carry_out_all(now, self);
        result
    }

    /// Reads the hub without changing it.
    pub(super) fn read_hub<T>(&self, read: impl FnOnce(&Hub) -> T) -> T {
        read(&self.state().hub)
    }

    /// The next datagram for a session's writer.
    pub(super) fn pop_datagram(&self, member: Member, side: Side) -> Option<Datagram> {
        let now = self.clock.now();
        let mut state = self.state();
        let datagram = state.pop(now, member, side, self);
        if datagram.is_none() {
            // Held back, which the session that waits for it is to know.
            state.carry_out_all(now, self);
        }
        datagram
    }

    /// Lets an uplink session into its room; see [`Hub::join`].
    pub(super) fn join(
        &self,
        handle: &Arc<SessionHandle>,
        permissions: &Permissions,
        request_id: u32,
        join: &v1::Join,
    ) -> Result<Member, Refusal> {
        let mut ticket = [0; 32];
        rand::fill(&mut ticket);
        let now = self.clock.now();
        let mut state = self.state();
        let member = state.hub.join(now, permissions, request_id, join, ticket)?;
        // Before the outputs are carried out: the reply is one of them.
        handle.bind(member, Side::Uplink);
        state.handles.insert((member, Side::Uplink), handle.clone());
        state.carry_out_all(now, self);
        Ok(member)
    }

    /// Binds a downlink session to its participant; see [`Hub::attach`].
    pub(super) fn attach(
        &self,
        handle: &Arc<SessionHandle>,
        ticket: &[u8],
    ) -> Result<(Member, u64), AttachError> {
        let now = self.clock.now();
        let mut state = self.state();
        let (member, attachment) = state.hub.attach(now, ticket)?;
        // After the outputs are carried out: one of them ends the session that had this place.
        state.carry_out_all(now, self);
        handle.bind(member, Side::Downlink);
        state
            .handles
            .insert((member, Side::Downlink), handle.clone());
        Ok((member, attachment))
    }

    /// Takes a session out of the hub's reach, unless another took its place.
    pub(super) fn disconnect(&self, member: Member, side: Side, handle: &Arc<SessionHandle>) {
        let mut state = self.state();
        let present = state.handles.get(&(member, side));
        if present.is_some_and(|present| Arc::ptr_eq(present, handle)) {
            state.handles.remove(&(member, side));
        }
    }

    /// Binds a lane to its participant; see [`Hub::open_lane`].
    pub(super) fn open_lane(
        &self,
        handle: &Arc<SessionHandle>,
        ticket: &[u8],
    ) -> Result<Member, AttachError> {
        let mut state = self.state();
        let member = state.hub.open_lane(ticket)?;
        state.lanes.add(member, handle);
        Ok(member)
    }

    /// Takes a lane away.
    pub(super) fn close_lane(&self, member: Member, handle: &Arc<SessionHandle>) {
        let mut state = self.state();
        state.hub.close_lane(member);
        state.lanes.remove(member, handle);
    }

    /// Something came on a lane. Returns until when it counts as used.
    pub(super) fn hear_lane(&self, member: Member, handle: &Arc<SessionHandle>) -> Instant {
        let now = self.clock.now();
        self.state().lanes.hear(now, member, handle)
    }

    /// Answers ([`super::ack_elicitation`]) on the uplink of a participant and on its lanes; with `None` no
    /// more.
    pub(super) fn elicit_acks(&self, member: Member, uplink: &SessionHandle, loss: Option<f64>) {
        let Some(loss) = loss else {
            uplink.forget_loss();
            return self.state().lanes.forget_loss(member);
        };
        let on_uplink = usize::from(uplink.elicit_ack(loss));
        let on_lanes = self
            .state()
            .lanes
            .elicit_acks(self.clock.now(), member, loss);
        self.metrics.acks_elicited(on_uplink + on_lanes);
    }

    /// Counts an admitted session in, if there is room; it counts out when the guard drops.
    pub(super) fn enter(
        self: &Arc<Self>,
        handle: &Arc<SessionHandle>,
        admission: Result<Admission, SessionEnd>,
    ) -> Entrance {
        let admission = admission?;
        let mut state = self.state();
        if state.closing || state.sessions.len() >= self.max_sessions {
            return Err(SessionEnd {
                code: CloseCode::Unavailable,
                reason: "the gateway is full or shutting down",
            });
        }
        if state.draining && matches!(admission, Admission::Uplink(_)) {
            return Err(SessionEnd {
                code: CloseCode::Unavailable,
                reason: "the gateway takes no new participants any more",
            });
        }
        // Before it counts: anybody can make up a ticket, and what does not fit any must not take a
        // place.
        if let Admission::Downlink(ticket) | Admission::Lane(ticket) = &admission
            && !state.hub.has_ticket(ticket)
        {
            return Err(SessionEnd {
                code: CloseCode::TicketInvalid,
                reason: "unknown attach ticket",
            });
        }
        let share = state.shares.take(&admission, self.max_sessions)?;
        state.last_session += 1;
        let id = state.last_session;
        state.sessions.insert(id, handle.clone());
        let guard = SessionGuard {
            node: self.clone(),
            id,
            share,
        };
        Ok((admission, guard))
    }

    /// Adds a listener's UDP socket to what the metrics tell of.
    pub(super) fn add_udp(&self, buffers: UdpBuffers) {
        self.udp_state().push(buffers);
    }

    /// What the metrics tell of UDP sockets.
    pub(super) fn udp(&self) -> Vec<UdpBuffers> {
        self.udp_state().clone()
    }

    fn udp_state(&self) -> MutexGuard<'_, Vec<UdpBuffers>> {
        self.udp.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts and logs a session that was not let in.
    pub(super) fn refused(&self, remote: SocketAddr, end: SessionEnd) {
        self.metrics.refused(end.code);
        if let Some(left_out) = self.refusal_log.line(self.clock.now()) {
            let (code, reason) = (end.code.code(), end.reason);
            info!(%remote, code, reason, left_out, "session refused");
        }
    }

    /// Sessions that live.
    pub(crate) fn sessions(&self) -> usize {
        self.state().sessions.len()
    }

    /// Lets no new participant in.
    pub(crate) fn drain(&self) {
        self.state().draining = true;
    }

    /// Whether new participants are let in.
    pub(super) fn is_ready(&self) -> bool {
        let state = self.state();
        !state.draining && !state.closing
    }

    /// Tells every session that the node closes, and lets no more in.
    pub(crate) fn close(&self) {
        let reason = "the gateway is shutting down";
        let closing = ServerMessage {
            reply_to: 0,
            body: Some(Body::Closing(v1::Closing {
                code: CloseCode::Unavailable.code().into(),
                reason: reason.to_owned(),
            })),
        };
        let closing = Bytes::from(encode_delimited(&closing));
        let mut state = self.state();
        state.closing = true;
        for ((_, side), handle) in &state.handles {
            if *side == Side::Uplink {
                handle.send_control(closing.clone());
            }
        }
        for handle in state.sessions.values() {
            handle.end(CloseCode::Unavailable, reason);
        }
    }

    /// Waits until all sessions are gone.
    pub(crate) async fn drained(&self) {
        while self.sessions() > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic in one session must not end the others; the hub has no state that a half-done
        // change would make unsafe.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn carry_out_all(&mut self, now: Instant, node: &Node) {
        while let Some(output) = self.hub.poll_output() {
            self.carry_out(now, output, node);
        }
    }

    fn carry_out(&mut self, now: Instant, output: Output, node: &Node) {
        match output {
            Output::Message(member, message) => {
                if let Some(handle) = self.handles.get(&(member, Side::Uplink)) {
                    let (own, shared) = encode_in_pieces(&message);
                    handle.send_control(own);
                    if !shared.is_empty() {
                        handle.send_control(shared);
                    }
                }
            }
            Output::Ready(member, side) => self.flush(now, member, side, node),
            Output::Rearm(member, side) => {
                if let Some(handle) = self.handles.get(&(member, side)) {
                    handle.read.notify_one();
                }
            }
            Output::Close(member, side, code, reason) => {
                if let Some(handle) = self.handles.get(&(member, side)) {
                    handle.end(code, reason);
                }
            }
        }
    }

    /// Hands a session's datagrams to its transport at once while that has room, in one go, so that
    /// QUIC can send them in one system call; the writer task does the rest.
    fn flush(&mut self, now: Instant, member: Member, side: Side, node: &Node) {
        let Some(handle) = self.handles.get(&(member, side)).cloned() else {
            return;
        };
        let Some(direct) = &handle.direct else {
            handle.write.notify_one();
            return;
        };
        while direct.has_room() {
            match self.pop(now, member, side, node) {
                Some(datagram) if direct.push(&datagram) == Pushed::Done => {}
                // Empty, or nobody there any more.
                _ => return,
            }
        }
        handle.write.notify_one();
    }

    /// What goes to an uplink goes to its lanes as well.
    fn pop(&mut self, now: Instant, member: Member, side: Side, node: &Node) -> Option<Datagram> {
        let datagram = self.pop_once(now, member, side, node)?;
        if side == Side::Uplink {
            self.lanes.push(now, member, &datagram);
        }
        Some(datagram)
    }

    #[cfg(not(feature = "_test_support"))]
    fn pop_once(&mut self, now: Instant, member: Member, side: Side, _: &Node) -> Option<Datagram> {
        self.hub.pop_datagram(now, member, side)
    }

    #[cfg(feature = "_test_support")]
    fn pop_once(
        &mut self,
        now: Instant,
        member: Member,
        side: Side,
        node: &Node,
    ) -> Option<Datagram> {
        node.interceptor
            .next(member, side, || self.hub.pop_datagram(now, member, side))
    }
}

/// A counted session.
#[derive(Debug)]
pub(super) struct SessionGuard {
    node: Arc<Node>,
    id: u64,
    share: QuotaKey,
}

impl Drop for SessionGuard {
    fn drop(&mut self) {
        let mut state = self.node.state();
        state.sessions.remove(&self.id);
        state.shares.give_back(&self.share);
    }
}
