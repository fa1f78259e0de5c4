//! Heartbeats: who agrees with our epoch, who does not, who is silent.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{Event, MlsSession, Now, Refused, Request, State};
use crate::mls::group::GroupError;
use crate::mls::heartbeat::{Heartbeat, TAG_BYTES};

#[derive(Default)]
pub(super) struct Beats {
    group_id: Vec<u8>,
    count: u64,
    next_at: Option<u64>,
    /// Epoch and tag of the last epochs, newest last.
    tags: VecDeque<(u64, [u8; TAG_BYTES])>,
    /// Of each signature key: greatest count, and when it was heard.
    heard: BTreeMap<Vec<u8>, (u64, u64)>,
    /// Users told as confirmed, and as split, in this epoch.
    confirmed: BTreeSet<String>,
    split: BTreeSet<String>,
    silent: Vec<String>,
}

impl MlsSession {
    pub(super) fn begin_beats(
        &mut self,
        now: Now,
        group_id: Vec<u8>,
        epoch: u64,
        tag: [u8; TAG_BYTES],
        replaced: bool,
    ) {
        if replaced || self.beats.group_id != group_id {
            self.beats = Beats {
                group_id,
                count: self.beats.count,
                ..Beats::default()
            };
        }
        let soon = now.micros.saturating_add(self.jitter(FIRST_BEAT_MICROS));
        let beats = &mut self.beats;
        beats.tags.push_back((epoch, tag));
        while beats.tags.len() > KEPT_TAGS {
            beats.tags.pop_front();
        }
        beats.confirmed.clear();
        beats.split.clear();
        beats.next_at = Some(soon);
        // Whoever is new is silent from now on, not since ever.
        let present: BTreeSet<_> = self
            .roster
            .iter()
            .map(|member| &member.public_key)
            .collect();
        beats.heard.retain(|key, _| present.contains(key));
        for key in present {
            beats.heard.entry(key.clone()).or_insert((0, now.micros));
        }
    }

    fn period(&self) -> u64 {
        let by_size = MICROS_PER_MEMBER.saturating_mul(self.roster.len() as u64);
        self.config.timing.heartbeat.max(by_size)
    }

    pub(super) fn beat_deadline(&self) -> Option<u64> {
        self.group.as_ref()?;
        self.beats.next_at
    }

    pub(super) fn run_beats(&mut self, now: Now) {
        if self.beat_deadline().is_none_or(|at| now.micros < at) {
            return;
        }
        let period = self.period();
        let pause = period - period / 8 + self.jitter(period / 4);
        self.beats.next_at = Some(now.micros.saturating_add(pause));
        self.note_silence(now);
        let (Some(group), Some((epoch, tag))) = (&self.group, self.beats.tags.back().copied())
        else {
            return;
        };
        self.beats.count += 1;
        let heartbeat = Heartbeat {
            leaf: group.current_member_index(),
            epoch,
            count: self.beats.count,
            tag,
        };
        let secret = self.config.identity.secret();
        let signed = heartbeat.sign(
            self.suite,
            &self.beats.group_id,
            secret.expose(),
            &mut self.rng,
        );
        match signed {
            Ok(bytes) => self.send(Request::Heartbeat(bytes)),
            Err(_) => self.tell(Event::refused(Refused::Own, &GroupError::Malformed)),
        }
    }

    pub(super) fn heard(&mut self, now: Now, participant: u32, bytes: &[u8]) {
        let Some(ours) = self.epoch() else { return };
        let Some((heartbeat, signature)) = Heartbeat::parse(bytes) else {
            return;
        };
        // A key of this group, and the user as whom the gateway passes it on: else it says nothing.
        let Some(member) = self
            .roster
            .iter()
            .find(|member| u32::from(member.leaf_index) == heartbeat.leaf && !member.own)
        else {
            return;
        };
        let (key, user) = (member.public_key.clone(), member.user.clone());
        if self.peers.get(&participant) != Some(&user)
            || heartbeat
                .verify(self.suite, &self.beats.group_id, &key, signature)
                .is_err()
        {
            return;
        }
        let (count, at) = self.beats.heard.entry(key).or_insert((0, now.micros));
        if heartbeat.count <= *count {
            return;
        }
        (*count, *at) = (heartbeat.count, now.micros);

        let known = self
            .beats
            .tags
            .iter()
            .find(|(epoch, _)| *epoch == heartbeat.epoch);
        match known {
            Some((epoch, tag)) if *tag != heartbeat.tag => {
                let epoch = *epoch;
                if self.beats.split.insert(user.clone()) {
                    self.tell(Event::Split { user, epoch });
                }
            }
            Some((epoch, _)) if *epoch == ours && self.beats.confirmed.insert(user.clone()) => {
                self.tell(Event::Confirmed { user, epoch: ours });
            }
            _ if heartbeat.epoch > ours && self.state == State::InGroup => {
                self.ahead_since.get_or_insert(now.micros);
            }
            _ => {}
        }
    }

    fn note_silence(&mut self, now: Now) {
        let longest = self.period().saturating_mul(SILENT_PERIODS);
        let silent: Vec<String> = self
            .roster
            .iter()
            .filter(|member| !member.own)
            .filter(|member| {
                let heard = self.beats.heard.get(&member.public_key);
                heard.is_some_and(|(_, at)| now.micros.saturating_sub(*at) > longest)
            })
            .map(|member| member.user.clone())
            .collect();
        if silent != self.beats.silent {
            self.beats.silent = silent.clone();
            self.tell(Event::Unconfirmed { users: silent });
        }
    }
}

/// The first heartbeat of an epoch comes within this time.
const FIRST_BEAT_MICROS: u64 = 1_000_000;

/// At five heartbeats a second for the whole group, however large.
const MICROS_PER_MEMBER: u64 = 200_000;

/// Periods of silence that are told.
const SILENT_PERIODS: u64 = 3;

/// Epochs whose tags are kept, for heartbeats of those who lag.
const KEPT_TAGS: usize = 8;
