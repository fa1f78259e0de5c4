//! What is to be committed, by whom, and when.
//!
//! The present members, in the order of their leaves and turned by the epoch, take their turn: the
//! first at once, or for departures when they have been collected; each next one later by
//! [`Timing::fallback`], if nothing has happened by then. The turning spreads the work and fills
//! the tree. Two who act at once do no harm: one commit wins the epoch, the other member looks at
//! what is left to do.

use std::collections::BTreeMap;

use super::membership::Membership;
use super::restarting::turn;
use super::room::Room;
use super::types::{Now, Timing};
use crate::mls::admission::RefusedCertificate;
use crate::mls::commit_policy::MAX_ADDS;
use crate::mls::x509::CertificateError;

/// What waits to be committed, and what was.
#[derive(Default)]
pub(super) struct CommitSchedule {
    /// Participants who wait to be added.
    wanted: BTreeMap<u32, Wanted>,
    /// Users in the group who are not in the room, and since when.
    absent: BTreeMap<String, u64>,
    epoch_since: u64,
    rotate_since: Option<u64>,
    /// Not before, after a refusal.
    hold_until: u64,
    /// Commits refused by the delivery service, one after the other.
    refusals: u32,
    submitted: Option<Submitted>,
    /// Whether the KeyPackages of those who come along into a new group were claimed.
    stayers_claimed: bool,
}

struct Wanted {
    since: u64,
    claimed_at: Option<u64>,
    key_package: Option<Vec<u8>>,
    /// It is in the group, and is to come along into a new one.
    kept: bool,
}

/// A commit of ours that is with the delivery service.
pub(super) struct Submitted {
    pub(super) id: u64,
    pub(super) since: u64,
    /// Who is added, with their users.
    pub(super) added: BTreeMap<u32, String>,
}

/// What the schedule goes by. There is none without a group.
#[derive(Clone, Copy)]
pub(super) struct Situation<'a> {
    pub(super) epoch: u64,
    pub(super) membership: &'a Membership,
    pub(super) room: &'a Room,
    pub(super) timing: &'a Timing,
    /// We have parted from the group of the delivery service.
    pub(super) parted: bool,
    pub(super) way: Way,
}

/// How what is due gets done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// By a commit.
    Commit,
    /// By a new group, from then on.
    Replace { from: u64 },
    /// Not now: an attempt to come into the group has to end first.
    Wait,
}

/// What there is to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Task {
    /// This commit was not answered in time: we do not know what became of it.
    GiveUp(u64),
    /// These members are to be told.
    Tell(Vec<RefusedCertificate>),
    /// A KeyPackage of this participant is needed.
    Claim(u32),
    /// Our turn to commit.
    Commit,
    /// Our turn to begin a new group.
    Replace,
}

impl CommitSchedule {
    /// Somebody in the room wants to be added.
    pub(super) fn want(&mut self, now: u64, participant: u32) {
        if self.wanted.len() < MAX_WANTED {
            self.wanted
                .entry(participant)
                .or_insert_with(|| Wanted::new(now, false));
        }
    }

    /// Somebody is not to be added, or has been.
    pub(super) fn forget(&mut self, participant: u32) {
        self.wanted.remove(&participant);
    }

    /// Whether this participant waits to be added.
    pub(super) fn wants(&self, participant: u32) -> bool {
        self.wanted.contains_key(&participant)
    }

    /// The KeyPackage of somebody who waits has come, and its credential is taken.
    pub(super) fn claimed(&mut self, participant: u32, key_package: Vec<u8>) {
        if let Some(wanted) = self.wanted.get_mut(&participant) {
            wanted.key_package = Some(key_package);
        }
    }

    /// We are in the new group that we began, and all whose KeyPackages we have are to come.
    pub(super) fn take_along(&mut self) {
        self.wanted.retain(|_, wanted| wanted.key_package.is_some());
        for wanted in self.wanted.values_mut() {
            wanted.kept = false;
        }
    }

    /// There will be no new group.
    pub(super) fn forget_stayers(&mut self) {
        self.stayers_claimed = false;
        self.wanted.retain(|_, wanted| !wanted.kept);
    }

    /// Nobody waits any more, as far as we know.
    pub(super) fn forget_all(&mut self) {
        self.wanted.clear();
    }

    /// Users who have come into the group wait no longer.
    pub(super) fn settle(&mut self, added: &[String], room: &Room) {
        self.wanted.retain(|participant, _| {
            !room
                .user(*participant)
                .is_some_and(|user| added.iter().any(|it| it == user))
        });
    }

    /// New keys are wanted.
    pub(super) fn rotate(&mut self, now: u64) {
        self.rotate_since.get_or_insert(now);
    }

    /// An epoch begins, and with it new keys.
    pub(super) fn begin_epoch(&mut self, now: u64) {
        self.epoch_since = now;
        self.rotate_since = None;
        self.refusals = 0;
    }

    /// Whether this user is to be taken out.
    pub(super) fn is_departing(&self, user: &str) -> bool {
        self.absent.contains_key(user)
    }

    /// Our commit is with the delivery service.
    pub(super) fn submit(&mut self, submitted: Submitted) {
        self.submitted = Some(submitted);
    }

    /// Our commit, if it has this number. It is under way no longer.
    pub(super) fn take_submitted(&mut self, id: u64) -> Option<Submitted> {
        self.submitted.take_if(|own| own.id == id)
    }

    /// Our commit is given up.
    pub(super) fn drop_submitted(&mut self) {
        self.submitted = None;
    }

    /// Nothing is committed within this time.
    pub(super) fn hold(&mut self, now: u64, time: u64) {
        self.hold_until = now.saturating_add(time);
    }

    /// The delivery service does not take our commits: the next comes the later the more often.
    pub(super) fn refused(&mut self, now: u64, timing: &Timing) {
        self.hold(now, timing.catch_up << self.refusals.min(5));
        self.refusals += 1;
    }

    /// The participants to be added next, each with its KeyPackage: one for each user, the one who
    /// came last.
    pub(super) fn adds(&mut self, room: &Room) -> Vec<(u32, Vec<u8>)> {
        let mut newest = BTreeMap::new();
        for participant in self.wanted.keys() {
            if let Some(user) = room.user(*participant) {
                newest.insert(user, *participant);
            }
        }
        self.wanted.retain(|participant, _| {
            let user = room.user(*participant);
            user.is_some_and(|user| newest.get(user) == Some(participant))
        });
        self.wanted
            .iter()
            .filter_map(|(id, wanted)| Some((*id, wanted.key_package.clone()?)))
            .take(MAX_ADDS)
            .collect()
    }

    /// Since when there is something to commit.
    pub(super) fn due(&self, situation: &Situation<'_>) -> Option<u64> {
        let timing = situation.timing;
        let departures = self.absent.values().min();
        let departures = departures.map(|since| since.saturating_add(timing.departure_batch));
        let wanted = self.wanted.values().filter(|wanted| !wanted.kept);
        let adds = wanted.map(|wanted| wanted.since).min();
        let aged = self.epoch_since.saturating_add(timing.rotation);
        // For itself alone nobody begins a new group.
        let alone = situation.parted && situation.membership.members().len() < 2;
        let rotations = [self.rotate_since, Some(aged)];
        let rotations = rotations.into_iter().flatten().filter(|_| !alone);
        [departures, adds]
            .into_iter()
            .flatten()
            .chain(rotations)
            .min()
    }

    /// When to call [`Self::on_timeout`].
    pub(super) fn deadline(
        &self,
        timing: &Timing,
        situation: Option<&Situation<'_>>,
    ) -> Option<u64> {
        match &self.submitted {
            Some(own) => Some(own.since.saturating_add(timing.answer)),
            None => self.turn_at(situation?),
        }
    }

    /// When it is our turn to do what is due.
    fn turn_at(&self, situation: &Situation<'_>) -> Option<u64> {
        let rank = || {
            let departing = |user: &str| self.is_departing(user);
            situation
                .membership
                .rank(situation.epoch, situation.room, departing)
        };
        let (from, turn) = match situation.way {
            Way::Commit => (0, rank()?),
            Way::Replace { from } => (from, turn(rank()?)),
            Way::Wait => return None,
        };
        let wait = turn.saturating_mul(situation.timing.fallback);
        let turn = self.due(situation)?.max(from).saturating_add(wait);
        // Once the claims are out, it is they that are waited for.
        let claims = self
            .wanted
            .values()
            .filter(|wanted| wanted.key_package.is_none())
            .filter_map(|wanted| wanted.claimed_at)
            .map(|at| at.saturating_add(CLAIM_MICROS))
            .max();
        Some(turn.max(self.hold_until).max(claims.unwrap_or(0)))
    }

    /// What there is to do now, in this order.
    pub(super) fn on_timeout(
        &mut self,
        now: Now,
        timing: &Timing,
        situation: Option<&Situation<'_>>,
    ) -> Vec<Task> {
        if let Some(own) = &self.submitted {
            // Accepted or not, we were not told.
            let overdue = now.micros >= own.since.saturating_add(timing.answer);
            return if overdue {
                vec![Task::GiveUp(own.id)]
            } else {
                Vec::new()
            };
        }
        let Some(situation) = situation.filter(|situation| situation.way != Way::Wait) else {
            return Vec::new();
        };
        let mut tasks = Vec::new();
        let expired = self.notice_absences(now, situation);
        if !expired.is_empty() {
            tasks.push(Task::Tell(expired));
        }
        if self.turn_at(situation).is_none_or(|due| now.micros < due) {
            return tasks;
        }
        // Whoever is to be added has to be asked for first.
        if self.claim(now.micros, &mut tasks) {
            return tasks;
        }
        // A claim that nobody answered in time is given up.
        self.wanted.retain(|_, wanted| wanted.key_package.is_some());
        if situation.way == Way::Commit {
            tasks.push(Task::Commit);
            return tasks;
        }
        // Whoever waited may have turned out to be nobody whom we would add.
        if self.due(situation).is_some_and(|due| due <= now.micros) {
            self.want_stayers(now.micros, situation);
            if !self.claim(now.micros, &mut tasks) {
                tasks.push(Task::Replace);
            }
        }
        tasks
    }

    /// Claims the KeyPackages that are wanted and were not claimed before. Whether there were any.
    fn claim(&mut self, now: u64, tasks: &mut Vec<Task>) -> bool {
        let before = tasks.len();
        for (participant, wanted) in &mut self.wanted {
            if wanted.claimed_at.is_none() {
                wanted.claimed_at = Some(now);
                tasks.push(Task::Claim(*participant));
            }
        }
        tasks.len() > before
    }

    /// Wants those who are to come along into the new group; once.
    fn want_stayers(&mut self, now: u64, situation: &Situation<'_>) {
        if std::mem::replace(&mut self.stayers_claimed, true) {
            return;
        }
        let stayers = situation
            .room
            .peers()
            .filter(|(_, user)| situation.membership.others().any(|it| it.user == *user))
            .take(MAX_ADDS);
        for (participant, _) in stayers {
            self.wanted
                .entry(participant)
                .or_insert_with(|| Wanted::new(now, true));
        }
    }

    /// Notes who is to be taken out: whoever has left the room, and whoever's certificate has run
    /// out. Gives the latter.
    fn notice_absences(&mut self, now: Now, situation: &Situation<'_>) -> Vec<RefusedCertificate> {
        let members = situation.membership.members().iter();
        let expired: Vec<_> = members
            .filter(|member| member.expires.is_some_and(|at| now.unix_seconds >= at))
            .map(|member| (Some(member.user.clone()), CertificateError::Expired))
            .collect();
        let is_expired = |name: &str| {
            expired
                .iter()
                .any(|(user, _)| user.as_deref() == Some(name))
        };
        let absent: Vec<String> = situation
            .membership
            .others()
            .filter(|member| !situation.room.has(&member.user) || is_expired(&member.user))
            .map(|member| member.user.clone())
            .collect();
        self.absent.retain(|user, _| absent.contains(user));
        for user in absent {
            self.absent.entry(user).or_insert(now.micros);
        }
        expired
    }
}

impl Wanted {
    fn new(now: u64, kept: bool) -> Self {
        Self {
            since: now,
            claimed_at: None,
            key_package: None,
            kept,
        }
    }
}

/// How long an answer to a claim is waited for.
const CLAIM_MICROS: u64 = 500_000;

/// Most participants who wait to be added at a time; the others come in by themselves.
const MAX_WANTED: usize = 1024;

#[cfg(test)]
mod tests;
