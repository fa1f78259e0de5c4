//! What is to be committed, by whom, and when.
//!
//! The present members, in the order of their leaves and turned by the epoch, take their turn: the
//! first at once, or for departures when they have been collected; each next one later by
//! [`super::Timing::fallback`], if nothing has happened by then. The turning spreads the work and
//! fills the tree. Two who act at once do no harm: one commit wins the epoch, the other member
//! looks at what is left to do.

use std::collections::BTreeMap;

use super::joining::Entry;
use super::restarting::turn;
use super::{Event, MlsSession, Now, Refused, Request};
use crate::mls::x509::CertificateError;

/// What waits to be committed.
#[derive(Default)]
pub(super) struct Work {
    /// Participants who wait to be added.
    pub(super) wanted: BTreeMap<u32, Wanted>,
    /// Users in the group who are not in the room, and since when.
    pub(super) absent: BTreeMap<String, u64>,
    rotate_since: Option<u64>,
    /// Not before, after a refusal.
    pub(super) hold_until: u64,
    /// Commits refused by the delivery service, one after the other.
    pub(super) refusals: u32,
    pub(super) submitted: Option<Submitted>,
}

pub(super) struct Wanted {
    since: u64,
    claimed_at: Option<u64>,
    pub(super) key_package: Option<Vec<u8>>,
    /// It is in the group, and is to come along into a new one.
    kept: bool,
}

pub(super) struct Submitted {
    pub(super) id: u64,
    pub(super) since: u64,
    /// Who is added, with their users.
    pub(super) added: BTreeMap<u32, String>,
}

impl Work {
    pub(super) fn want(&mut self, now: u64, participant: u32) {
        if self.wanted.len() < MAX_WANTED {
            self.wanted
                .entry(participant)
                .or_insert_with(|| Wanted::new(now, false));
        }
    }

    /// The same for somebody who is in the group, and is to come along into a new one.
    pub(super) fn keep(&mut self, now: u64, participant: u32) {
        self.wanted
            .entry(participant)
            .or_insert_with(|| Wanted::new(now, true));
    }

    /// We are in the new group, and all whose KeyPackages we have are to come.
    pub(super) fn take_along(&mut self) {
        self.wanted.retain(|_, wanted| wanted.key_package.is_some());
        for wanted in self.wanted.values_mut() {
            wanted.kept = false;
        }
    }

    /// There will be no new group.
    pub(super) fn forget_kept(&mut self) {
        self.wanted.retain(|_, wanted| !wanted.kept);
    }

    pub(super) fn rotate(&mut self, now: u64) {
        self.rotate_since.get_or_insert(now);
    }

    pub(super) fn rotated(&mut self) {
        self.rotate_since = None;
        self.refusals = 0;
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

impl MlsSession {
    /// A KeyPackage for somebody who waits; none if there is none.
    pub(super) fn claimed(&mut self, now: Now, participant: u32, key_package: Option<Vec<u8>>) {
        let Some(wanted) = self.work.wanted.get_mut(&participant) else {
            return;
        };
        let checked = key_package
            .as_deref()
            .map(|bytes| self.member.check_key_package(now.unix_seconds, bytes));
        match checked {
            Some(Ok(user)) if self.peers.get(&participant) == Some(&user) => {
                wanted.key_package = key_package;
                return;
            }
            Some(Err(error)) => self.tell(Event::refused(Refused::KeyPackage, &error)),
            Some(Ok(_)) | None => {}
        }
        // Whoever has none, or another's, comes in by itself or not at all.
        self.work.wanted.remove(&participant);
    }

    /// How many present members come before us in this epoch.
    fn rank(&self) -> Option<u64> {
        let present: Vec<_> = self
            .roster
            .iter()
            .filter(|member| {
                // Who is to be taken out has no turn.
                let stays = !self.work.absent.contains_key(&member.user);
                member.own || stays && self.is_present(&member.user)
            })
            .collect();
        let own = present.iter().position(|member| member.own)? as u64;
        let count = present.len() as u64;
        let first = self.epoch()? % count;
        Some((own + count - first) % count)
    }

    pub(super) fn is_present(&self, user: &str) -> bool {
        self.peers.values().any(|peer| peer == user)
    }

    pub(super) fn work_deadline(&self) -> Option<u64> {
        if let Some(own) = &self.work.submitted {
            return Some(own.since.saturating_add(self.config.timing.answer));
        }
        let (from, turn) = match self.entry {
            Entry::None => (0, self.rank()?),
            _ => (self.replaces_when_due()?, turn(self.rank()?)),
        };
        let wait = turn.saturating_mul(self.config.timing.fallback);
        let turn = self.due()?.max(from).saturating_add(wait);
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

    /// Since when there is something to commit.
    pub(super) fn due(&self) -> Option<u64> {
        let timing = &self.config.timing;
        let departures = self.work.absent.values().min();
        let departures = departures.map(|since| since.saturating_add(timing.departure_batch));
        let wanted = self.work.wanted.values().filter(|wanted| !wanted.kept);
        let adds = wanted.map(|wanted| wanted.since).min();
        let aged = self
            .group
            .as_ref()
            .map(|_| self.epoch_since.saturating_add(timing.rotation));
        // For itself alone nobody begins a new group.
        let alone = self.parted.since.is_some() && self.roster.len() < 2;
        let rotations = [self.work.rotate_since, aged];
        let rotations = rotations.into_iter().flatten().filter(|_| !alone);
        [departures, adds]
            .into_iter()
            .flatten()
            .chain(rotations)
            .min()
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
        let parted = self.replaces_when_due().is_some();
        if self.group.is_none() || !(parted || matches!(self.entry, Entry::None)) {
            return;
        }
        self.notice_absences(now);
        if self.work_deadline().is_none_or(|due| now.micros < due) || self.claim(now) {
            return;
        }
        // A claim that nobody answered in time is given up.
        self.work
            .wanted
            .retain(|_, wanted| wanted.key_package.is_some());
        if !parted {
            return self.commit(now);
        }
        // Whoever waited may have turned out to be nobody whom we would add.
        if self.due().is_some_and(|due| due <= now.micros) {
            self.keep_stayers(now);
            if !self.claim(now) {
                self.replace(now);
            }
        }
    }

    /// Claims the KeyPackages that are wanted and were not claimed before. Whether there were any.
    fn claim(&mut self, now: Now) -> bool {
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
        let any = !unclaimed.is_empty();
        for participant in unclaimed {
            self.send(Request::Claim(participant));
        }
        any
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
}

/// How long an answer to a claim is waited for.
const CLAIM_MICROS: u64 = 500_000;

/// Most participants who wait to be added at a time; the others come in by themselves.
const MAX_WANTED: usize = 1024;
