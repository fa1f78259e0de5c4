//! The transport sessions of a node, in a room or not: how many, whose, and whether new ones may
//! come.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use smrtc_engine::wire::CloseCode;

use super::{
    admission::Admission,
    session_end::SessionEnd,
    session_handle::SessionHandle,
    session_quotas::{QuotaKey, SessionQuotas},
};

/// Knows every session of a node from the moment it is let in until its task ends.
#[derive(Debug)]
pub(super) struct SessionRegistry {
    max_sessions: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    sessions: BTreeMap<u64, Arc<SessionHandle>>,
    quotas: SessionQuotas,
    last_id: u64,
    /// New participants are refused; the further sessions of present ones are not.
    draining: bool,
    /// Every new session is refused.
    closing: bool,
}

/// An admitted session with its place in the registry, or why there is none.
pub(super) type Entrance = Result<(Admission, SessionGuard), SessionEnd>;

impl SessionRegistry {
    pub(super) fn new(max_sessions: usize) -> Self {
        Self {
            max_sessions,
            state: Mutex::default(),
        }
    }

    /// Registers an admitted session if there is a place for it; the guard gives the place back.
    /// `has_ticket` tells whether an attach ticket is known.
    ///
    /// # Errors
    ///
    /// The reason why the session is refused.
    pub(super) fn enter(
        self: &Arc<Self>,
        handle: &Arc<SessionHandle>,
        admission: Admission,
        has_ticket: impl FnOnce(&[u8]) -> bool,
    ) -> Entrance {
        let mut state = self.state();
        if state.closing || state.sessions.len() >= self.max_sessions {
            let reason = "the gateway is full or shutting down";
            return Err(SessionEnd::new(CloseCode::Unavailable, reason));
        }
        if state.draining && matches!(admission, Admission::Uplink(_)) {
            let reason = "the gateway takes no new participants any more";
            return Err(SessionEnd::new(CloseCode::Unavailable, reason));
        }
        // Tickets are checked before quotas: anybody can make one up, and sessions with a made-up
        // ticket must not use up places.
        if let Admission::Downlink(ticket) | Admission::Lane(ticket) = &admission
            && !has_ticket(ticket)
        {
            let reason = "unknown attach ticket";
            return Err(SessionEnd::new(CloseCode::TicketInvalid, reason));
        }
        let quota = state.quotas.take(&admission, self.max_sessions)?;
        state.last_id += 1;
        let id = state.last_id;
        state.sessions.insert(id, handle.clone());
        let guard = SessionGuard {
            registry: self.clone(),
            id,
            quota,
        };
        Ok((admission, guard))
    }

    /// Sessions that are open.
    pub(super) fn len(&self) -> usize {
        self.state().sessions.len()
    }

    /// Refuses new participants from now on.
    pub(super) fn drain(&self) {
        self.state().draining = true;
    }

    /// Whether new participants are let in.
    pub(super) fn is_open(&self) -> bool {
        let state = self.state();
        !state.draining && !state.closing
    }

    /// Refuses every new session from now on.
    pub(super) fn stop_admitting(&self) {
        self.state().closing = true;
    }

    /// Ends all sessions.
    pub(super) fn end_all(&self, end: SessionEnd) {
        for handle in self.state().sessions.values() {
            handle.end(end.code, end.reason);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each method leaves the state whole, so that a poisoned lock is safe to use.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A session's place in the registry; dropping it gives the place back.
#[derive(Debug)]
pub(super) struct SessionGuard {
    registry: Arc<SessionRegistry>,
    id: u64,
    quota: QuotaKey,
}

impl Drop for SessionGuard {
    fn drop(&mut self) {
        let mut state = self.registry.state();
        state.sessions.remove(&self.id);
        state.quotas.give_back(&self.quota);
    }
}
