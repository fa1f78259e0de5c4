//! What is to be committed, by whom, and when.
//!
//! The present members, in the order of their leaves and turned by the epoch, take their turn: the first at once, or for
//! departures when they have been collected; each next one later by [`super::Timing::fallback`], if nothing has happened by
//! then. The turning spreads the work and fills the tree. Two who act at once do no harm: one commit wins the epoch, the
//! other member looks at what is left to do.

use std::collections::BTreeMap;

use mls_rs::MlsMessage;

use super::enter::Entry;
use super::{CommitRequest, Event, MlsSession, Now, Refused, Request, SMALL_TREE_BYTES, group};
use crate::mls::group::GroupError;
use crate::mls::rules::MAX_ADDS;
use crate::mls::x509::CertificateError;

/// What waits to be committed.
#[derive(Default)]
pub(super) struct Work {
    /// Participants who wait to be added.
    pub(super) wanted: BTreeMap<u32, Wanted>,
    /// Users in the group who are not in the room, and since when.
    absent: BTreeMap<String, u64>,
    rotate_since: Option<u64>,
    /// Not before, after a refusal.
    hold_until: u64,
    submitted: Option<Submitted>,
}

pub(super) struct Wanted {
    since: u64,
    claimed_at: Option<u64>,
    key_package: Option<Vec<u8>>,
}

struct Submitted {
    id: u64,
    since: u64,
    added: Vec<u32>,
}

impl Work {
    pub(super) fn want(&mut self, now: u64, participant: u32) {
        if self.wanted.len() < MAX_WANTED {
            self.wanted.entry(participant).or_insert(Wanted {
                since: now,
                claimed_at: None,
                key_package: None,
            });
        }
    }

    pub(super) fn rotate(&mut self, now: u64) {
        self.rotate_since.get_or_insert(now);
    }

    pub(super) fn rotated(&mut self) {
        self.rotate_since = None;
    }

    /// Users who have come into the group wait no longer.
    pub(super) fn settle(&mut self, added: &[String], peers: &BTreeMap<u32, String>) {
        self.wanted.retain(|participant, _| {
            !peers
                .get(participant)
                .is_some_and(|user| added.contains(user))
        });
    }

    pub(super) fn forget_claims(&mut self) {
        self.wanted.clear();
    }

    pub(super) fn is_submitted(&self, id: u64) -> bool {
        self.submitted.as_ref().is_some_and(|own| own.id == id)
    }
}

impl MlsSession {
    /// A KeyPackage for somebody who waits; none if there is none.
    pub(super) fn claimed(&mut self, participant: u32, key_package: Option<Vec<u8>>) {
        let Some(wanted) = self.work.wanted.get_mut(&participant) else {
            return;
        };
        let peeked = key_package.as_deref();
        let user = peeked.and_then(|bytes| group::peek_key_package(self.suite, bytes));
        if user.is_some() && user.as_ref() == self.peers.get(&participant) {
            wanted.key_package = key_package;
        } else {
            // Whoever has none, or another's, comes in by itself or not at all.
            self.work.wanted.remove(&participant);
        }
    }

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
                self.heal(now);
            }
            Some(_) => match group.apply_pending_commit() {
                Ok(_) => {
                    for participant in own.added {
                        self.work.wanted.remove(&participant);
                    }
                    let us = self.config.identity.user().to_owned();
                    self.begin_epoch(now, Some(us), false);
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
                self.work.hold_until = now.micros.saturating_add(self.config.timing.catch_up);
            }
        }
    }

    pub(super) fn drop_own_commit(&mut self) {
        self.work.submitted = None;
        if let Some(group) = &mut self.group {
            group.clear_pending_commit();
        }
    }

    /// How many present members come before us in this epoch.
    fn rank(&self) -> Option<u64> {
        let present: Vec<_> = self
            .roster
            .iter()
            .filter(|member| member.own || self.is_present(&member.user))
            .collect();
        let own = present.iter().position(|member| member.own)? as u64;
        let count = present.len() as u64;
        let first = self.epoch()? % count;
        Some((own + count - first) % count)
    }

    fn is_present(&self, user: &str) -> bool {
        self.peers.values().any(|peer| peer == user)
    }

    pub(super) fn work_deadline(&self) -> Option<u64> {
        if let Some(own) = &self.work.submitted {
            return Some(own.since.saturating_add(self.config.timing.answer));
        }
        if !matches!(self.entry, Entry::None) {
            return None;
        }
        let timing = &self.config.timing;
        let departures = self.work.absent.values().min();
        let departures = departures.map(|since| since.saturating_add(timing.departure_batch));
        let adds = self.work.wanted.values().map(|wanted| wanted.since).min();
        let aged = self
            .group
            .as_ref()
            .and(Some(self.epoch_since.saturating_add(timing.rotation)));
        let due = [departures, adds, self.work.rotate_since, aged];
        let due = due.into_iter().flatten().min()?;
        let turn = due.saturating_add(self.rank()?.saturating_mul(timing.fallback));
        // Once the claims are out, it is they that are waited for.
        let claims = self
            .work
            .wanted
            .values()
            .filter(|wanted| wanted.key_package.is_none())
            .filter_map(|wanted| wanted.claimed_at)
            .map(|at| at.saturating_add(CLAIM_MICROS))
            .max();
        Some(turn.max(self.work.hold_until).max(claims.unwrap_or(0)))
    }

    pub(super) fn run_work(&mut self, now: Now) {
        if let Some(own) = &self.work.submitted {
            if now.micros >= own.since.saturating_add(self.config.timing.answer) {
                // Accepted or not, we were not told.
                let given_up = own.id;
                self.in_flight.retain(|other| *other != given_up);
                self.drop_own_commit();
                self.heal(now);
            }
            return;
        }
        if self.group.is_none() || !matches!(self.entry, Entry::None) {
            return;
        }
        self.notice_absences(now);
        if self.work_deadline().is_none_or(|due| now.micros < due) {
            return;
        }
        let unclaimed: Vec<u32> = self
            .work
            .wanted
            .iter_mut()
            .filter(|(_, wanted)| wanted.claimed_at.is_none())
            .map(|(participant, wanted)| {
                wanted.claimed_at = Some(now.micros);
                *participant
            })
            .collect();
        if !unclaimed.is_empty() {
            for participant in unclaimed {
                self.send(Request::Claim(participant));
            }
            return;
        }
        // A claim that nobody answered in time is given up.
        self.work
            .wanted
            .retain(|_, wanted| wanted.key_package.is_some());
        self.commit(now);
    }

    /// Who is to be taken out: whoever has left the room, and whoever's certificate has run out.
    fn notice_absences(&mut self, now: Now) {
        let expired: Vec<_> = self
            .roster
            .iter()
            .filter(|member| member.expires.is_some_and(|at| now.unix_seconds >= at))
            .map(|member| (Some(member.user.clone()), CertificateError::Expired))
            .collect();
        let absent: Vec<String> = self
            .roster
            .iter()
            .filter(|member| !member.own)
            .filter(|member| {
                !self.is_present(&member.user)
                    || expired
                        .iter()
                        .any(|(user, _)| user.as_ref() == Some(&member.user))
            })
            .map(|member| member.user.clone())
            .collect();
        self.work.absent.retain(|user, _| absent.contains(user));
        for user in absent {
            self.work.absent.entry(user).or_insert(now.micros);
        }
        self.tell_certificates(expired);
    }

    fn commit(&mut self, now: Now) {
        let adds: Vec<(u32, Vec<u8>)> = self
            .work
            .wanted
            .iter()
            .filter_map(|(id, wanted)| Some((*id, wanted.key_package.clone()?)))
            .take(MAX_ADDS)
            .collect();
        match self.build(now, &adds) {
            Ok(request) => {
                let id = self.submit(request);
                self.work.submitted = Some(Submitted {
                    id,
                    since: now.micros,
                    added: adds.into_iter().map(|(id, _)| id).collect(),
                });
            }
            Err(error) if !adds.is_empty() => {
                self.tell(Event::refused(Refused::KeyPackage, &error));
                // One bad KeyPackage must not keep the others out: the good ones are those that commit by themselves.
                for add in adds {
                    if self.build(now, std::slice::from_ref(&add)).is_err() {
                        self.work.wanted.remove(&add.0);
                    }
                }
                self.drop_own_commit();
                if !self.work.wanted.is_empty() || !self.work.absent.is_empty() {
                    self.commit(now);
                }
            }
            Err(error) => {
                self.tell(Event::refused(Refused::Own, &error));
                self.work.hold_until = now.micros.saturating_add(self.config.timing.catch_up);
            }
        }
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

/// How long an answer to a claim is waited for.
const CLAIM_MICROS: u64 = 500_000;

/// Most participants who wait to be added at a time; the others come in by themselves.
const MAX_WANTED: usize = 1024;
