//! Further ways for a participant's media into the gateway, and for reports back.
//!
//! Lanes are there because the path loses much: reports, NACKs and requests then come through on
//! one of several. One that nothing comes up on costs nothing: it is sent nothing.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use smrtc_engine::{time::Instant, wire::CloseCode};
use tokio::time::{Instant as TokioInstant, sleep_until};

use super::{
    ack_elicitation,
    node::Node,
    session::{Receive, Received, apply},
    session_handle::{SessionEnd, SessionHandle},
};
use crate::{
    forward::Datagram,
    hub::{Member, Side},
};

/// How often a lane looks whether its participant is still there.
const CHECK: Duration = Duration::from_secs(1);

/// What goes down the session goes down so many lanes as well.
const REPORTED_ON: usize = 3;

/// A lane so long without media is idle. Where four packets in five are lost, one that is used is
/// heard a few times a second.
const IDLE_AFTER: Duration = Duration::from_secs(2);

/// All lanes of a node.
#[derive(Debug, Default)]
pub(super) struct LaneBook(BTreeMap<Member, Vec<Lane>>);

#[derive(Debug)]
struct Lane {
    handle: Arc<SessionHandle>,
    used_until: Instant,
}

impl LaneBook {
    pub(super) fn add(&mut self, member: Member, handle: &Arc<SessionHandle>) {
        self.0.entry(member).or_default().push(Lane {
            handle: handle.clone(),
            used_until: Instant::ZERO,
        });
    }

    pub(super) fn remove(&mut self, member: Member, handle: &Arc<SessionHandle>) {
        if let Some(lanes) = self.0.get_mut(&member) {
            lanes.retain(|lane| !Arc::ptr_eq(&lane.handle, handle));
            if lanes.is_empty() {
                self.0.remove(&member);
            }
        }
    }

    /// Something came on a lane. Returns until when it counts as used.
    pub(super) fn hear(
        &mut self,
        now: Instant,
        member: Member,
        handle: &Arc<SessionHandle>,
    ) -> Instant {
        let used_until = now + IDLE_AFTER;
        let lanes = self.0.get_mut(&member).into_iter().flatten();
        for lane in lanes.filter(|lane| Arc::ptr_eq(&lane.handle, handle)) {
            lane.used_until = used_until;
        }
        used_until
    }

    /// Sends what goes to the participant's uplink down some of the lanes in use.
    pub(super) fn push(&self, now: Instant, member: Member, datagram: &Datagram) {
        let lanes = self.0.get(&member).into_iter().flatten();
        let used = lanes.filter(|lane| now < lane.used_until);
        for lane in used.take(REPORTED_ON) {
            lane.handle.send_if_room(datagram);
        }
    }

    /// Answers ([`ack_elicitation`]) on the lanes in use, on some now and on others the next time if they
    /// are many. `loss` is the share, 0 to 1, of what comes up that gets lost. Returns how many
    /// went out.
    pub(super) fn elicit_acks(&mut self, now: Instant, member: Member, loss: f64) -> usize {
        let Some(lanes) = self.0.get_mut(&member) else {
            return 0;
        };
        let at_once = ack_elicitation::lanes_at_once(loss).min(lanes.len());
        let mut answered = 0;
        let used = |lane: &&Lane| now < lane.used_until;
        for lane in lanes.iter().filter(used).take(at_once) {
            answered += usize::from(lane.handle.elicit_ack(loss));
        }
        lanes.rotate_left(at_once);
        answered
    }

    /// Takes back what [`Self::elicit_acks`] said of the path.
    pub(super) fn forget_loss(&self, member: Member) {
        for lane in self.0.get(&member).into_iter().flatten() {
            lane.handle.forget_loss();
        }
    }
}

/// Runs a lane. The end is `None` if the peer is gone.
pub(super) async fn run(
    node: &Node,
    remote: SocketAddr,
    handle: &Arc<SessionHandle>,
    receiver: &mut impl Receive,
    ticket: &[u8],
) -> Option<SessionEnd> {
    let Ok(member) = node.open_lane(handle, ticket) else {
        let end = SessionEnd {
            code: CloseCode::TicketInvalid,
            reason: "unknown attach ticket, or too many lanes",
        };
        node.refused(remote, end);
        return Some(end);
    };
    let mut batch = Vec::new();
    // What comes on lanes is reported in time, though nothing comes on the uplink itself.
    let mut used_until = Instant::ZERO;
    let mut check_at = TokioInstant::now() + CHECK;
    let end = loop {
        if let Some(end) = handle.ended() {
            break Some(end);
        }
        let report_by = node
            .clock
            .deadline(node.read_hub(|hub| hub.next_timeout(member)));
        let received = tokio::select! {
            biased;
            () = handle.read.notified() => continue,
            () = sleep_until(report_by), if node.clock.now() < used_until => {
                node.with_hub(|hub, now| hub.timeout(now, member));
                continue;
            }
            // The hub does not know this session, so it cannot end it with its participant's
            // others. Before what comes: somebody who has left must not hold a session by sending.
            () = sleep_until(check_at) => {
                if node.read_hub(|hub| hub.is_in(member)) {
                    check_at = TokioInstant::now() + CHECK;
                    continue;
                }
                break Some(SessionEnd { code: CloseCode::Left, reason: "the participant left" });
            }
            received = receiver.receive(&mut batch) => received,
        };
        match received {
            Received::Datagrams => {
                used_until = node.hear_lane(member, handle);
                apply(node, member, Side::Uplink, &mut batch);
            }
            Received::Control(_) => {
                break Some(SessionEnd {
                    code: CloseCode::Malformed,
                    reason: "a lane has no control stream",
                });
            }
            Received::Gone => break None,
            Received::Violation(code, reason) => break Some(SessionEnd { code, reason }),
        }
    };
    node.close_lane(member, handle);
    end
}
