//! Into the group: as its creator, by Welcome, by external commit; and back into it.

use mls_rs::Group;

use super::epochs::Came;
use super::{
    CommitRequest, Event, GroupSnapshot, KEY_PACKAGES, MlsSession, Now, OWN_PAUSE_MICROS, Output,
    Refused, Request, SMALL_TREE_BYTES, State, group,
};
use crate::mls::group::{Config, GroupError};

/// How far an attempt to enter has got.
pub(super) enum Entry {
    /// There is none.
    None,
    /// The group was asked for.
    Asked { since: u64, with_tree: bool },
    /// Somebody may add us until then.
    Waiting { until: u64 },
    /// Our commit, or our group, is with the delivery service.
    Submitted {
        id: u64,
        since: u64,
        group: Box<Group<Config>>,
        created: bool,
    },
    /// The next attempt is then.
    Pausing { until: u64 },
}

impl MlsSession {
    pub(super) fn joined_room(&mut self, now: Now, participant: u32, peers: Vec<(u32, String)>) {
        self.participant = Some(participant);
        self.peers = peers.into_iter().collect();
        self.disconnected();
        self.attempts = 0;
        self.uploaded = false;
        self.rejoin = self.group.is_some();
        self.set_state(if self.rejoin {
            State::Healing
        } else {
            State::Joining
        });
        self.ask(now, self.rejoin);
    }

    pub(super) fn disconnected(&mut self) {
        self.in_flight.clear();
        self.entry = Entry::None;
        self.ahead_since = None;
        self.part_no_more();
        self.drop_own_commit();
        self.work.forget_claims();
    }

    pub(super) fn upload_key_packages(&mut self, now: Now) {
        if !self.takes_ourselves(now) {
            return;
        }
        let made: Result<Vec<_>, _> = (0..KEY_PACKAGES)
            .map(|_| self.member.key_package(now.unix_seconds))
            .collect();
        match made {
            Ok(key_packages) => {
                self.uploaded = true;
                self.send(Request::KeyPackages(key_packages));
            }
            Err(error) => self.tell(Event::refused(Refused::Own, &error)),
        }
    }

    /// Our place in the group is lost or in doubt.
    pub(super) fn heal(&mut self, now: Now) {
        if self.group.is_some() {
            self.set_state(State::Healing);
        }
        self.ask(now, true);
    }

    /// The group may be ahead of us. Whether it is shows without its tree, which is large.
    pub(super) fn look(&mut self, now: Now) {
        self.ask(now, false);
    }

    /// Another group has taken the place of ours. Whoever began it adds us; if not, we come in by
    /// ourselves.
    pub(super) fn follow(&mut self, now: Now) {
        self.ahead_since = None;
        self.part_no_more();
        self.drop_own_commit();
        self.set_state(State::Healing);
        let until = now.micros.saturating_add(self.config.timing.catch_up);
        self.entry = Entry::Waiting { until };
    }

    fn ask(&mut self, now: Now, with_tree: bool) {
        self.ahead_since = None;
        if !self.takes_ourselves(now) {
            let until = now.micros.saturating_add(OWN_PAUSE_MICROS);
            self.entry = Entry::Pausing { until };
            return;
        }
        if self.group.is_none() && !self.uploaded {
            self.upload_key_packages(now);
        }
        self.entry = Entry::Asked {
            since: now.micros,
            with_tree,
        };
        self.send(Request::GetGroup { with_tree });
    }

    pub(super) fn got_group(&mut self, now: Now, snapshot: Option<GroupSnapshot>) {
        let Entry::Asked { with_tree, .. } = self.entry else {
            return;
        };
        let Some(snapshot) = snapshot else {
            return self.create(now, NO_EPOCH);
        };
        if !with_tree && self.group.is_none() {
            if self.peers.is_empty() {
                return self.ask(now, true);
            }
            let until = now.micros.saturating_add(self.config.timing.welcome_wait);
            self.entry = Entry::Waiting { until };
            return;
        }
        let Some((group_id, epoch)) = group::peek_group_info(&snapshot.group_info) else {
            self.parted.offered = Some((Vec::new(), snapshot.epoch));
            return self.entry_failed(now, &GroupError::Malformed, None);
        };
        if let Some(ours) = &self.group
            && ours.group_id() == group_id
            && epoch <= ours.current_epoch()
            && !(self.rejoin && epoch == ours.current_epoch())
        {
            // We missed nothing, or are shown an old state; a group does not go back.
            self.entry = Entry::None;
            self.attempts = 0;
            self.part_no_more();
            self.doubt_claims();
            self.set_state(State::InGroup);
            return;
        }
        if !with_tree {
            return self.heal(now);
        }
        self.parted.offered = Some((group_id, snapshot.epoch));
        let Some(tree) = &snapshot.ratchet_tree else {
            return self.entry_failed(now, &GroupError::NoTree, None);
        };
        let joined = self
            .member
            .join_externally(now.unix_seconds, &snapshot.group_info, tree);
        match joined.and_then(|(group, commit)| Ok((public_state(&group)?, group, commit))) {
            Ok(((group_info, ratchet_tree), group, commit)) => {
                let id = self.submit(CommitRequest {
                    epoch: snapshot.epoch,
                    commit,
                    group_info,
                    ratchet_tree,
                    welcomes: Vec::new(),
                    create: false,
                });
                self.submitted(now, id, group, false);
            }
            Err(error) => self.entry_failed(now, &error, Some(tree)),
        }
    }

    pub(super) fn create(&mut self, now: Now, replaced_epoch: u64) {
        let created = self.member.create(now.unix_seconds);
        match created.and_then(|group| Ok((public_state(&group)?, group))) {
            Ok(((group_info, ratchet_tree), group)) => {
                let id = self.submit(CommitRequest {
                    epoch: replaced_epoch,
                    commit: Vec::new(),
                    group_info,
                    ratchet_tree,
                    welcomes: Vec::new(),
                    create: true,
                });
                self.submitted(now, id, group, true);
            }
            Err(error) => self.not_now(now, Refused::Own, &error),
        }
    }

    fn submitted(&mut self, now: Now, id: u64, group: Group<Config>, created: bool) {
        self.entry = Entry::Submitted {
            id,
            since: now.micros,
            group: Box::new(group),
            created,
        };
    }

    /// The delivery service has answered a commit of ours, with the group's epoch; none is a
    /// refusal without an outcome.
    pub(super) fn answered(&mut self, now: Now, outcome: Option<(bool, u64)>) {
        let Some(answered) = self.in_flight.pop_front() else {
            return;
        };
        let accepted_into = outcome.and_then(|(accepted, epoch)| accepted.then_some(epoch));
        match std::mem::replace(&mut self.entry, Entry::None) {
            Entry::Submitted {
                id, group, created, ..
            } if id == answered => match (accepted_into, outcome) {
                (Some(epoch), _) if epoch == group.current_epoch() => {
                    self.entered(now, group, created);
                }
                (Some(_), _) => self.not_now(now, Refused::Group, &GroupError::Stale),
                (None, None) => {
                    if created && self.parted.since.is_some() {
                        self.parted.count_replacement(now.micros);
                    }
                    self.not_now(now, Refused::Group, &GroupError::Service);
                }
                // Its group has gone on meanwhile; a new one of somebody else's would have been
                // told before.
                (None, Some((_, epoch))) if created && self.parted.since.is_some() => {
                    self.parted.goes_on(epoch);
                    self.pause(now);
                }
                // Whoever created it adds us.
                (None, Some(_)) if created => self.ask(now, false),
                // Somebody was faster: that is no failure, and the pause is only there to spread
                // the crowd.
                (None, Some(_)) => self.pause_up_to(now, self.config.timing.backoff),
            },
            entry => {
                self.entry = entry;
                if self.work.is_submitted(answered) {
                    self.own_commit_answered(now, outcome.is_some(), accepted_into);
                } else if accepted_into.is_some() {
                    // We had given it up, and it has come to pass.
                    self.heal(now);
                }
            }
        }
    }

    pub(super) fn welcomed(&mut self, now: Now, epoch: u64, welcome: &[u8], tree: &[u8]) {
        let settled = self.state == State::InGroup && self.parted.since.is_none();
        if settled && self.epoch().is_some_and(|ours| epoch == ours + 1) {
            // Somebody who missed that we are in puts us in again, and takes our leaf out in the
            // same commit, which comes next.
            self.welcome_back = Some((epoch, welcome.to_vec(), tree.to_vec()));
        }
        if settled || self.state == State::Idle {
            return;
        }
        match self.member.join(now.unix_seconds, welcome, tree) {
            Ok(joined) if joined.current_epoch() == epoch => {
                self.entry = Entry::None;
                self.entered(now, Box::new(joined), false);
            }
            Ok(_) => self.tell(Event::refused(Refused::Welcome, &GroupError::Stale)),
            Err(error) => self.tell(Event::refused(Refused::Welcome, &error)),
        }
    }

    fn entered(&mut self, now: Now, group: Box<Group<Config>>, created: bool) {
        let replaces = self
            .group
            .as_ref()
            .is_some_and(|old| old.group_id() != group.group_id());
        if replaces {
            self.out.push_back(Output::Stop);
            self.parted.count_replacement(now.micros);
        }
        self.attempts = 0;
        self.rejoin = false;
        self.ahead_since = None;
        self.drop_own_commit();
        self.welcome_back = None;
        let takes_along = created && self.parted.since.is_some();
        if takes_along {
            self.work.take_along();
        } else {
            // Who among them has come in meanwhile is not known; whoever has not comes in by
            // itself.
            self.work.forget_claims();
        }
        self.part_no_more();
        self.group = Some(group);
        self.begin_epoch(now, None, Came::Unknown, replaces);
        if created && !takes_along {
            // They asked to be added when there was nobody to hear it.
            for participant in self.peers.keys() {
                self.work.want(now.micros, *participant);
            }
        }
        if !self.uploaded {
            self.upload_key_packages(now);
        }
    }

    /// The group that the delivery service has could not be joined.
    fn entry_failed(&mut self, now: Now, error: &GroupError, tree: Option<&[u8]>) {
        self.tell(Event::refused(Refused::Group, error));
        self.attempts = self.attempts.saturating_add(1);
        if self.group.is_some() {
            if self.attempts >= MAX_ATTEMPTS {
                self.part(now);
            }
        } else {
            let patience = self.patience(now, error, tree) * MAX_ATTEMPTS;
            if self.attempts >= patience && now.micros >= self.parted.replaces_from() {
                return self.replace(now);
            }
        }
        self.pause(now);
    }

    /// An attempt came to nothing that says nothing about the group.
    fn not_now(&mut self, now: Now, what: Refused, error: &GroupError) {
        self.tell(Event::refused(what, error));
        self.attempts = self.attempts.saturating_add(1);
        self.pause(now);
    }

    pub(super) fn group_refused(&mut self, now: Now) {
        if matches!(self.entry, Entry::Asked { .. }) {
            self.not_now(now, Refused::Group, &GroupError::Service);
        }
    }

    fn pause(&mut self, now: Now) {
        let longest = self.config.timing.backoff << self.attempts.min(16);
        let bound = if self.attempts < 2 * MAX_ATTEMPTS {
            MAX_PAUSE_MICROS
        } else {
            RARE_PAUSE_MICROS
        };
        self.pause_up_to(now, longest.min(bound));
    }

    fn pause_up_to(&mut self, now: Now, longest: u64) {
        let pause = longest / 2 + self.jitter(longest / 2);
        self.entry = Entry::Pausing {
            until: now.micros.saturating_add(pause),
        };
    }

    pub(super) fn entry_deadline(&self) -> Option<u64> {
        match &self.entry {
            Entry::None => None,
            Entry::Asked { since, .. } | Entry::Submitted { since, .. } => {
                Some(since.saturating_add(self.config.timing.answer))
            }
            Entry::Waiting { until } | Entry::Pausing { until } => Some(*until),
        }
    }

    pub(super) fn run_entry(&mut self, now: Now) {
        if self.entry_deadline().is_none_or(|at| now.micros < at) {
            return;
        }
        match self.entry {
            Entry::Submitted { id, .. } => {
                self.in_flight.retain(|other| *other != id);
                self.attempts = self.attempts.saturating_add(1);
            }
            Entry::Asked { .. } => {
                self.attempts = self.attempts.saturating_add(1);
                // What nobody answers is what nobody can be given.
                if self.attempts >= MAX_ATTEMPTS
                    && self.group.is_some()
                    && self.parted.offered.is_some()
                {
                    self.part(now);
                    return self.pause(now);
                }
            }
            Entry::None | Entry::Waiting { .. } | Entry::Pausing { .. } => {}
        }
        self.ask(now, true);
    }
}

/// GroupInfo of a group's epoch, and its tree if that is small.
fn public_state(group: &Group<Config>) -> Result<(Vec<u8>, Vec<u8>), GroupError> {
    let group_info = group.group_info_message_allowing_ext_commit(false)?;
    let tree = group.export_tree();
    let tree = if tree.byte_size() <= SMALL_TREE_BYTES {
        tree.to_bytes()?
    } else {
        Vec::new()
    };
    Ok((group_info.to_bytes()?, tree))
}

/// The epoch that a first group replaces: no group is ever in it, so of two who create one only the
/// first succeeds.
const NO_EPOCH: u64 = u64::MAX;

/// Attempts of a member to follow the group that is there before it goes on in the epoch that it is
/// in. Somebody who is in none has more patience before it begins another.
const MAX_ATTEMPTS: u32 = 5;

const MAX_PAUSE_MICROS: u64 = 5_000_000;

/// Between attempts that come after many have failed.
const RARE_PAUSE_MICROS: u64 = 30_000_000;
