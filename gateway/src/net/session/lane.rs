//! A further session that only carries a participant's media; see [`crate::net::lane_book`].

use std::{net::SocketAddr, sync::Arc, time::Duration};

use smrtc_engine::{time::Instant, wire::CloseCode};
use tokio::time::Instant as TokioInstant;

use super::{
    event_loop::{self, EventHandler},
    transport::Receive,
};
use crate::{
    forward::Datagram,
    hub::{Member, Side},
    net::{node::Node, session_end::SessionEnd, session_handle::SessionHandle},
};

/// How often a lane looks whether its participant is still there.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// Runs a lane. The end is `None` if the peer is gone.
pub(super) async fn run(
    node: &Node,
    remote: SocketAddr,
    handle: &Arc<SessionHandle>,
    receiver: &mut impl Receive,
    ticket: &[u8],
) -> Option<SessionEnd> {
    let Ok(member) = node.hub.open_lane(handle, ticket) else {
        let reason = "unknown attach ticket, or too many lanes";
        let end = SessionEnd::new(CloseCode::TicketInvalid, reason);
        node.refused(remote, end);
        return Some(end);
    };
    let mut lane = Lane {
        node,
        handle,
        member,
        used_until: Instant::ZERO,
        check_at: TokioInstant::now() + CHECK_INTERVAL,
    };
    let end = event_loop::run(handle, receiver, &mut lane).await;
    node.hub.close_lane(member, handle);
    end
}

struct Lane<'a> {
    node: &'a Node,
    handle: &'a Arc<SessionHandle>,
    member: Member,
    /// Media came lately; the lane is in use until then.
    used_until: Instant,
    check_at: TokioInstant,
}

impl Lane<'_> {
    fn is_used(&self) -> bool {
        self.node.clock.now() < self.used_until
    }
}

impl EventHandler for Lane<'_> {
    fn deadline(&self) -> TokioInstant {
        if !self.is_used() {
            return self.check_at;
        }
        // Media on a lane is reported in time even if none comes on the uplink itself.
        let report_at = self.node.hub.read(|hub| hub.next_timeout(self.member));
        self.node.clock.deadline(report_at).min(self.check_at)
    }

    fn on_deadline(&mut self, _: &impl Receive) -> Result<(), SessionEnd> {
        let (hub, member) = (&self.node.hub, self.member);
        if self.is_used() {
            hub.update(|hub, now| {
                if hub.next_timeout(member) <= now {
                    hub.timeout(now, member);
                }
            });
        }
        // The hub does not know lanes, so it cannot end them when their participant leaves.
        let now = TokioInstant::now();
        if self.check_at <= now {
            if !hub.read(|hub| hub.is_in(member)) {
                return Err(SessionEnd::new(CloseCode::Left, "the participant left"));
            }
            self.check_at = now + CHECK_INTERVAL;
        }
        Ok(())
    }

    fn on_control(&mut self, _: &[u8]) -> Result<(), SessionEnd> {
        let reason = "a lane has no control stream";
        Err(SessionEnd::new(CloseCode::Malformed, reason))
    }

    fn on_datagrams(&mut self, batch: &mut Vec<Datagram>, _: &impl Receive) {
        self.used_until = self.node.hub.mark_lane_used(self.member, self.handle);
        self.node.hub.receive(self.member, Side::Uplink, batch);
    }
}
