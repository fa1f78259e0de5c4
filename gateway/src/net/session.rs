//! The life of a session, the same over every transport.
//!
//! Two tasks serve a session. One reads: [`event_loop`] waits for the peer, and [`uplink`],
//! [`downlink`] or [`lane`] handles what comes. The other, [`writer`], sends. They meet in the
//! session's [`SessionHandle`].

mod downlink;
mod event_loop;
mod lane;
pub(super) mod transport;
pub(super) mod uplink;
mod writer;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use super::{
    abort_on_drop::AbortOnDrop, admission::Admission, node::Node, session_handle::SessionHandle,
    session_registry::Entrance,
};
use transport::{Receive, Transmit};

/// Time to send what is queued, the close code and its acknowledgement.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// Runs an admitted or refused session to its end.
pub(super) async fn run(
    node: Arc<Node>,
    remote: SocketAddr,
    handle: Arc<SessionHandle>,
    entrance: Entrance,
    mut receiver: impl Receive,
    sender: impl Transmit,
) {
    let writer = AbortOnDrop::spawn(writer::write(node.clone(), handle.clone(), sender));
    let (admission, _guard) = match entrance {
        Ok((admission, guard)) => (Ok(admission), Some(guard)),
        Err(end) => (Err(end), None),
    };
    let end = match admission {
        Ok(Admission::Uplink(permissions)) => {
            uplink::run(&node, &handle, &mut receiver, permissions).await
        }
        Ok(Admission::Downlink(ticket)) => {
            downlink::run(&node, remote, &handle, &mut receiver, &ticket).await
        }
        Ok(Admission::Lane(ticket)) => {
            lane::run(&node, remote, &handle, &mut receiver, &ticket).await
        }
        Err(end) => {
            node.refused(remote, end);
            Some(end)
        }
    };
    node.hub.unbind(&handle);
    // Tell the peer why, unless it is gone.
    if let Some(end) = end {
        handle.end(end.code, end.reason);
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, writer.join()).await;
    }
    // Not sooner: to stop reading would reset the peer's streams, and a browser takes that for the
    // end of the connection before it sees the close code.
    drop(receiver);
}
