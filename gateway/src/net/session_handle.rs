//! How the rest of the gateway reaches one session: control messages, datagrams, wake-ups, the end.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
};

use bytes::Bytes;
use smrtc_engine::wire::CloseCode;
use tokio::sync::Notify;

use super::{ack_elicitation, datagram_sender::DatagramSender, session_end::SessionEnd};
use crate::{
    forward::Datagram,
    hub::{Member, Side},
};

/// Control bytes that may wait for one client: a few ratchet trees of the largest kind. Control is
/// never dropped, so a client that does not read it is closed.
const MAX_CONTROL_BYTES: usize = 4 << 20;

/// A session as the rest of the gateway sees it. The session's own tasks hold it too.
#[derive(Debug, Default)]
pub(super) struct SessionHandle {
    state: Mutex<State>,
    /// Wakes the writing task: there are control messages or datagrams, or the session ends.
    pub(super) write: Notify,
    /// Wakes the reading task: its deadline moved, or the session ends.
    pub(super) read: Notify,
    /// Sends datagrams without a task switch. `None` over TCP, where sending may have to wait.
    pub(super) datagrams: Option<DatagramSender>,
    member: OnceLock<(Member, Side)>,
}

#[derive(Debug, Default)]
struct State {
    control: VecDeque<Bytes>,
    control_bytes: usize,
    end: Option<SessionEnd>,
}

impl SessionHandle {
    pub(super) fn new(datagrams: Option<DatagramSender>) -> Self {
        Self {
            datagrams,
            ..Self::default()
        }
    }

    /// Makes this the session of a participant. It stays so until it ends.
    pub(super) fn bind(&self, member: Member, side: Side) {
        let _ = self.member.set((member, side));
    }

    /// The participant whose session this is; `None` before it has joined.
    pub(super) fn member(&self) -> Option<(Member, Side)> {
        self.member.get().copied()
    }

    /// Sends a datagram if the transport has room for it now, else drops it. Returns whether it had
    /// room.
    pub(super) fn send_if_room(&self, datagram: &Datagram) -> bool {
        let datagrams = self.datagrams.as_ref();
        let Some(datagrams) = datagrams.filter(|datagrams| datagrams.has_room()) else {
            return false;
        };
        // The task of a closed session removes the session itself.
        let _ = datagrams.send(datagram);
        true
    }

    /// Sends a datagram that the peer must acknowledge ([`super::ack_elicitation`]). `loss` is the
    /// share, 0 to 1, of the peer's packets that get lost. Returns whether there was room.
    pub(super) fn elicit_ack(&self, loss: f64) -> bool {
        if let Some(datagrams) = &self.datagrams {
            datagrams.set_loss(loss);
        }
        self.send_if_room(&ack_elicitation::ACK_ELICITING)
    }

    /// Takes back what [`Self::elicit_ack`] said of the path.
    pub(super) fn forget_loss(&self) {
        if let Some(datagrams) = &self.datagrams {
            datagrams.set_loss(0.0);
        }
    }

    /// Queues bytes of the control stream.
    pub(super) fn send_control(&self, bytes: Bytes) {
        let mut state = self.state();
        state.control_bytes += bytes.len();
        state.control.push_back(bytes);
        let overflow = state.control_bytes > MAX_CONTROL_BYTES;
        drop(state);
        if overflow {
            self.end(CloseCode::TimedOut, "control messages are not read");
        }
        self.write.notify_one();
    }

    /// The next bytes for the control stream.
    pub(super) fn take_control(&self) -> Option<Bytes> {
        let mut state = self.state();
        let bytes = state.control.pop_front()?;
        state.control_bytes -= bytes.len();
        Some(bytes)
    }

    /// Whether there is a control message or the end, which go before datagrams.
    pub(super) fn is_urgent(&self) -> bool {
        let state = self.state();
        !state.control.is_empty() || state.end.is_some()
    }

    /// Ends the session. The first reason given is the one that the peer is told.
    pub(super) fn end(&self, code: CloseCode, reason: &'static str) {
        let end = SessionEnd::new(code, reason);
        self.state().end.get_or_insert(end);
        self.write.notify_one();
        self.read.notify_one();
    }

    /// Why the session is to end, once it is.
    pub(super) fn ended(&self) -> Option<SessionEnd> {
        self.state().end
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each method leaves the state whole, so that a poisoned lock is safe to use.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
