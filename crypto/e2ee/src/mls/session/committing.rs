//! Commits: ours, made and answered, and those of others.

use mls_rs::MlsMessage;
use mls_rs::group::CommitOutput;

use super::commit_schedule::{Submitted, Task};
use super::membership::Arrivals;
use super::{
    CommitRequest, Event, MlsSession, Now, OWN_PAUSE_MICROS, Output, Refused, Request, State,
};
use crate::mls::group::{self, GroupError, SMALL_TREE_BYTES};

impl MlsSession {
    /// Somebody else's commit, which ends `epoch`.
    pub(super) fn committed(&mut self, now: Now, epoch: u64, commit: &[u8], created: bool) {
        let suite = self.suite();
        let Some(group) = &mut self.group else { return };
        if created {
            return self.await_welcome_to_new_group(now);
        }
        let ours = group.current_epoch();
        if epoch < ours {
            return;
        }
        // We have missed one, or it is still on its way.
        if epoch > ours {
            self.restarting.goes_on(epoch.saturating_add(1));
            return self.joining.notice_ahead(now.micros);
        }
        match group::apply(suite, group, now.unix_seconds, commit) {
            Ok(applied) if applied.removed_us => self.removed(now, applied.committer),
            Ok(applied) => {
                self.drop_own_commit();
                self.joining.has_caught_up();
                self.schedule.settle(&applied.added, &self.room);
                let arrivals = Arrivals::Users(&applied.added);
                self.begin_epoch(now, applied.committer, arrivals, false);
                if self.restarting.has_parted() {
                    // It is a commit that we can follow after all.
                    self.look(now);
                }
            }
            Err(error) => {
                self.tell(Event::refused(Refused::Commit, &error));
                // It may have been accepted all the same; if so, the group has gone on without us.
                if self.joining.is_idle() {
                    self.heal(now);
                }
            }
        }
    }

    /// A commit of `by` has taken us out.
    fn removed(&mut self, now: Now, by: Option<String>) {
        self.group = None;
        self.membership.clear();
        self.disconnected();
        self.out.push_back(Output::Stop);
        self.set_state(State::Removed);
        self.tell(Event::Removed { by });
        // Unless the same commit has put us in again.
        if let Some(kept) = self.joining.take_welcome() {
            self.welcomed(now, kept);
        }
    }

    /// The delivery service has answered our commit `own`.
    pub(super) fn own_commit_answered(
        &mut self,
        now: Now,
        own: Submitted,
        is_outcome: bool,
        accepted_into: Option<u64>,
    ) {
        let timing = self.config.timing;
        let Some(group) = &mut self.group else { return };
        match accepted_into {
            // It began another epoch than it should: this is no group of ours any more.
            Some(epoch) if epoch != group.current_epoch() + 1 => {
                group.clear_pending_commit();
                self.schedule.hold(now.micros, timing.catch_up);
                self.heal(now);
            }
            Some(_) => match group.apply_pending_commit() {
                Ok(_) => {
                    for participant in own.added.keys() {
                        self.schedule.forget(*participant);
                    }
                    let added: Vec<_> = own.added.into_values().collect();
                    let us = self.config.identity.user().to_owned();
                    self.begin_epoch(now, Some(us), Arrivals::Users(&added), false);
                }
                Err(error) => {
                    self.tell(Event::refused(Refused::Own, &error.into()));
                    self.heal(now);
                }
            },
            None if is_outcome => {
                group.clear_pending_commit();
                // The winner has been delivered before this answer, or has been lost.
                self.joining.notice_ahead(now.micros);
            }
            None => {
                group.clear_pending_commit();
                self.schedule.refused(now.micros, &timing);
                self.tell(Event::refused(Refused::Group, &GroupError::Service));
            }
        }
    }

    /// Our commit is given up, if there is one.
    pub(super) fn drop_own_commit(&mut self) {
        self.schedule.drop_submitted();
        if let Some(group) = &mut self.group {
            group.clear_pending_commit();
        }
    }

    /// A KeyPackage for somebody who waits; none if there is none.
    pub(super) fn claimed(&mut self, now: Now, participant: u32, key_package: Option<Vec<u8>>) {
        if !self.schedule.wants(participant) {
            return;
        }
        let checked = key_package
            .as_deref()
            .map(|bytes| self.client.check_key_package(now.unix_seconds, bytes));
        match (checked, key_package) {
            (Some(Ok(user)), Some(key_package)) if self.room.user(participant) == Some(&*user) => {
                return self.schedule.claimed(participant, key_package);
            }
            (Some(Err(error)), _) => self.tell(Event::refused(Refused::KeyPackage, &error)),
            _ => {}
        }
        // Whoever has none, or another's, comes in by itself or not at all.
        self.schedule.forget(participant);
    }

    /// Does what the schedule says there is to do.
    pub(super) fn run_schedule(&mut self, now: Now) {
        let mut schedule = std::mem::take(&mut self.schedule);
        let situation = self.situation();
        let tasks = schedule.on_timeout(now, &self.config.timing, situation.as_ref());
        self.schedule = schedule;
        for task in tasks {
            match task {
                Task::GiveUp(id) => {
                    self.submissions.give_up(id);
                    self.drop_own_commit();
                    self.heal(now);
                }
                Task::Tell(expired) => self.tell_certificates(expired),
                Task::Claim(participant) => self.send(Request::Claim(participant)),
                Task::Commit => self.commit(now),
                Task::Replace => self.replace_group(now),
            }
        }
    }

    fn commit(&mut self, now: Now) {
        if !self.takes_ourselves(now) {
            // The others would refuse the commit, and the group would stand still.
            return self.schedule.hold(now.micros, OWN_PAUSE_MICROS);
        }
        // Each attempt wants fewer than the one before.
        loop {
            let adds = self.schedule.adds(&self.room);
            match self.build(now, &adds) {
                Ok(request) => return self.submit_commit(now, request, &adds),
                Err(error) if adds.is_empty() => {
                    self.tell(Event::refused(Refused::Own, &error));
                    let pause = self.config.timing.catch_up;
                    return self.schedule.hold(now.micros, pause);
                }
                Err(error) => self.tell(Event::refused(Refused::KeyPackage, &error)),
            }
            self.forget_bad_adds(now, &adds);
            self.drop_own_commit();
            let due = self.situation().and_then(|it| self.schedule.due(&it));
            if due.is_none_or(|due| now.micros < due) {
                return;
            }
        }
    }

    fn submit_commit(&mut self, now: Now, request: CommitRequest, adds: &[(u32, Vec<u8>)]) {
        let id = self.submit(request);
        let user = |id: u32| self.room.user(id).unwrap_or_default().to_owned();
        self.schedule.submit(Submitted {
            id,
            since: now.micros,
            added: adds.iter().map(|(id, _)| (*id, user(*id))).collect(),
        });
    }

    /// One bad KeyPackage must not keep the others out: the good ones are those that commit by
    /// themselves.
    fn forget_bad_adds(&mut self, now: Now, adds: &[(u32, Vec<u8>)]) {
        let mut good = Vec::with_capacity(adds.len());
        for add in adds {
            if self.build(now, std::slice::from_ref(add)).is_ok() {
                good.push(add.0);
            }
        }
        if good.len() == adds.len() {
            // Each is good, and they do not go together: the first comes in, the others by
            // themselves.
            good.truncate(1);
        }
        for (participant, _) in adds {
            if !good.contains(participant) {
                self.schedule.forget(*participant);
            }
        }
    }

    /// A commit of `adds` and of all departures known by now.
    fn build(&mut self, now: Now, adds: &[(u32, Vec<u8>)]) -> Result<CommitRequest, GroupError> {
        // Somebody who is added under a name that is in the group already replaces that leaf.
        let replaced = |user: &str| {
            adds.iter()
                .any(|(id, _)| self.room.user(*id).is_some_and(|peer| peer == user))
        };
        let leaves: Vec<u32> = self
            .membership
            .others()
            .filter(|member| self.schedule.is_departing(&member.user) || replaced(&member.user))
            .map(|member| u32::from(member.leaf_index))
            .collect();
        let group = self.group.as_mut().ok_or(GroupError::Stale)?;
        let epoch = group.current_epoch();
        let key_packages: Vec<&[u8]> = adds.iter().map(|(_, bytes)| bytes.as_slice()).collect();
        let output = group::commit(group, now.unix_seconds, &key_packages, &leaves)?;
        let welcomes = self.welcomes(&output, adds)?;
        let group_info = output
            .external_commit_group_info
            .as_ref()
            .ok_or(GroupError::Malformed)?;
        let tree = output.ratchet_tree.as_ref().ok_or(GroupError::Malformed)?;
        // Whoever is added needs it; for the others a large one would be a burden.
        let offered = !adds.is_empty() || tree.byte_size() <= SMALL_TREE_BYTES;
        Ok(CommitRequest {
            epoch,
            commit: output.commit_message.to_bytes()?,
            group_info: group_info.to_bytes()?,
            ratchet_tree: if offered {
                tree.to_bytes()?
            } else {
                Vec::new()
            },
            welcomes,
            create: false,
        })
    }

    /// The Welcome of each who is added.
    fn welcomes(
        &self,
        output: &CommitOutput,
        adds: &[(u32, Vec<u8>)],
    ) -> Result<Vec<(u32, Vec<u8>)>, GroupError> {
        let mut welcomes = Vec::with_capacity(adds.len());
        for (participant, key_package) in adds {
            let reference = MlsMessage::from_bytes(key_package)?
                .key_package_reference(self.client.ciphers())?;
            let welcome = output
                .welcome_messages
                .iter()
                .find(|welcome| {
                    reference
                        .as_ref()
                        .is_some_and(|it| welcome.welcome_key_package_references().contains(&it))
                })
                .ok_or(GroupError::Malformed)?;
            welcomes.push((*participant, welcome.to_bytes()?));
        }
        Ok(welcomes)
    }
}
