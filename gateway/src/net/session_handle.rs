use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
};

use bytes::Bytes;
use smrtc_engine::wire::CloseCode;
use tokio::sync::Notify;

use super::{ack_elicitation, webtransport::DatagramSender};
use crate::{
    forward::Datagram,
    hub::{Member, Side},
};

/// Control bytes that may wait for one client: a few ratchet trees of the largest kind. Control is
/// never dropped, so a client that lets more pile up is closed.
const MAX_CONTROL_BYTES: usize = 4 << 20;

/// What one session's tasks are told by the rest of the gateway.
#[derive(Debug, Default)]
pub(super) struct SessionHandle {
    state: Mutex<State>,
    /// Wakes the writer: control, datagrams or the end.
    pub(super) write: Notify,
    /// Wakes the reader: its deadline moved, or the end.
    pub(super) read: Notify,
    /// Takes datagrams without a task switch, where the transport can.
    pub(super) direct: Option<DatagramSender>,
    bound: OnceLock<(Member, Side)>,
}

#[derive(Debug, Default)]
struct State {
    control: VecDeque<Bytes>,
    control_bytes: usize,
    end: Option<SessionEnd>,
}

/// Why a session ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SessionEnd {
    pub(super) code: CloseCode,
    pub(super) reason: &'static str,
}

impl SessionHandle {
    pub(super) fn new(direct: Option<DatagramSender>) -> Self {
        Self {
            direct,
            ..Self::default()
        }
    }

    /// Makes this the session of a participant, for its life.
    pub(super) fn bind(&self, member: Member, side: Side) {
        let _ = self.bound.set((member, side));
    }

    /// Whose session this is, once it is somebody's.
    pub(super) fn bound(&self) -> Option<(Member, Side)> {
        self.bound.get().copied()
    }

    /// Hands a datagram to the transport if that has room for it at once; otherwise it is lost.
    /// Returns whether it had.
    pub(super) fn send_if_room(&self, datagram: &Datagram) -> bool {
        let direct = self.direct.as_ref();
        let Some(direct) = direct.filter(|direct| direct.has_room()) else {
            return false;
        };
        // A session that is gone is taken away by its own task.
        let _ = direct.push(datagram);
        true
    }

    /// Gives the peer's QUIC something to go on ([`super::ack_elicitation`]). `loss` is the share, 0 to 1,
    /// of what the peer sends that gets lost. Returns whether there was room.
    pub(super) fn elicit_ack(&self, loss: f64) -> bool {
        if let Some(direct) = &self.direct {
            direct.set_loss(loss);
        }
        self.send_if_room(&ack_elicitation::ACK_ELICITING)
    }

    /// Takes back what [`Self::elicit_ack`] said of the path.
    pub(super) fn forget_loss(&self) {
        if let Some(direct) = &self.direct {
            direct.set_loss(0.0);
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

    /// Whether something is more urgent than datagrams.
    pub(super) fn is_urgent(&self) -> bool {
        let state = self.state();
        !state.control.is_empty() || state.end.is_some()
    }

    /// Ends the session; the first reason stays.
    pub(super) fn end(&self, code: CloseCode, reason: &'static str) {
        self.state().end.get_or_insert(SessionEnd { code, reason });
        self.write.notify_one();
        self.read.notify_one();
    }

    /// Whether and why the session is to end.
    pub(super) fn ended(&self) -> Option<SessionEnd> {
        self.state().end
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in here can be left half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
