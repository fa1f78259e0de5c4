//! A participant's second session: media towards it, and its reports back.

use std::{net::SocketAddr, sync::Arc};

use smrtc_engine::wire::CloseCode;
use tokio::time::Instant;

use super::{
    event_loop::{self, EventHandler},
    transport::Receive,
};
use crate::{
    forward::Datagram,
    hub::{Member, Side},
    net::{node::Node, session_end::SessionEnd, session_handle::SessionHandle},
};

/// Runs a downlink. The end is `None` if the peer is gone.
pub(super) async fn run(
    node: &Node,
    remote: SocketAddr,
    handle: &Arc<SessionHandle>,
    receiver: &mut impl Receive,
    ticket: &[u8],
) -> Option<SessionEnd> {
    let Ok((member, attachment)) = node.hub.attach(handle, ticket) else {
        let end = SessionEnd::new(CloseCode::TicketInvalid, "unknown attach ticket");
        node.refused(remote, end);
        return Some(end);
    };
    let mut downlink = Downlink { node, member };
    let end = event_loop::run(handle, receiver, &mut downlink).await;
    node.hub.update(|hub, _| hub.detach(member, attachment));
    end
}

struct Downlink<'a> {
    node: &'a Node,
    member: Member,
}

impl EventHandler for Downlink<'_> {
    fn deadline(&self) -> Instant {
        let send_at = self.node.hub.read(|hub| hub.next_send(self.member));
        self.node.clock.deadline(send_at)
    }

    fn on_deadline(&mut self, _: &impl Receive) -> Result<(), SessionEnd> {
        self.node.hub.update(|hub, _| hub.send_due(self.member));
        Ok(())
    }

    fn on_control(&mut self, _: &[u8]) -> Result<(), SessionEnd> {
        let reason = "a downlink has no control stream";
        Err(SessionEnd::new(CloseCode::Malformed, reason))
    }

    fn on_datagrams(&mut self, batch: &mut Vec<Datagram>, receiver: &impl Receive) {
        let (hub, member) = (&self.node.hub, self.member);
        if let Some(rtt) = receiver.rtt() {
            hub.update(|hub, _| hub.set_rtt(member, Side::Downlink, rtt));
        }
        hub.receive(member, Side::Downlink, batch);
        if let Some(rate) = hub.read(|hub| hub.downlink_rate(member)) {
            receiver.set_media_rate(rate);
        }
    }
}
