//! Heartbeats: which members agree with our epoch, which do not, and which are silent.
//!
//! Ours are due at intervals, and tell others where we are. Those of others come with the name
//! under which the gateway passes them on; a signature says whether they are genuine.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::membership::Membership;
use super::types::RosterMember;
use crate::mls::shared_rng::SharedRng;
use crate::mls::signed_heartbeat::{Heartbeat, TAG_BYTES};
use crate::mls::suite::Suite;

/// What was said and heard in this epoch and in those shortly before.
#[derive(Default)]
pub(super) struct Heartbeats {
    group_id: Vec<u8>,
    /// Of ours; it grows for as long as the session lives.
    count: u64,
    next_at: Option<u64>,
    /// Epoch and tag of the last epochs, newest last.
    tags: VecDeque<(u64, [u8; TAG_BYTES])>,
    /// What is known of each leaf since its member came in.
    heard: BTreeMap<u16, Heard>,
    /// Leaves whose claim to be ahead of us has shown as false in this epoch.
    doubted: BTreeSet<u16>,
    /// Users told as confirmed, and as split, in this epoch.
    confirmed: BTreeSet<String>,
    split: BTreeSet<String>,
    /// Members told as silent, until it changes.
    silent: Vec<String>,
}

/// What was heard of a leaf.
struct Heard {
    /// The epoch with which its member came in, as far as we know. What was said before is another
    /// session's.
    entered: u64,
    /// The greatest count.
    count: u64,
    /// When that came.
    at: u64,
    place: Place,
}

/// Where a member said that it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Unknown,
    /// In our epoch.
    Here,
    /// In a later one, another of the same number, or another group.
    Elsewhere,
}

/// An epoch that begins.
pub(super) struct NewEpoch<'a> {
    pub(super) group_id: Vec<u8>,
    pub(super) epoch: u64,
    pub(super) tag: [u8; TAG_BYTES],
    pub(super) membership: &'a Membership,
    /// Leaves whose members came in with it.
    pub(super) arrived: &'a BTreeSet<u16>,
    /// Whether its group takes the place of another.
    pub(super) replaces: bool,
}

/// A heartbeat that came.
#[derive(Clone, Copy)]
pub(super) struct Received<'a> {
    /// The user as whom the gateway passes it on.
    pub(super) user: &'a str,
    pub(super) bytes: &'a [u8],
    /// The group that the delivery service has, if it is one that we cannot follow.
    pub(super) other_group: Option<&'a [u8]>,
}

/// What follows from a heartbeat of somebody else.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Finding {
    /// It agrees with our epoch, for the first time in it.
    Confirmed,
    /// It names other secrets for this epoch of ours, for the first time in the present one.
    Split(u64),
    /// It says that the group is ahead of us.
    Ahead,
}

/// What is due.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Due {
    /// To be signed for the group of [`Heartbeats::group_id`], and sent to all.
    pub(super) heartbeat: Heartbeat,
    /// Those who have been silent for long, if they are others than were told.
    pub(super) silent: Option<Vec<String>>,
}

impl Heartbeats {
    /// The next heartbeat follows soon, at a time that is not the same for all.
    pub(super) fn begin_epoch(&mut self, now: u64, new: NewEpoch<'_>, rng: &mut SharedRng) {
        if new.replaces || self.group_id != new.group_id {
            *self = Self {
                group_id: new.group_id,
                count: self.count,
                ..Self::default()
            };
        }
        self.next_at = Some(now.saturating_add(rng.below(FIRST_MICROS)));
        self.tags.push_back((new.epoch, new.tag));
        while self.tags.len() > KEPT_TAGS {
            self.tags.pop_front();
        }
        self.confirmed.clear();
        self.split.clear();
        self.doubted.clear();
        let leaves = new.membership.members().iter().map(|it| it.leaf_index);
        let present: BTreeSet<_> = leaves.collect();
        // Who came in under an old leaf begins anew, like the others who are new.
        self.heard
            .retain(|leaf, _| present.contains(leaf) && !new.arrived.contains(leaf));
        for heard in self.heard.values_mut() {
            heard.place = Place::Unknown;
        }
        for leaf in present {
            // A new member's silence counts from now.
            self.heard.entry(leaf).or_insert(Heard {
                entered: new.epoch,
                count: 0,
                at: now,
                place: Place::Unknown,
            });
        }
    }

    /// The group for which heartbeats are signed.
    pub(super) fn group_id(&self) -> &[u8] {
        &self.group_id
    }

    /// The next heartbeat goes out at once.
    pub(super) fn send_soon(&mut self, now: u64) {
        self.next_at = Some(now);
    }

    /// Whether more of the members who are there have stayed in our epoch than have left it, as
    /// they say and we for ourselves. `others` are the leaves of the others who are there.
    pub(super) fn most_have_stayed(&self, others: impl Iterator<Item = u16>) -> bool {
        let (mut here, mut elsewhere) = (1, 0);
        for leaf in others {
            match self.heard.get(&leaf).map(|it| it.place) {
                Some(Place::Here) => here += 1,
                Some(Place::Elsewhere) => elsewhere += 1,
                Some(Place::Unknown) | None => {}
            }
        }
        here > elsewhere
    }

    /// The group was looked at, and nobody is ahead of us: whoever claimed to be makes us look no
    /// more in this epoch.
    pub(super) fn doubt_claims(&mut self) {
        for (leaf, heard) in &mut self.heard {
            if heard.place == Place::Elsewhere {
                heard.place = Place::Unknown;
                self.doubted.insert(*leaf);
            }
        }
    }

    /// When the next heartbeat of ours is due.
    pub(super) fn deadline(&self) -> Option<u64> {
        self.next_at
    }

    /// The heartbeat that is due, if one is. `shortest` is the least time between two.
    pub(super) fn on_timeout(
        &mut self,
        now: u64,
        shortest: u64,
        membership: &Membership,
        rng: &mut SharedRng,
    ) -> Option<Due> {
        if self.next_at.is_none_or(|at| now < at) {
            return None;
        }
        let members = membership.members();
        let period = shortest.max(MICROS_PER_MEMBER.saturating_mul(members.len() as u64));
        // An eighth earlier or later, so that not all come at once.
        let pause = period - period / 8 + rng.below(period / 4);
        self.next_at = Some(now.saturating_add(pause));
        let own = members.iter().find(|member| member.own)?;
        let (epoch, tag) = self.tags.back().copied()?;
        // Last: whom it finds silent it takes for told.
        let silent = self.silent_for(now, period.saturating_mul(SILENT_PERIODS), membership);
        self.count += 1;
        let heartbeat = Heartbeat {
            leaf: own.leaf_index.into(),
            epoch,
            count: self.count,
            tag,
        };
        Some(Due { heartbeat, silent })
    }

    /// Those of whom nothing came for `longest`, if they are others than the last time.
    fn silent_for(
        &mut self,
        now: u64,
        longest: u64,
        membership: &Membership,
    ) -> Option<Vec<String>> {
        let silent: Vec<String> = membership
            .others()
            .filter(|member| {
                let heard = self.heard.get(&member.leaf_index);
                heard.is_some_and(|heard| now.saturating_sub(heard.at) > longest)
            })
            .map(|member| member.user.clone())
            .collect();
        let changed = silent != self.silent;
        changed.then(|| {
            self.silent.clone_from(&silent);
            silent
        })
    }

    /// Takes a heartbeat of somebody else. One that is not genuine, or old, says nothing.
    pub(super) fn on_received(
        &mut self,
        now: u64,
        suite: Suite,
        membership: &Membership,
        received: Received<'_>,
    ) -> Option<Finding> {
        let (heartbeat, signature) = Heartbeat::parse(received.bytes)?;
        let verifies = |group_id: &[u8], member: &RosterMember| {
            heartbeat
                .verify(suite, group_id, &member.public_key, signature)
                .is_ok()
        };
        // A key of this group, and the user as whom the gateway passes it on.
        let mut others = membership
            .others()
            .filter(|member| member.user == received.user);
        let ours = others
            .clone()
            .find(|member| u32::from(member.leaf_index) == heartbeat.leaf)
            .filter(|member| verifies(&self.group_id, member));
        if let Some(member) = ours {
            return self.said_in_our_group(now, member.leaf_index, &heartbeat, received.user);
        }
        // Or of a member of ours who is in the group that we cannot follow.
        let group_id = received.other_group?;
        let member = others.find(|member| verifies(group_id, member))?;
        let heard = self.heard.get_mut(&member.leaf_index)?;
        if heartbeat.count > heard.count {
            (heard.count, heard.at) = (heartbeat.count, now);
            heard.place = Place::Elsewhere;
        }
        None
    }

    /// A genuine heartbeat of the member on `leaf`.
    fn said_in_our_group(
        &mut self,
        now: u64,
        leaf: u16,
        heartbeat: &Heartbeat,
        user: &str,
    ) -> Option<Finding> {
        let heard = self.heard.get_mut(&leaf)?;
        // One that was heard before, or of an earlier session under this leaf.
        if heartbeat.count <= heard.count || heartbeat.epoch < heard.entered {
            return None;
        }
        (heard.count, heard.at) = (heartbeat.count, now);
        let (present, _) = *self.tags.back()?;
        let known = self
            .tags
            .iter()
            .find(|(epoch, _)| *epoch == heartbeat.epoch);
        match known {
            Some((epoch, tag)) if *tag != heartbeat.tag => {
                heard.place = Place::Elsewhere;
                let first = self.split.insert(user.to_owned());
                first.then_some(Finding::Split(*epoch))
            }
            Some((epoch, _)) if *epoch == present => {
                heard.place = Place::Here;
                let first = self.confirmed.insert(user.to_owned());
                first.then_some(Finding::Confirmed)
            }
            _ if heartbeat.epoch > present => {
                heard.place = Place::Elsewhere;
                let believed = !self.doubted.contains(&leaf);
                believed.then_some(Finding::Ahead)
            }
            // Of an epoch that is over: it lags, and says no more.
            _ => None,
        }
    }
}

/// The first heartbeat of an epoch comes within this time.
const FIRST_MICROS: u64 = 1_000_000;

/// At five heartbeats a second for the whole group, however large.
const MICROS_PER_MEMBER: u64 = 200_000;

/// Periods of silence that are told.
const SILENT_PERIODS: u64 = 3;

/// Epochs whose tags are kept, for heartbeats of those who lag.
const KEPT_TAGS: usize = 8;

#[cfg(test)]
mod tests;
