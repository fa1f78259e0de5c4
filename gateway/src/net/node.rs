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
    connections::Connections,
    lanes::Lanes,
    log_limit::LogLimit,
    outlet::{End, Outlet},
    serve::TcpLimits,
    session::Entrance,
    shares::{Share, Shares},
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
    pub(super) origins: super::origin::AllowedOrigins,
    pub(super) metrics: Metrics,
    pub(super) max_sessions: usize,
    /// TCP connections without a session.
    pub(super) connections: Arc<Connections>,
    pub(super) refusals: Arc<Semaphore>,
    refusal_log: LogLimit,
    /// Of the listeners, once they are set up.
    udp: Mutex<Vec<UdpBuffers>>,
    state: Mutex<State>,
    #[cfg(feature = "_test_support")]
    pub(super) tap: crate::tap::Tap,
}

#[derive(Debug)]
struct State {
    hub: Hub,
    outlets: BTreeMap<(Member, Side), Arc<Outlet>>,
    /// Further sessions of participants' uplinks.
    lanes: Lanes,
    /// All sessions, those that are not in a room yet and those that are refused too.
    sessions: BTreeMap<u64, Arc<Outlet>>,
    shares: Shares,
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
    pub(crate) origins: super::origin::AllowedOrigins,
    pub(crate) max_sessions: usize,
    pub(crate) tcp: TcpLimits,
    pub(crate) limits: Limits,
    #[cfg(feature = "_test_support")]
    pub(crate) tap: crate::tap::Tap,
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
            connections: Arc::new(Connections::new(
                config.tcp.connections,
                config.tcp.connections_per_address,
            )),
            refusals: Arc::new(Semaphore::new(MAX_REFUSALS)),
            refusal_log: LogLimit::default(),
            udp: Mutex::default(),
            state: Mutex::new(State {
                hub: Hub::new(config.limits),
                outlets: BTreeMap::new(),
                lanes: Lanes::default(),
                sessions: BTreeMap::new(),
                shares: Shares::default(),
                last_session: 0,
                draining: false,
                closing: false,
            }),
            #[cfg(feature = "_test_support")]
            tap: config.tap,
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
        outlet: &Arc<Outlet>,
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
        outlet.bind(member, Side::Uplink);
        state.outlets.insert((member, Side::Uplink), outlet.clone());
        state.carry_out_all(now, self);
        Ok(member)
    }

    /// Binds a downlink session to its participant; see [`Hub::attach`].
    pub(super) fn attach(
        &self,
        outlet: &Arc<Outlet>,
        ticket: &[u8],
    ) -> Result<(Member, u64), AttachError> {
        let now = self.clock.now();
        let mut state = self.state();
        let (member, attachment) = state.hub.attach(now, ticket)?;
        // After the outputs are carried out: one of them ends the session that had this place.
        state.carry_out_all(now, self);
        outlet.bind(member, Side::Downlink);
        state
            .outlets
            .insert((member, Side::Downlink), outlet.clone());
        Ok((member, attachment))
    }

    /// Takes a session out of the hub's reach, unless another took its place.
    pub(super) fn disconnect(&self, member: Member, side: Side, outlet: &Arc<Outlet>) {
        let mut state = self.state();
        let present = state.outlets.get(&(member, side));
        if present.is_some_and(|present| Arc::ptr_eq(present, outlet)) {
            state.outlets.remove(&(member, side));
        }
    }

    /// Binds a lane to its participant; see [`Hub::open_lane`].
    pub(super) fn open_lane(
        &self,
        outlet: &Arc<Outlet>,
        ticket: &[u8],
    ) -> Result<Member, AttachError> {
        let mut state = self.state();
        let member = state.hub.open_lane(ticket)?;
        state.lanes.add(member, outlet);
        Ok(member)
    }

    /// Takes a lane away.
    pub(super) fn close_lane(&self, member: Member, outlet: &Arc<Outlet>) {
        let mut state = self.state();
        state.hub.close_lane(member);
        state.lanes.remove(member, outlet);
    }

    /// Something came on a lane. Returns until when it counts as used.
    pub(super) fn hear_lane(&self, member: Member, outlet: &Arc<Outlet>) -> Instant {
        let now = self.clock.now();
        self.state().lanes.hear(now, member, outlet)
    }

    /// Answers ([`super::answers`]) on the uplink of a participant and on its lanes; with `None` no
    /// more.
    pub(super) fn answer(&self, member: Member, uplink: &Outlet, loss: Option<f64>) {
        let Some(loss) = loss else {
            uplink.forget_loss();
            return self.state().lanes.forget_loss(member);
        };
        let on_uplink = usize::from(uplink.answer(loss));
        let on_lanes = self.state().lanes.answer(self.clock.now(), member, loss);
        self.metrics.answered(on_uplink + on_lanes);
    }

    /// Counts an admitted session in, if there is room; it counts out when the guard drops.
    pub(super) fn enter(
        self: &Arc<Self>,
        outlet: &Arc<Outlet>,
        admission: Result<Admission, End>,
    ) -> Entrance {
        let admission = admission?;
        let mut state = self.state();
        if state.closing || state.sessions.len() >= self.max_sessions {
            return Err(End {
                code: CloseCode::Unavailable,
                reason: "the gateway is full or shutting down",
            });
        }
        if state.draining && matches!(admission, Admission::Uplink(_)) {
            return Err(End {
                code: CloseCode::Unavailable,
                reason: "the gateway takes no new participants any more",
            });
        }
        // Before it counts: anybody can make up a ticket, and what does not fit any must not take a
        // place.
        if let Admission::Downlink(ticket) | Admission::Lane(ticket) = &admission
            && !state.hub.has_ticket(ticket)
        {
            return Err(End {
                code: CloseCode::TicketInvalid,
                reason: "unknown attach ticket",
            });
        }
        let share = state.shares.take(&admission, self.max_sessions)?;
        state.last_session += 1;
        let id = state.last_session;
        state.sessions.insert(id, outlet.clone());
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
    pub(super) fn refused(&self, remote: SocketAddr, end: End) {
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
        for ((_, side), outlet) in &state.outlets {
            if *side == Side::Uplink {
                outlet.send_control(closing.clone());
            }
        }
        for outlet in state.sessions.values() {
            outlet.end(CloseCode::Unavailable, reason);
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
                if let Some(outlet) = self.outlets.get(&(member, Side::Uplink)) {
                    let (own, shared) = encode_in_pieces(&message);
                    outlet.send_control(own);
                    if !shared.is_empty() {
                        outlet.send_control(shared);
                    }
                }
            }
            Output::Ready(member, side) => self.flush(now, member, side, node),
            Output::Rearm(member, side) => {
                if let Some(outlet) = self.outlets.get(&(member, side)) {
                    outlet.read.notify_one();
                }
            }
            Output::Close(member, side, code, reason) => {
                if let Some(outlet) = self.outlets.get(&(member, side)) {
                    outlet.end(code, reason);
                }
            }
        }
    }

    /// Hands a session's datagrams to its transport at once while that has room, in one go, so that
    /// QUIC can send them in one system call; the writer task does the rest.
    fn flush(&mut self, now: Instant, member: Member, side: Side, node: &Node) {
        let Some(outlet) = self.outlets.get(&(member, side)).cloned() else {
            return;
        };
        let Some(direct) = &outlet.direct else {
            outlet.write.notify_one();
            return;
        };
        while direct.has_room() {
            match self.pop(now, member, side, node) {
                Some(datagram) if direct.push(&datagram) == Pushed::Done => {}
                // Empty, or nobody there any more.
                _ => return,
            }
        }
        outlet.write.notify_one();
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
        node.tap
            .next(member, side, || self.hub.pop_datagram(now, member, side))
    }
}

/// A counted session.
#[derive(Debug)]
pub(super) struct SessionGuard {
    node: Arc<Node>,
    id: u64,
    share: Share,
}

impl Drop for SessionGuard {
    fn drop(&mut self) {
        let mut state = self.node.state();
        state.sessions.remove(&self.id);
        state.shares.give_back(&self.share);
    }
}
