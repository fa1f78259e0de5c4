//! Who is in the group, as its tree says, and what people compare to be sure of it.

use std::collections::{BTreeMap, BTreeSet};

use super::room::Room;
use super::types::RosterMember;
use crate::mls::signed_heartbeat::put_vector;

/// Everybody in the group, and the code of its epoch.
#[derive(Default)]
pub(super) struct Membership {
    /// In the order of leaves.
    members: Vec<RosterMember>,
    verification_code: Option<String>,
}

/// Who came into the group with an epoch, under a new leaf or an old one.
#[derive(Clone, Copy)]
pub(super) enum Arrivals<'a> {
    /// These users.
    Users(&'a [String]),
    /// We have come in ourselves, and cannot know.
    Unknown,
}

impl Arrivals<'_> {
    fn include(self, user: &str) -> bool {
        match self {
            Arrivals::Users(users) => users.iter().any(|it| it == user),
            Arrivals::Unknown => true,
        }
    }
}

/// How a group differs from what it was.
pub(super) struct Changes {
    /// New, or with a new key.
    pub(super) joined: Vec<RosterMember>,
    /// Gone, or with an old key.
    pub(super) left: Vec<RosterMember>,
    /// Leaves whose members came in with the epoch.
    pub(super) arrived: BTreeSet<u16>,
}

impl Membership {
    /// Everybody in the group.
    pub(super) fn members(&self) -> &[RosterMember] {
        &self.members
    }

    /// Everybody but us.
    pub(super) fn others(&self) -> impl Iterator<Item = &RosterMember> + Clone {
        self.members.iter().filter(|member| !member.own)
    }

    /// The code of this epoch.
    pub(super) fn verification_code(&self) -> Option<&str> {
        self.verification_code.as_deref()
    }

    /// The member who is on this leaf as this user with this key, if we knew it before.
    pub(super) fn known(&self, leaf: u16, user: &str, public_key: &[u8]) -> Option<&RosterMember> {
        self.members
            .binary_search_by_key(&leaf, |member| member.leaf_index)
            .ok()
            .map(|at| &self.members[at])
            .filter(|member| member.user == user && member.public_key == public_key)
    }

    /// A new epoch begins, with these members.
    pub(super) fn begin_epoch(
        &mut self,
        members: Vec<RosterMember>,
        arrivals: Arrivals<'_>,
    ) -> Changes {
        let before = std::mem::replace(&mut self.members, members);
        let missing_from = |list: &[RosterMember], of: &[RosterMember]| {
            of.iter()
                .filter(|one| !list.iter().any(|other| same(other, one)))
                .cloned()
                .collect::<Vec<_>>()
        };
        let joined = missing_from(&before, &self.members);
        let left = missing_from(&self.members, &before);
        let arrived = self
            .members
            .iter()
            .filter(|one| arrivals.include(&one.user) || joined.iter().any(|it| same(it, one)))
            .map(|one| one.leaf_index)
            .collect();
        Changes {
            joined,
            left,
            arrived,
        }
    }

    /// The code of the epoch that has begun.
    pub(super) fn set_verification_code(&mut self, code: String) {
        self.verification_code = Some(code);
    }

    /// We are in no group.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// How many of the members who are in the room come before us in turn: the first leaf by the
    /// epoch, for the turning spreads the work and fills the tree. Whoever is to be taken out has
    /// no turn.
    pub(super) fn rank(
        &self,
        epoch: u64,
        room: &Room,
        departing: impl Fn(&str) -> bool,
    ) -> Option<u64> {
        let present: Vec<_> = self
            .members
            .iter()
            .filter(|member| member.own || !departing(&member.user) && room.has(&member.user))
            .collect();
        let own = present.iter().position(|member| member.own)? as u64;
        let count = present.len() as u64;
        let first = epoch % count;
        Some((own + count - first) % count)
    }

    /// User of each leaf.
    pub(super) fn users_by_leaf(&self) -> BTreeMap<u16, String> {
        self.members
            .iter()
            .map(|member| (member.leaf_index, member.user.clone()))
            .collect()
    }

    /// `leaf index (4) ‖ user<V> ‖ public key<V>` of each member, in the order of leaves.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for member in &self.members {
            bytes.extend_from_slice(&u32::from(member.leaf_index).to_be_bytes());
            put_vector(&mut bytes, member.user.as_bytes());
            put_vector(&mut bytes, &member.public_key);
        }
        bytes
    }
}

/// Whether both are one member: on one leaf, as one user, with one key.
fn same(one: &RosterMember, other: &RosterMember) -> bool {
    one.leaf_index == other.leaf_index
        && one.user == other.user
        && one.public_key == other.public_key
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mls::session::tests::member;

    fn room(users: &[&str]) -> Room {
        let mut room = Room::default();
        room.enter((1..).zip(users.iter().map(|user| (*user).into())).collect());
        room
    }

    #[test]
    fn a_new_key_on_a_leaf_is_somebody_who_left_and_somebody_who_joined() {
        let mut group = Membership::default();
        group.begin_epoch(
            vec![member(0, "alice"), member(1, "bob")],
            Arrivals::Unknown,
        );
        let mut reloaded = member(1, "bob");
        reloaded.public_key = vec![7; 65];
        let changes = group.begin_epoch(
            vec![member(0, "alice"), reloaded.clone()],
            Arrivals::Users(&[]),
        );
        assert!(changes.joined == [reloaded] && changes.left == [member(1, "bob")]);
        assert_eq!(changes.arrived, BTreeSet::from([1]));
    }

    #[test]
    fn a_user_who_came_back_under_the_old_leaf_and_key_has_arrived_and_changed_nothing() {
        let mut group = Membership::default();
        let members = vec![member(0, "alice"), member(1, "bob")];
        group.begin_epoch(members.clone(), Arrivals::Unknown);
        let changes = group.begin_epoch(members, Arrivals::Users(&["bob".into()]));
        assert!(changes.joined.is_empty() && changes.left.is_empty());
        assert_eq!(changes.arrived, BTreeSet::from([1]));
    }

    #[test]
    fn the_turn_goes_round_by_the_epoch_and_passes_over_whoever_is_not_there() {
        let mut group = Membership::default();
        let mut us = member(2, "us");
        us.own = true;
        let members = vec![member(0, "alice"), member(1, "bob"), us, member(3, "carol")];
        group.begin_epoch(members, Arrivals::Unknown);
        let everybody = room(&["alice", "bob", "carol"]);
        let ranks = |room: &Room, departing: &str| {
            (0..5)
                .map(|epoch| group.rank(epoch, room, |user| user == departing).unwrap())
                .collect::<Vec<_>>()
        };
        assert_eq!(ranks(&everybody, ""), [2, 1, 0, 3, 2]);
        assert_eq!(ranks(&everybody, "bob"), [1, 0, 2, 1, 0]);
        assert_eq!(ranks(&room(&["alice", "carol"]), ""), [1, 0, 2, 1, 0]);
        assert_eq!(ranks(&room(&[]), ""), [0; 5]);
    }
}
