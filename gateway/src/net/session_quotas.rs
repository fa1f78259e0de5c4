//! How many of a node's sessions one user or participant may have at a time.

use std::collections::BTreeMap;

use smrtc_engine::wire::CloseCode;

use super::{admission::Admission, session_end::SessionEnd};

/// Uplinks of one user in one room at a time, in the room or about to join. A page has one; if it
/// reconnects again and again, its earlier ones take some seconds to end.
const UPLINKS: usize = 16;

/// Downlinks of one participant. Each new one ends the one before, which takes a moment.
const DOWNLINKS: usize = 4;

/// Lanes of one participant: some more than the hub lets in, for those that are about to end. All
/// lanes together get half of a node's sessions, since a call goes on with fewer lanes.
const LANES: usize = 80;

/// The quota that a session counts towards.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum QuotaKey {
    /// A user's uplinks in a room.
    Uplink { room: String, user: String },
    /// The downlinks of the participant who was given this ticket.
    Downlink(Vec<u8>),
    /// The lanes of the participant who was given this ticket.
    Lane(Vec<u8>),
}

/// Sessions of a node by quota.
#[derive(Debug, Default)]
pub(super) struct SessionQuotas {
    taken: BTreeMap<QuotaKey, usize>,
    lanes: usize,
}

impl SessionQuotas {
    /// Counts a session in. `max_sessions` is the limit of the node.
    ///
    /// # Errors
    ///
    /// If the quota is used up.
    pub(super) fn take(
        &mut self,
        admission: &Admission,
        max_sessions: usize,
    ) -> Result<QuotaKey, SessionEnd> {
        let (quota, most) = match admission {
            Admission::Uplink(permissions) => {
                let (room, user) = (permissions.room().into(), permissions.user().into());
                (QuotaKey::Uplink { room, user }, UPLINKS)
            }
            Admission::Downlink(ticket) => (QuotaKey::Downlink(ticket.clone()), DOWNLINKS),
            Admission::Lane(ticket) => (QuotaKey::Lane(ticket.clone()), LANES),
        };
        let is_lane = matches!(quota, QuotaKey::Lane(_));
        let taken = self.taken.get(&quota).copied().unwrap_or(0);
        if taken >= most || is_lane && self.lanes >= max_sessions / 2 {
            let reason = "too many sessions of this user, or lanes of all";
            return Err(SessionEnd::new(CloseCode::Unavailable, reason));
        }
        self.taken.insert(quota.clone(), taken + 1);
        self.lanes += usize::from(is_lane);
        Ok(quota)
    }

    /// Counts a session out.
    pub(super) fn give_back(&mut self, quota: &QuotaKey) {
        let Some(taken) = self.taken.get_mut(quota) else {
            return;
        };
        *taken -= 1;
        if *taken == 0 {
            self.taken.remove(quota);
        }
        self.lanes -= usize::from(matches!(quota, QuotaKey::Lane(_)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::{Permissions, Role};

    fn uplink(user: &str) -> Admission {
        Admission::Uplink(Permissions::for_test("room", user, Role::Anchor))
    }

    /// How many more of a kind are let in.
    fn fits(quotas: &mut SessionQuotas, admission: &Admission) -> Vec<QuotaKey> {
        let take = || quotas.take(admission, 200).ok();
        std::iter::from_fn(take).take(1_000).collect()
    }

    #[test]
    fn one_user_cannot_take_the_places_of_others() {
        let mut quotas = SessionQuotas::default();
        let of_ada = fits(&mut quotas, &uplink("ada"));
        assert_eq!(of_ada.len(), UPLINKS);
        assert_eq!(fits(&mut quotas, &uplink("bob")).len(), UPLINKS);
        quotas.give_back(&of_ada[0]);
        assert_eq!(fits(&mut quotas, &uplink("ada")).len(), 1);

        let ticket = |of: u8| vec![of; 32];
        let downlink = Admission::Downlink(ticket(1));
        assert_eq!(fits(&mut quotas, &downlink).len(), DOWNLINKS);
        let of_one = fits(&mut quotas, &Admission::Lane(ticket(1)));
        assert_eq!(of_one.len(), LANES);
        let of_two = fits(&mut quotas, &Admission::Lane(ticket(2)));
        assert_eq!(of_two.len(), 100 - LANES, "half of 200 in all");

        for quota in of_ada[1..].iter().chain(&of_one).chain(&of_two) {
            quotas.give_back(quota);
        }
        assert_eq!(quotas.lanes, 0);
        assert_eq!(fits(&mut quotas, &Admission::Lane(ticket(2))).len(), LANES);
        assert!(!quotas.taken.contains_key(&QuotaKey::Lane(ticket(1))));
    }
}
