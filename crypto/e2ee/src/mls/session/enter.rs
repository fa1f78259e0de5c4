//! Into the group: as its creator, by Welcome, by external commit; and back into it.

use mls_rs::Group;

use super::{
    CommitRequest, Event, GroupSnapshot, KEY_PACKAGES, MlsSession, Now, Output, Refused, Request,
    SMALL_TREE_BYTES, State, group,
};
use crate::mls::group::{Config, GroupError};

/// How far an attempt to enter has got.
pub(super) enum Entry {
    /// There is none.
    None,
    /// The group was asked for; `rejoin` if our place in it is to be made anew in any case.
    Asked {
        since: u64,
        with_tree: bool,
        rejoin: bool,
    },
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
        let rejoin = self.group.is_some();
        self.set_state(if rejoin {
            State::Healing
        } else {
            State::Joining
        });
        if !rejoin {
            self.upload_key_packages(now);
        }
        self.ask(now, rejoin, rejoin);
    }

    pub(super) fn disconnected(&mut self) {
        self.in_flight.clear();
        self.entry = Entry::None;
        self.ahead_since = None;
        self.drop_own_commit();
        self.work.forget_claims();
    }

    pub(super) fn upload_key_packages(&mut self, now: Now) {
        let made: Result<Vec<_>, _> = (0..KEY_PACKAGES)
            .map(|_| self.member.key_package(now.unix_seconds))
            .collect();
        match made {
            Ok(key_packages) => self.send(Request::KeyPackages(key_packages)),
            Err(error) => self.tell(Event::refused(Refused::Own, &error)),
        }
    }

    /// Our place in the group is lost or in doubt.
    pub(super) fn heal(&mut self, now: Now) {
        if self.group.is_some() {
            self.set_state(State::Healing);
        }
        self.ask(now, true, false);
    }

    fn ask(&mut self, now: Now, with_tree: bool, rejoin: bool) {
        self.ahead_since = None;
        self.entry = Entry::Asked {
            since: now.micros,
            with_tree,
            rejoin,
        };
        self.send(Request::GetGroup { with_tree });
    }

    pub(super) fn got_group(&mut self, now: Now, snapshot: Option<GroupSnapshot>) {
        let Entry::Asked {
            with_tree, rejoin, ..
        } = self.entry
        else {
            return;
        };
        let Some(snapshot) = snapshot else {
            return self.create(now, NO_EPOCH);
        };
        if !with_tree {
            if self.peers.is_empty() {
                return self.ask(now, true, rejoin);
            }
            let until = now.micros.saturating_add(self.config.timing.welcome_wait);
            self.entry = Entry::Waiting { until };
            return;
        }
        let Some((group_id, epoch)) = group::peek_group_info(&snapshot.group_info) else {
            return self.entry_failed(now, Refused::Group, &GroupError::Malformed, snapshot.epoch);
        };
        if let Some(ours) = &self.group
            && ours.group_id() == group_id
            && epoch <= ours.current_epoch()
            && !(rejoin && epoch == ours.current_epoch())
        {
            // We missed nothing, or are shown an old state; a group does not go back.
            self.entry = Entry::None;
            self.attempts = 0;
            self.set_state(State::InGroup);
            return;
        }
        let Some(tree) = &snapshot.ratchet_tree else {
            return self.pause(now);
        };
        let joined = self.member.join_externally(
            now.unix_seconds,
            &snapshot.group_info,
            tree,
            self.config.identity.user(),
        );
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
            Err(error) => self.entry_failed(now, Refused::Group, &error, snapshot.epoch),
        }
    }

    fn create(&mut self, now: Now, replaced_epoch: u64) {
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
            Err(error) => {
                self.tell(Event::refused(Refused::Own, &error));
                self.pause(now);
            }
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

    /// The delivery service has answered a commit of ours, with the group's epoch; none is a refusal without an outcome.
    pub(super) fn answered(&mut self, now: Now, outcome: Option<(bool, u64)>) {
        let Some(answered) = self.in_flight.pop_front() else {
            return;
        };
        let accepted_into = outcome.and_then(|(accepted, epoch)| accepted.then_some(epoch));
        match std::mem::replace(&mut self.entry, Entry::None) {
            Entry::Submitted {
                id, group, created, ..
            } if id == answered => match accepted_into {
                Some(epoch) if epoch == group.current_epoch() => {
                    self.entered(now, group);
                    if created {
                        // They asked to be added when there was nobody to hear it.
                        for participant in self.peers.keys() {
                            self.work.want(now.micros, *participant);
                        }
                    }
                }
                Some(_) => self.heal(now),
                // Whoever created it adds us.
                None if created && outcome.is_some() => self.ask(now, false, false),
                // Somebody was faster: that is no failure, and the pause is only there to spread the crowd.
                None => self.pause(now),
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
        if self.state == State::InGroup && self.epoch().is_some_and(|ours| epoch == ours + 1) {
            // Somebody who missed that we are in puts us in again, and takes our leaf out in the same commit, which comes next.
            self.welcome_back = Some((epoch, welcome.to_vec(), tree.to_vec()));
        }
        if self.state == State::InGroup || self.state == State::Idle {
            return;
        }
        match self.member.join(now.unix_seconds, welcome, tree) {
            Ok(joined) if joined.current_epoch() == epoch => {
                self.entry = Entry::None;
                self.entered(now, Box::new(joined));
            }
            Ok(_) => self.tell(Event::refused(Refused::Welcome, &GroupError::Stale)),
            Err(error) => self.tell(Event::refused(Refused::Welcome, &error)),
        }
    }

    fn entered(&mut self, now: Now, group: Box<Group<Config>>) {
        let replaces = self
            .group
            .as_ref()
            .is_some_and(|old| old.group_id() != group.group_id());
        if replaces {
            self.out.push_back(Output::Stop);
        }
        self.attempts = 0;
        self.ahead_since = None;
        self.drop_own_commit();
        self.welcome_back = None;
        // Who among them has come in meanwhile is not known; whoever has not comes in by itself.
        self.work.forget_claims();
        self.group = Some(group);
        self.begin_epoch(now, None, replaces);
    }

    fn entry_failed(&mut self, now: Now, what: Refused, error: &GroupError, epoch: u64) {
        self.tell(Event::refused(what, error));
        self.attempts += 1;
        if self.attempts >= MAX_ATTEMPTS {
            // The group that the delivery service has cannot be joined by anybody like us: begin another, for all to see.
            self.attempts = 0;
            return self.create(now, epoch);
        }
        self.pause(now);
    }

    pub(super) fn group_refused(&mut self, now: Now) {
        if matches!(self.entry, Entry::Asked { .. }) {
            self.pause(now);
        }
    }

    fn pause(&mut self, now: Now) {
        let longest = self.config.timing.backoff << self.attempts.min(5);
        let longest = longest.min(MAX_PAUSE_MICROS);
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
        if self.entry_deadline().is_some_and(|at| now.micros >= at) {
            if let Entry::Submitted { id, .. } = self.entry {
                self.in_flight.retain(|other| *other != id);
            }
            let rejoin = matches!(self.entry, Entry::Asked { rejoin: true, .. });
            self.ask(now, true, rejoin);
        }
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

/// The epoch that a first group replaces: no group is ever in it, so of two who create one only the first succeeds.
const NO_EPOCH: u64 = u64::MAX;

/// Attempts to join the group that is there before it is replaced.
const MAX_ATTEMPTS: u32 = 5;

const MAX_PAUSE_MICROS: u64 = 5_000_000;
