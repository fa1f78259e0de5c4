//! Our own commits: made, answered, given up.

use std::collections::BTreeMap;

use mls_rs::MlsMessage;

use super::commit_schedule::Submitted;
use super::epochs::Came;
use super::{
    CommitRequest, Event, MlsSession, Now, OWN_PAUSE_MICROS, Refused, SMALL_TREE_BYTES, group,
};
use crate::mls::commit_policy::MAX_ADDS;
use crate::mls::group::GroupError;

impl MlsSession {
    pub(super) fn own_commit_answered(
        &mut self,
        now: Now,
        is_outcome: bool,
        accepted_into: Option<u64>,
    ) {
        let Some(own) = self.work.submitted.take() else {
            return;
        };
        let Some(group) = &mut self.group else { return };
        match accepted_into {
            Some(epoch) if epoch != group.current_epoch() + 1 => {
                group.clear_pending_commit();
                self.work.hold_until = now.micros.saturating_add(self.config.timing.catch_up);
                self.heal(now);
            }
            Some(_) => match group.apply_pending_commit() {
                Ok(_) => {
                    for participant in own.added.keys() {
                        self.work.wanted.remove(participant);
                    }
                    let added: Vec<_> = own.added.into_values().collect();
                    let us = self.config.identity.user().to_owned();
                    self.begin_epoch(now, Some(us), Came::Users(&added), false);
                }
                Err(error) => {
                    self.tell(Event::refused(Refused::Own, &error.into()));
                    self.heal(now);
                }
            },
            None if is_outcome => {
                group.clear_pending_commit();
                // The winner has been delivered before this answer, or has been lost.
                self.ahead_since.get_or_insert(now.micros);
            }
            None => {
                group.clear_pending_commit();
                let pause = self.config.timing.catch_up << self.work.refusals.min(5);
                self.work.refusals += 1;
                self.work.hold_until = now.micros.saturating_add(pause);
                self.tell(Event::refused(Refused::Group, &GroupError::Service));
            }
        }
    }

    pub(super) fn drop_own_commit(&mut self) {
        self.work.submitted = None;
        if let Some(group) = &mut self.group {
            group.clear_pending_commit();
        }
    }

    pub(super) fn commit(&mut self, now: Now) {
        if !self.takes_ourselves(now) {
            // The others would refuse the commit, and the group would stand still.
            self.work.hold_until = now.micros.saturating_add(OWN_PAUSE_MICROS);
            return;
        }
        // Each attempt wants fewer than the one before.
        loop {
            let adds = self.adds();
            match self.build(now, &adds) {
                Ok(request) => {
                    let id = self.submit(request);
                    let user = |id: &u32| self.peers.get(id).cloned().unwrap_or_default();
                    self.work.submitted = Some(Submitted {
                        id,
                        since: now.micros,
                        added: adds.iter().map(|(id, _)| (*id, user(id))).collect(),
                    });
                    return;
                }
                Err(error) if adds.is_empty() => {
                    self.tell(Event::refused(Refused::Own, &error));
                    self.work.hold_until = now.micros.saturating_add(self.config.timing.catch_up);
                    return;
                }
                Err(error) => self.tell(Event::refused(Refused::KeyPackage, &error)),
            }
            // One bad KeyPackage must not keep the others out: the good ones are those that commit
            // by themselves.
            let mut good = Vec::with_capacity(adds.len());
            for add in &adds {
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
                if !good.contains(&participant) {
                    self.work.wanted.remove(&participant);
                }
            }
            self.drop_own_commit();
            if self.due().is_none_or(|due| now.micros < due) {
                return;
            }
        }
    }

    /// The participants to be added next, each with its KeyPackage: one for each user, the one who
    /// came last.
    fn adds(&mut self) -> Vec<(u32, Vec<u8>)> {
        let mut newest = BTreeMap::new();
        for participant in self.work.wanted.keys() {
            if let Some(user) = self.peers.get(participant) {
                newest.insert(user, *participant);
            }
        }
        let peers = &self.peers;
        self.work.wanted.retain(|participant, _| {
            let user = peers.get(participant);
            user.is_some_and(|user| newest.get(user) == Some(participant))
        });
        self.work
            .wanted
            .iter()
            .filter_map(|(id, wanted)| Some((*id, wanted.key_package.clone()?)))
            .take(MAX_ADDS)
            .collect()
    }

    /// A commit of `adds` and of all departures known by now.
    fn build(&mut self, now: Now, adds: &[(u32, Vec<u8>)]) -> Result<CommitRequest, GroupError> {
        // Somebody who is added under a name that is in the group already replaces that leaf.
        let replaced = |user: &str| {
            adds.iter()
                .any(|(id, _)| self.peers.get(id).is_some_and(|peer| peer == user))
        };
        let leaves: Vec<u32> = self
            .roster
            .iter()
            .filter(|member| {
                !member.own
                    && (self.work.absent.contains_key(&member.user) || replaced(&member.user))
            })
            .map(|member| u32::from(member.leaf_index))
            .collect();
        let group = self.group.as_mut().ok_or(GroupError::Stale)?;
        let epoch = group.current_epoch();
        let key_packages: Vec<&[u8]> = adds.iter().map(|(_, bytes)| bytes.as_slice()).collect();
        let output = group::commit(group, now.unix_seconds, &key_packages, &leaves)?;

        let mut welcomes = Vec::with_capacity(adds.len());
        for (participant, key_package) in adds {
            let reference = MlsMessage::from_bytes(key_package)?
                .key_package_reference(self.member.ciphers())?;
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
        let group_info = output
            .external_commit_group_info
            .as_ref()
            .ok_or(GroupError::Malformed)?;
        let tree = output.ratchet_tree.as_ref().ok_or(GroupError::Malformed)?;
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
}
