//! The hub behind its lock, with what it needs from outside: the time, secrets, and the sessions
//! that carry out what it asks for.
//!
//! No lock is held across an `.await`: each method takes the lock, does one thing, and lets go.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use smrtc_engine::{control::v1, time::Instant};

use super::{clock::Clock, lane_book::LaneBook, session_handle::SessionHandle};
use crate::{
    auth::Permissions,
    forward::Datagram,
    hub::{AttachError, Hub, Limits, Member, Output, Side},
    room::Refusal,
};

/// A node's rooms, shared by all of its sessions.
#[derive(Debug)]
pub(super) struct SharedHub {
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    hub: Hub,
    /// The sessions of participants, without their lanes.
    sessions: BTreeMap<(Member, Side), Arc<SessionHandle>>,
    lanes: LaneBook,
    #[cfg(feature = "_test_support")]
    interceptor: crate::interceptor::Interceptor,
}

impl SharedHub {
    pub(super) fn new(
        clock: Clock,
        limits: Limits,
        #[cfg(feature = "_test_support")] interceptor: crate::interceptor::Interceptor,
    ) -> Self {
        Self {
            clock,
            state: Mutex::new(State {
                hub: Hub::new(limits),
                sessions: BTreeMap::new(),
                lanes: LaneBook::default(),
                #[cfg(feature = "_test_support")]
                interceptor,
            }),
        }
    }

    /// Applies something to the hub and carries out the outputs that follow.
    pub(super) fn update<T>(&self, apply: impl FnOnce(&mut Hub, Instant) -> T) -> T {
        let now = self.clock.now();
        let mut state = self.state();
        let result = apply(&mut state.hub, now);
        state.carry_out_all(now);
        result
    }

    /// Reads the hub without changing it.
    pub(super) fn read<T>(&self, read: impl FnOnce(&Hub) -> T) -> T {
        read(&self.state().hub)
    }

    /// Hands the hub the datagrams that came on one side of a participant, and empties `batch`.
    pub(super) fn receive(&self, member: Member, side: Side, batch: &mut Vec<Datagram>) {
        let now = self.clock.now();
        let mut state = self.state();
        #[cfg(feature = "_test_support")]
        if side == Side::Uplink {
            for datagram in batch.iter() {
                state.interceptor.record(datagram);
            }
        }
        for datagram in batch.drain(..) {
            state.hub.datagram(now, member, side, &datagram);
        }
        // What has come may make a report due at once.
        if side == Side::Uplink && state.hub.next_timeout(member) <= now {
            state.hub.timeout(now, member);
        }
        state.carry_out_all(now);
    }

    /// The next datagram for a session's writing task.
    pub(super) fn pop_datagram(&self, member: Member, side: Side) -> Option<Datagram> {
        let now = self.clock.now();
        let mut state = self.state();
        let datagram = state.pop(now, member, side);
        if datagram.is_none() {
            // A datagram may be held back until later; this wakes the session, so that it sets its
            // timer anew.
            state.carry_out_all(now);
        }
        datagram
    }

    /// Lets an uplink session into its room; see [`Hub::join`].
    pub(super) fn join(
        &self,
        session: &Arc<SessionHandle>,
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
        state.bind(session, member, Side::Uplink);
        state.carry_out_all(now);
        Ok(member)
    }

    /// Binds a downlink session to its participant; see [`Hub::attach`].
    pub(super) fn attach(
        &self,
        session: &Arc<SessionHandle>,
        ticket: &[u8],
    ) -> Result<(Member, u64), AttachError> {
        let now = self.clock.now();
        let mut state = self.state();
        let (member, attachment) = state.hub.attach(now, ticket)?;
        // After the outputs are carried out: one of them ends the session that had this place.
        state.carry_out_all(now);
        state.bind(session, member, Side::Downlink);
        Ok((member, attachment))
    }

    /// Takes a participant's session out of the hub's reach, unless another took its place.
    pub(super) fn unbind(&self, session: &Arc<SessionHandle>) {
        let Some(place) = session.member() else {
            return;
        };
        let mut state = self.state();
        let present = state.sessions.get(&place);
        if present.is_some_and(|present| Arc::ptr_eq(present, session)) {
            state.sessions.remove(&place);
        }
    }

    /// Binds a lane to its participant; see [`Hub::open_lane`].
    pub(super) fn open_lane(
        &self,
        session: &Arc<SessionHandle>,
        ticket: &[u8],
    ) -> Result<Member, AttachError> {
        let mut state = self.state();
        let member = state.hub.open_lane(ticket)?;
        state.lanes.add(member, session);
        Ok(member)
    }

    /// Takes a lane away.
    pub(super) fn close_lane(&self, member: Member, session: &Arc<SessionHandle>) {
        let mut state = self.state();
        state.hub.close_lane(member);
        state.lanes.remove(member, session);
    }

    /// Notes that something came on a lane. Returns until when the lane counts as used.
    pub(super) fn mark_lane_used(&self, member: Member, session: &Arc<SessionHandle>) -> Instant {
        let now = self.clock.now();
        self.state().lanes.mark_used(now, member, session)
    }

    /// Sends datagrams that must be acknowledged on the lanes of a participant; see
    /// [`LaneBook::elicit_acks`].
    pub(super) fn elicit_acks_on_lanes(&self, member: Member, loss: f64) -> usize {
        let now = self.clock.now();
        self.state().lanes.elicit_acks(now, member, loss)
    }

    /// Takes back what [`Self::elicit_acks_on_lanes`] said of the paths.
    pub(super) fn forget_loss_of_lanes(&self, member: Member) {
        self.state().lanes.forget_loss(member);
    }

    /// Sends a control message to every participant.
    pub(super) fn send_to_all(&self, message: &Bytes) {
        for ((_, side), session) in &self.state().sessions {
            if *side == Side::Uplink {
                session.send_control(message.clone());
            }
        }
    }

    /// What the interceptor has done, for the metrics.
    #[cfg(feature = "_test_support")]
    pub(super) fn render_interceptor(&self) -> String {
        self.state().interceptor.render()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic in one session must not end the others; the hub has no state that a half-done
        // change would make unsafe.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn bind(&mut self, session: &Arc<SessionHandle>, member: Member, side: Side) {
        session.bind(member, side);
        self.sessions.insert((member, side), session.clone());
    }

    fn carry_out_all(&mut self, now: Instant) {
        while let Some(output) = self.hub.poll_output() {
            self.carry_out(now, output);
        }
    }

    fn carry_out(&mut self, now: Instant, output: Output) {
        match output {
            Output::Message(member, message) => {
                if let Some(session) = self.sessions.get(&(member, Side::Uplink)) {
                    for piece in message.into_pieces() {
                        session.send_control(piece);
                    }
                }
            }
            Output::Ready(member, side) => self.flush(now, member, side),
            Output::Rearm(member, side) => {
                if let Some(session) = self.sessions.get(&(member, side)) {
                    session.read.notify_one();
                }
            }
            Output::Close(member, side, code, reason) => {
                if let Some(session) = self.sessions.get(&(member, side)) {
                    session.end(code, reason);
                }
            }
        }
    }

    /// Hands a session's datagrams to its transport at once while that has room, all together, so
    /// that QUIC can send them in one system call. The writing task sends the rest.
    fn flush(&mut self, now: Instant, member: Member, side: Side) {
        let Some(session) = self.sessions.get(&(member, side)).cloned() else {
            return;
        };
        let Some(datagrams) = &session.datagrams else {
            session.write.notify_one();
            return;
        };
        while datagrams.has_room() {
            match self.pop(now, member, side) {
                Some(datagram) if datagrams.send(&datagram).is_ok() => {}
                // The queue is empty, or the connection is closed.
                _ => return,
            }
        }
        session.write.notify_one();
    }

    /// The next datagram for a session. What goes to an uplink goes to its lanes as well.
    fn pop(&mut self, now: Instant, member: Member, side: Side) -> Option<Datagram> {
        #[cfg(not(feature = "_test_support"))]
        let datagram = self.hub.pop_datagram(now, member, side)?;
        #[cfg(feature = "_test_support")]
        let datagram = self
            .interceptor
            .next(member, side, || self.hub.pop_datagram(now, member, side))?;
        if side == Side::Uplink {
            self.lanes.send(now, member, &datagram);
        }
        Some(datagram)
    }
}
