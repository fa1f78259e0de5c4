use std::sync::Arc;

use smrtc_engine::wire::CloseCode;

use super::transport::{Gone, Transmit};
use crate::net::{node::Node, session_handle::SessionHandle};

/// Sends what a session has to send, control messages before datagrams, until it ends.
pub(super) async fn write(node: Arc<Node>, handle: Arc<SessionHandle>, sender: impl Transmit) {
    if write_until_end(&node, &handle, sender).await.is_err() {
        handle.end(CloseCode::TimedOut, "the session was lost");
    }
}

async fn write_until_end(
    node: &Node,
    handle: &SessionHandle,
    mut sender: impl Transmit,
) -> Result<(), Gone> {
    loop {
        // Read before the control messages, so that those queued before the end are sent.
        let ended = handle.ended();
        while let Some(bytes) = handle.take_control() {
            sender.control(bytes).await?;
        }
        if let Some(end) = ended {
            sender.close(end).await;
            return Ok(());
        }
        if let Some((member, side)) = handle.member() {
            while let Some(datagram) = node.hub.pop_datagram(member, side) {
                sender.datagram(&datagram).await?;
                if handle.is_urgent() {
                    break;
                }
            }
        }
        if !handle.is_urgent() {
            sender.idle(handle).await?;
        }
    }
}
