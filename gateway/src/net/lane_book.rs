//! The lanes of each participant: further sessions that carry media to the gateway, and reports
//! back.
//!
//! A participant opens lanes where its path loses much: reports, NACKs and key-frame requests then
//! get through on one of several. The gateway sends nothing on a lane that no media comes on.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use smrtc_engine::time::Instant;

use super::{ack_elicitation, session_handle::SessionHandle};
use crate::{forward::Datagram, hub::Member};

/// A datagram to an uplink goes down so many of its lanes as well.
const REPORT_LANES: usize = 3;

/// A lane without media for so long is idle. With four packets in five lost, media still arrives a
/// few times a second on a lane in use.
const IDLE_AFTER: Duration = Duration::from_secs(2);

/// All lanes of a node.
#[derive(Debug, Default)]
pub(super) struct LaneBook(BTreeMap<Member, Vec<Lane>>);

/// One lane.
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

    /// Notes that something came on a lane. Returns until when the lane counts as used.
    pub(super) fn mark_used(
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

    /// Sends a datagram of the participant's uplink down some of the lanes in use.
    pub(super) fn send(&self, now: Instant, member: Member, datagram: &Datagram) {
        let lanes = self.0.get(&member).into_iter().flatten();
        let used = lanes.filter(|lane| now < lane.used_until);
        for lane in used.take(REPORT_LANES) {
            lane.handle.send_if_room(datagram);
        }
    }

    /// Sends datagrams that must be acknowledged ([`ack_elicitation`]) on some of the lanes in use,
    /// and on others the next time. `loss` is the share, 0 to 1, of the participant's packets that
    /// get lost. Returns how many were sent.
    pub(super) fn elicit_acks(&mut self, now: Instant, member: Member, loss: f64) -> usize {
        let Some(lanes) = self.0.get_mut(&member) else {
            return 0;
        };
        let at_once = ack_elicitation::lanes_at_once(loss).min(lanes.len());
        let mut sent = 0;
        let used = |lane: &&Lane| now < lane.used_until;
        for lane in lanes.iter().filter(used).take(at_once) {
            sent += usize::from(lane.handle.elicit_ack(loss));
        }
        lanes.rotate_left(at_once);
        sent
    }

    /// Takes back what [`Self::elicit_acks`] said of the path.
    pub(super) fn forget_loss(&self, member: Member) {
        for lane in self.0.get(&member).into_iter().flatten() {
            lane.handle.forget_loss();
        }
    }
}
