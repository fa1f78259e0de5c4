//! Nobody takes more than a share of the sessions that a node has room for.

use std::collections::BTreeMap;

use smrtc_engine::wire::CloseCode;

use super::{admission::Admission, session_handle::SessionEnd};

/// Uplinks of one user in one room at a time, in the room or about to join. A page has one; where
/// it connects again and again, those before it take some seconds to end.
const UPLINKS: usize = 16;

/// Downlinks of one participant; each ends the one before, which takes a moment.
const DOWNLINKS: usize = 4;

/// Lanes of one participant, some more than the hub lets in, for those that are about to end. All
/// lanes together get half of a node's sessions: a call goes on with fewer.
const LANES: usize = 80;

/// What a session counts as.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum QuotaKey {
    /// Of a user of a room.
    Uplink { room: String, user: String },
    /// Of whoever was given this ticket.
    Downlink(Vec<u8>),
    /// The same.
    Lane(Vec<u8>),
}

/// The sessions of a node by whose they are.
#[derive(Debug, Default)]
pub(super) struct SessionQuotas {
    taken: BTreeMap<QuotaKey, usize>,
    lanes: usize,
}

impl SessionQuotas {
    /// Counts a session in, of `max_sessions` that there are at most.
    pub(super) fn take(
        &mut self,
        admission: &Admission,
        max_sessions: usize,
    ) -> Result<QuotaKey, SessionEnd> {
        let (share, most) = match admission {
            Admission::Uplink(permissions) => {
                let (room, user) = (permissions.room().into(), permissions.user().into());
                (QuotaKey::Uplink { room, user }, UPLINKS)
            }
            Admission::Downlink(ticket) => (QuotaKey::Downlink(ticket.clone()), DOWNLINKS),
            Admission::Lane(ticket) => (QuotaKey::Lane(ticket.clone()), LANES),
        };
        let is_lane = matches!(share, QuotaKey::Lane(_));
        let taken = self.taken.get(&share).copied().unwrap_or(0);
        if taken >= most || is_lane && self.lanes >= max_sessions / 2 {
            return Err(SessionEnd {
                code: CloseCode::Unavailable,
                reason: "too many sessions of this user, or lanes of all",
            });
        }
        self.taken.insert(share.clone(), taken + 1);
        self.lanes += usize::from(is_lane);
        Ok(share)
    }

    /// Counts it out.
    pub(super) fn give_back(&mut self, share: &QuotaKey) {
        let Some(taken) = self.taken.get_mut(share) else {
            return;
        };
        *taken -= 1;
        if *taken == 0 {
            self.taken.remove(share);
        }
        self.lanes -= usize::from(matches!(share, QuotaKey::Lane(_)));
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
    fn fits(shares: &mut SessionQuotas, admission: &Admission) -> Vec<QuotaKey> {
        let take = || shares.take(admission, 200).ok();
        std::iter::from_fn(take).take(1_000).collect()
    }

    #[test]
    fn one_user_leaves_the_others_their_places() {
        let mut shares = SessionQuotas::default();
        let of_ada = fits(&mut shares, &uplink("ada"));
        assert_eq!(of_ada.len(), UPLINKS);
        assert_eq!(fits(&mut shares, &uplink("bob")).len(), UPLINKS);
        shares.give_back(&of_ada[0]);
        assert_eq!(fits(&mut shares, &uplink("ada")).len(), 1);

        let ticket = |of: u8| vec![of; 32];
        let downlink = Admission::Downlink(ticket(1));
        assert_eq!(fits(&mut shares, &downlink).len(), DOWNLINKS);
        let of_one = fits(&mut shares, &Admission::Lane(ticket(1)));
        assert_eq!(of_one.len(), LANES);
        let of_two = fits(&mut shares, &Admission::Lane(ticket(2)));
        assert_eq!(of_two.len(), 100 - LANES, "half of 200 in all");

        for share in of_ada[1..].iter().chain(&of_one).chain(&of_two) {
            shares.give_back(share);
        }
        assert_eq!(shares.lanes, 0);
        assert_eq!(fits(&mut shares, &Admission::Lane(ticket(2))).len(), LANES);
        assert!(!shares.taken.contains_key(&QuotaKey::Lane(ticket(1))));
    }
}
