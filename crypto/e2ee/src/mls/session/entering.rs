//! Into the group: as its creator, by Welcome, by external commit; and back into it.

use mls_rs::Group;

use super::joining::{KeptWelcome, Overdue};
use super::membership::Arrivals;
use super::restarting::{Refusal, patience};
use super::{
    CommitRequest, Event, GroupSnapshot, KEY_PACKAGES, MlsSession, Now, OWN_PAUSE_MICROS, Output,
    Refused, Request, State,
};
use crate::mls::group::{self, Config, GroupError, public_state};

impl MlsSession {
    /// We are in the room: at first, or again after a reconnect.
    pub(super) fn joined_room(&mut self, now: Now, peers: Vec<(u32, String)>) {
        self.room.enter(peers);
        self.disconnected();
        let in_group = self.group.is_some();
        self.joining.enter_room(in_group);
        self.set_state(if in_group {
            State::Healing
        } else {
            State::Joining
        });
        self.ask(now, in_group);
    }

    /// No request under way will be answered.
    pub(super) fn disconnected(&mut self) {
        self.submissions.clear();
        self.joining.stop();
        self.end_parting();
        self.drop_own_commit();
        self.schedule.forget_all();
    }

    /// The delivery service needs KeyPackages, so that others can add us.
    pub(super) fn upload_key_packages(&mut self, now: Now) {
        if !self.takes_ourselves(now) {
            return;
        }
        let made: Result<Vec<_>, _> = (0..KEY_PACKAGES)
            .map(|_| self.client.key_package(now.unix_seconds))
            .collect();
        match made {
            Ok(key_packages) => {
                self.joining.set_uploaded();
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
    pub(super) fn await_welcome_to_new_group(&mut self, now: Now) {
        self.end_parting();
        self.drop_own_commit();
        self.set_state(State::Healing);
        self.joining.wait(now.micros, self.config.timing.catch_up);
    }

    fn ask(&mut self, now: Now, with_tree: bool) {
        // Nobody would let us in: this is looked at again later.
        if !self.takes_ourselves(now) {
            self.joining.pause_for(now.micros, OWN_PAUSE_MICROS);
            return;
        }
        if self.group.is_none() && !self.joining.has_uploaded() {
            self.upload_key_packages(now);
        }
        self.joining.ask(now.micros, with_tree);
        self.send(Request::GetGroup { with_tree });
    }

    /// The delivery service's group has come, or that there is none.
    pub(super) fn got_group(&mut self, now: Now, snapshot: Option<GroupSnapshot>) {
        let Some(with_tree) = self.joining.asked_with_tree() else {
            return;
        };
        let Some(snapshot) = snapshot else {
            return self.create(now, NO_EPOCH);
        };
        // We are new, and asked only whether there is a group: somebody in it may add us.
        if !with_tree && self.group.is_none() {
            if self.room.is_empty() {
                return self.ask(now, true);
            }
            let longest = self.config.timing.welcome_wait;
            return self.joining.wait(now.micros, longest);
        }
        let Some((group_id, epoch)) = group::peek_group_info(&snapshot.group_info) else {
            self.restarting.set_offered(Vec::new(), snapshot.epoch);
            return self.entry_failed(now, &GroupError::Malformed, None);
        };
        if self.is_current(&group_id, epoch) {
            self.joining.is_current();
            self.end_parting();
            self.heartbeats.doubt_claims();
            return self.set_state(State::InGroup);
        }
        if !with_tree {
            return self.heal(now);
        }
        self.restarting.set_offered(group_id, snapshot.epoch);
        self.join_externally(now, &snapshot);
    }

    /// Whether we missed nothing of this group, or are shown an old state of it: a group does not
    /// go back.
    fn is_current(&self, group_id: &[u8], epoch: u64) -> bool {
        let Some(ours) = &self.group else {
            return false;
        };
        ours.group_id() == group_id
            && epoch <= ours.current_epoch()
            && !(self.joining.rejoins() && epoch == ours.current_epoch())
    }

    fn join_externally(&mut self, now: Now, snapshot: &GroupSnapshot) {
        let Some(tree) = &snapshot.ratchet_tree else {
            return self.entry_failed(now, &GroupError::NoTree, None);
        };
        let joined = self
            .client
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
                let group = Box::new(group);
                self.joining.submit(now.micros, id, group, false);
            }
            Err(error) => self.entry_failed(now, &error, Some(tree)),
        }
    }

    /// Creates a group in the place of the one that is in `replaced_epoch`.
    fn create(&mut self, now: Now, replaced_epoch: u64) {
        let created = self.client.create(now.unix_seconds);
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
                let group = Box::new(group);
                self.joining.submit(now.micros, id, group, true);
            }
            Err(error) => self.not_now(now, Refused::Own, &error),
        }
    }

    /// Begins a new group in the place of the one that the delivery service has.
    pub(super) fn replace_group(&mut self, now: Now) {
        let Some(epoch) = self.restarting.offered_epoch() else {
            return;
        };
        if self.group.is_none() {
            self.restarting.count_replacement(now.micros);
        }
        self.create(now, epoch);
    }

    /// The delivery service has answered a commit of ours, with the group's epoch; none is a
    /// refusal without an outcome.
    pub(super) fn answered(&mut self, now: Now, outcome: Option<(bool, u64)>) {
        let Some(id) = self.submissions.answered() else {
            return;
        };
        let accepted_into = outcome.and_then(|(accepted, epoch)| accepted.then_some(epoch));
        if let Some((group, created)) = self.joining.take_submitted(id) {
            self.entry_answered(now, group, created, outcome);
        } else if let Some(own) = self.schedule.take_submitted(id) {
            self.own_commit_answered(now, own, outcome.is_some(), accepted_into);
        } else if accepted_into.is_some() {
            // We had given it up, and it has come to pass.
            self.heal(now);
        }
    }

    /// The commit by which we come into `group` was answered.
    fn entry_answered(
        &mut self,
        now: Now,
        group: Box<Group<Config>>,
        created: bool,
        outcome: Option<(bool, u64)>,
    ) {
        let restarts = created && self.restarting.has_parted();
        match outcome {
            Some((true, epoch)) if epoch == group.current_epoch() => {
                self.entered(now, group, created);
            }
            Some((true, _)) => self.not_now(now, Refused::Group, &GroupError::Stale),
            None => {
                if restarts {
                    self.restarting.count_replacement(now.micros);
                }
                self.not_now(now, Refused::Group, &GroupError::Service);
            }
            // Its group has gone on meanwhile; a new one of somebody else's would have been told
            // before.
            Some((false, epoch)) if restarts => {
                self.restarting.goes_on(epoch);
                self.pause(now);
            }
            // Whoever created it adds us.
            Some((false, _)) if created => self.ask(now, false),
            // Somebody was faster: that is no failure, and the pause is only there to spread the
            // crowd.
            Some((false, _)) => {
                let longest = self.config.timing.backoff;
                self.joining.pause_up_to(now.micros, longest, &mut self.rng);
            }
        }
    }

    /// Somebody added us.
    pub(super) fn welcomed(&mut self, now: Now, kept: KeptWelcome) {
        let settled = self.state == State::InGroup && !self.restarting.has_parted();
        if settled || self.state == State::Idle {
            // Somebody who missed that we are in puts us in again, and takes our leaf out in the
            // same commit, which comes next.
            if settled && self.epoch().is_some_and(|ours| kept.epoch == ours + 1) {
                self.joining.keep_welcome(kept);
            }
            return;
        }
        let joined = self
            .client
            .join(now.unix_seconds, &kept.welcome, &kept.ratchet_tree);
        match joined {
            Ok(joined) if joined.current_epoch() == kept.epoch => {
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
            self.restarting.count_replacement(now.micros);
        }
        self.joining.entered();
        self.drop_own_commit();
        let takes_along = created && self.restarting.has_parted();
        if takes_along {
            self.schedule.take_along();
        } else {
            // Who among them has come in meanwhile is not known; whoever has not comes in by
            // itself.
            self.schedule.forget_all();
        }
        self.end_parting();
        self.group = Some(group);
        self.begin_epoch(now, None, Arrivals::Unknown, replaces);
        if created && !takes_along {
            // They asked to be added when there was nobody to hear it.
            for (participant, _) in self.room.peers() {
                self.schedule.want(now.micros, participant);
            }
        }
        if !self.joining.has_uploaded() {
            self.upload_key_packages(now);
        }
    }

    /// The group that the delivery service has could not be joined.
    fn entry_failed(&mut self, now: Now, error: &GroupError, tree: Option<&[u8]>) {
        self.tell(Event::refused(Refused::Group, error));
        self.joining.fail();
        if self.group.is_some() {
            if self.joining.has_failed_often(1) {
                self.part(now);
            }
        } else {
            let patience = patience(self.refusal(now, error, tree));
            let may = now.micros >= self.restarting.replaces_from();
            if self.joining.has_failed_often(patience) && may {
                return self.replace_group(now);
            }
        }
        self.pause(now);
    }

    /// What somebody in no group knows of the group that it could not join.
    fn refusal(&self, now: Now, error: &GroupError, tree: Option<&[u8]>) -> Refusal {
        let present = |user: &str| self.room.has(user);
        // In a group of another room our policy says nothing.
        let admitted = !error.is_other_room();
        let alone = self.room.is_empty();
        let ours_in_it = !alone
            && tree.is_some_and(|tree| {
                self.client
                    .has_one_of(now.unix_seconds, tree, &present, admitted)
            });
        Refusal {
            alone,
            our_view: error.is_our_view(),
            ours_in_it,
        }
    }

    /// An attempt came to nothing that says nothing about the group.
    fn not_now(&mut self, now: Now, what: Refused, error: &GroupError) {
        self.tell(Event::refused(what, error));
        self.joining.fail();
        self.pause(now);
    }

    /// The delivery service has answered the request for the group with an error.
    pub(super) fn group_refused(&mut self, now: Now) {
        if self.joining.asked_with_tree().is_some() {
            self.not_now(now, Refused::Group, &GroupError::Service);
        }
    }

    fn pause(&mut self, now: Now) {
        self.joining
            .pause(now.micros, &self.config.timing, &mut self.rng);
    }

    /// The group that the delivery service has is not ours to follow.
    fn part(&mut self, now: Now) {
        if self.restarting.part(now.micros) {
            self.tell(Event::refused(Refused::Group, &GroupError::Parted));
            // Where we are, for those who want to know with whom to go on.
            self.heartbeats.send_soon(now.micros);
        }
    }

    /// We follow again, or have no group.
    fn end_parting(&mut self) {
        self.restarting.end();
        self.schedule.forget_stayers();
    }

    pub(super) fn run_joining(&mut self, now: Now) {
        match self.joining.on_timeout(now.micros, &self.config.timing) {
            None => {}
            Some(Overdue::Ahead) => self.look(now),
            // What nobody answers is what nobody can be given.
            Some(Overdue::Group)
                if self.joining.has_failed_often(1)
                    && self.group.is_some()
                    && self.restarting.offered_epoch().is_some() =>
            {
                self.part(now);
                self.pause(now);
            }
            Some(Overdue::Commit(id)) => {
                self.submissions.give_up(id);
                self.ask(now, true);
            }
            Some(Overdue::Group | Overdue::Pause) => self.ask(now, true),
        }
    }
}

/// The epoch that a first group replaces: no group is ever in it, so of two who create one only the
/// first succeeds.
const NO_EPOCH: u64 = u64::MAX;
