//! The loop that every session runs: it waits for its peer, its deadline and its end, and hands
//! each to the session's own handler.

use tokio::time::{Instant, sleep_until};

use super::transport::{Receive, Received};
use crate::{
    forward::Datagram,
    net::{session_end::SessionEnd, session_handle::SessionHandle},
};

/// What one kind of session does with what happens to it. An error ends the session.
pub(super) trait EventHandler: Send {
    /// When to call [`Self::on_deadline`] next. Asked for again after each event, and when
    /// [`SessionHandle::read`] is notified.
    fn deadline(&self) -> Instant;

    /// The deadline has passed.
    fn on_deadline(&mut self, receiver: &impl Receive) -> Result<(), SessionEnd>;

    /// A piece of the control stream came.
    fn on_control(&mut self, bytes: &[u8]) -> Result<(), SessionEnd>;

    /// Datagrams came. Those left in `batch` are dropped.
    fn on_datagrams(&mut self, batch: &mut Vec<Datagram>, receiver: &impl Receive);
}

/// Runs a session until it ends. Returns why, or `None` if the peer is gone.
pub(super) async fn run(
    handle: &SessionHandle,
    receiver: &mut impl Receive,
    handler: &mut impl EventHandler,
) -> Option<SessionEnd> {
    let mut batch = Vec::new();
    loop {
        if let Some(end) = handle.ended() {
            return Some(end);
        }
        let received = tokio::select! {
            // The peer comes last: a session that is sent to without pause must still keep its
            // deadlines, and end when it is told to.
            biased;
            () = handle.read.notified() => continue,
            () = sleep_until(handler.deadline()) => {
                if let Err(end) = handler.on_deadline(receiver) {
                    return Some(end);
                }
                continue;
            }
            received = receiver.receive(&mut batch) => received,
        };
        match received {
            Received::Control(bytes) => {
                if let Err(end) = handler.on_control(&bytes) {
                    return Some(end);
                }
            }
            Received::Datagrams => {
                handler.on_datagrams(&mut batch, receiver);
                batch.clear();
            }
            Received::Gone => return None,
            Received::Violation(code, reason) => return Some(SessionEnd { code, reason }),
        }
    }
}
