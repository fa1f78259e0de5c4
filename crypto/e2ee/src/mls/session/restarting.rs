//! A group of the delivery service that we do not follow: our epoch goes on without it, and a new
//! group comes when one is needed.
//!
//! The delivery service orders commits and cannot check them. So it may hold an epoch that began
//! with a commit which members refuse: garbage, or the external commit of somebody whom their
//! policy does not take. Nobody in the epoch before has shared a secret with that commit's sender,
//! and its keys stay as good as they were: a refused commit alone is no reason to act. What cannot
//! be done any more in that epoch is to add, to remove and to rotate. Once one of these is due, a
//! new group is begun:
//!
//! - by a member, if more of the members whose heartbeats it knows have stayed in its epoch than
//!   have gone on. Whoever refuses alone what the others take is alone with its error, and ends
//!   nobody's group;
//! - with the KeyPackages of those who stayed already claimed, so that they are added by the first
//!   commit;
//! - the more rarely, the more often it was done.

use super::joining::Entry;
use super::{Event, MlsSession, Now, Refused, State};
use crate::mls::commit_policy::MAX_ADDS;
use crate::mls::group::GroupError;

#[derive(Default)]
pub(super) struct Parted {
    /// Since when we have given up to follow.
    pub(super) since: Option<u64>,
    /// Group and epoch that the delivery service offered last.
    pub(super) offered: Option<(Vec<u8>, u64)>,
    /// Whether KeyPackages of those who stay were claimed.
    claimed: bool,
    /// New groups in the place of live ones, seen or begun, without a long time of quiet in
    /// between.
    replacements: u32,
    last_replacement: u64,
}

impl Parted {
    /// Counts a group that took the place of a live one, or was meant to.
    pub(super) fn count_replacement(&mut self, now: u64) {
        if now.saturating_sub(self.last_replacement) >= QUIET_MICROS {
            self.replacements = 0;
        }
        self.replacements += 1;
        self.last_replacement = now;
    }

    /// The group that we do not follow is in another epoch by now: the one that a new group would
    /// have to replace.
    pub(super) fn goes_on(&mut self, epoch: u64) {
        if let Some((_, offered)) = &mut self.offered {
            *offered = epoch;
        }
    }

    /// Not before then is a live group replaced: at once for the first time, then after 10 s, 20 s
    /// and so on up to 5 min.
    pub(super) fn replaces_from(&self) -> u64 {
        match self.replacements.checked_sub(1) {
            None => 0,
            Some(earlier) => {
                let pause = FIRST_PAUSE_MICROS << earlier.min(5);
                self.last_replacement
                    .saturating_add(pause.min(LONGEST_PAUSE_MICROS))
            }
        }
    }
}

impl MlsSession {
    /// The group that the delivery service has is not ours to follow.
    pub(super) fn part(&mut self, now: Now) {
        if self.parted.since.is_none() {
            self.parted.since = Some(now.micros);
            self.tell(Event::refused(Refused::Group, &GroupError::Parted));
            // Where we are, for those who want to know with whom to go on.
            self.beat_soon(now);
        }
    }

    /// We follow again, or have no group.
    pub(super) fn part_no_more(&mut self) {
        self.parted.since = None;
        self.parted.offered = None;
        self.parted.claimed = false;
        self.work.forget_kept();
    }

    /// Whether what there is to do is done by a new group, and from when on; none if the entry has
    /// to come to an end first.
    pub(super) fn replaces_when_due(&self) -> Option<u64> {
        let since = self.parted.since?;
        let settled = matches!(self.entry, Entry::Pausing { .. }) && self.most_have_stayed();
        let from = since.saturating_add(GRACE_MICROS);
        settled.then(|| from.max(self.parted.replaces_from()))
    }

    /// While we are on our own: in the group, if it is the others who have gone astray.
    pub(super) fn run_parted(&mut self) {
        if self.parted.since.is_some() && matches!(self.entry, Entry::Pausing { .. }) {
            self.set_state(if self.most_have_stayed() {
                State::InGroup
            } else {
                State::Healing
            });
        }
    }

    /// Wants those who are to come along into the new group; once.
    pub(super) fn keep_stayers(&mut self, now: Now) {
        if std::mem::replace(&mut self.parted.claimed, true) {
            return;
        }
        let (peers, roster) = (&self.peers, &self.roster);
        let stayers: Vec<u32> = peers
            .iter()
            .filter(|(_, user)| roster.iter().any(|it| !it.own && it.user == **user))
            .map(|(participant, _)| *participant)
            .take(MAX_ADDS)
            .collect();
        for participant in stayers {
            self.work.keep(now.micros, participant);
        }
    }

    /// Begins a new group in the place of the one that the delivery service has.
    pub(super) fn replace(&mut self, now: Now) {
        let Some((_, epoch)) = self.parted.offered else {
            return;
        };
        if self.group.is_none() {
            self.parted.count_replacement(now.micros);
        }
        self.create(now, epoch);
    }

    /// How much patience somebody in no group has before it replaces the one that is there. Those
    /// who are in it have the first word, if there is anybody. It has most if it is our view alone
    /// that refuses the group, and others of our kind seem to be in it: they may not follow us. Yet
    /// one whom we refuse may have added them without their coming.
    pub(super) fn patience(&self, now: Now, error: &GroupError, tree: Option<&[u8]>) -> u32 {
        if self.peers.is_empty() {
            return 1;
        }
        let present = |user: &str| self.is_present(user);
        let admitted = !error.is_other_room();
        let ours = tree.is_some_and(|tree| {
            self.member
                .has_one_of(now.unix_seconds, tree, &present, admitted)
        });
        if error.is_our_view() && ours { 3 } else { 2 }
    }
}

/// Whose turn it is to begin a new group, of those who come after so many others: in a large room
/// many may not do so, and it must not take long until somebody acts who may. They come two and
/// more at a time, for one will do.
pub(super) fn turn(rank: u64) -> u64 {
    if rank < TURNS {
        rank
    } else {
        TURNS + rank % TURNS
    }
}

const TURNS: u64 = 32;

/// How long those who stay have to say so.
const GRACE_MICROS: u64 = 2_000_000;

/// Between the first and the second time that a live group is replaced; twice as long each time.
const FIRST_PAUSE_MICROS: u64 = 10_000_000;

const LONGEST_PAUSE_MICROS: u64 = 300_000_000;

/// After so long without a replacement the next is the first again.
const QUIET_MICROS: u64 = 1_200_000_000;
