//! Heartbeats: who agrees with our epoch, who does not, who is silent.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{Event, MlsSession, Now, Refused, Request, State};
use crate::mls::group::GroupError;
use crate::mls::signed_heartbeat::{Heartbeat, TAG_BYTES};

#[derive(Default)]
pub(super) struct Beats {
    group_id: Vec<u8>,
    count: u64,
    next_at: Option<u64>,
    /// Epoch and tag of the last epochs, newest last.
    tags: VecDeque<(u64, [u8; TAG_BYTES])>,
    /// What is known of each leaf since its member came in.
    heard: BTreeMap<u16, Heard>,
    /// Leaves whose claim to be ahead of us has shown as false in this epoch.
    doubted: BTreeSet<u16>,
    /// Users told as confirmed, and as split, in this epoch.
    confirmed: BTreeSet<String>,
    split: BTreeSet<String>,
    silent: Vec<String>,
}

/// What was heard of a leaf.
struct Heard {
    /// The epoch with which its member came in, as far as we know. What was said before is another
    /// session's.
    entered: u64,
    /// The greatest count.
    count: u64,
    /// When that came.
    at: u64,
    place: Place,
}

/// Where a member said that it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Unknown,
    /// In our epoch.
    Here,
    /// In a later one, another of the same number, or another group.
    Elsewhere,
}

impl MlsSession {
    /// `anew` are the leaves whose members came in with the epoch.
    pub(super) fn begin_beats(
        &mut self,
        now: Now,
        group_id: Vec<u8>,
        (epoch, tag): (u64, [u8; TAG_BYTES]),
        anew: &BTreeSet<u16>,
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
        beats.doubted.clear();
        let present: BTreeSet<_> = self.roster.iter().map(|it| it.leaf_index).collect();
        beats
            .heard
            .retain(|leaf, _| present.contains(leaf) && !anew.contains(leaf));
        for heard in beats.heard.values_mut() {
            heard.place = Place::Unknown;
        }
        for leaf in present {
            // Whoever is new is silent from now on, not since ever.
            beats.heard.entry(leaf).or_insert(Heard {
                entered: epoch,
                count: 0,
                at: now.micros,
                place: Place::Unknown,
            });
        }
    }

    /// The next heartbeat goes out at once.
    pub(super) fn beat_soon(&mut self, now: Now) {
        self.beats.next_at = Some(now.micros);
    }

    /// Whether more of the members who are in the room have stayed in our epoch than have left it,
    /// as they say and we for ourselves.
    pub(super) fn most_have_stayed(&self) -> bool {
        let others = self
            .roster
            .iter()
            .filter(|member| !member.own && self.is_present(&member.user));
        let (mut here, mut elsewhere) = (1, 0);
        for member in others {
            match self.beats.heard.get(&member.leaf_index).map(|it| it.place) {
                Some(Place::Here) => here += 1,
                Some(Place::Elsewhere) => elsewhere += 1,
                Some(Place::Unknown) | None => {}
            }
        }
        here > elsewhere
    }

    /// The group was looked at, and nobody is ahead of us: whoever claimed to be makes us look no
    /// more in this epoch.
    pub(super) fn doubt_claims(&mut self) {
        for (leaf, heard) in &mut self.beats.heard {
            if heard.place == Place::Elsewhere {
                heard.place = Place::Unknown;
                self.beats.doubted.insert(*leaf);
            }
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
        let Some(user) = self.peers.get(&participant).cloned() else {
            return;
        };
        let others = || self.roster.iter().filter(|it| !it.own && it.user == user);
        let verifies = |group_id: &[u8], key: &[u8]| {
            heartbeat
                .verify(self.suite, group_id, key, signature)
                .is_ok()
        };
        let in_ours = others()
            .find(|member| u32::from(member.leaf_index) == heartbeat.leaf)
            .filter(|member| verifies(&self.beats.group_id, &member.public_key))
            .map(|member| member.leaf_index);
        // Of a member of ours who is in the group that we cannot follow.
        let elsewhere = || {
            let (group_id, _) = self.parted.offered.as_ref()?;
            others()
                .find(|member| verifies(group_id, &member.public_key))
                .map(|member| member.leaf_index)
        };
        let Some(leaf) = in_ours.or_else(elsewhere) else {
            return;
        };
        let Some(heard) = self.beats.heard.get_mut(&leaf) else {
            return;
        };
        if heartbeat.count <= heard.count || in_ours.is_some() && heartbeat.epoch < heard.entered {
            return;
        }
        (heard.count, heard.at) = (heartbeat.count, now.micros);
        if in_ours.is_none() {
            heard.place = Place::Elsewhere;
            return;
        }
        let known = self
            .beats
            .tags
            .iter()
            .find(|(epoch, _)| *epoch == heartbeat.epoch);
        match known {
            Some((epoch, tag)) if *tag != heartbeat.tag => {
                heard.place = Place::Elsewhere;
                let epoch = *epoch;
                if self.beats.split.insert(user.clone()) {
                    self.tell(Event::Split { user, epoch });
                }
            }
            Some((epoch, _)) if *epoch == ours => {
                heard.place = Place::Here;
                if self.beats.confirmed.insert(user.clone()) {
                    self.tell(Event::Confirmed { user, epoch: ours });
                }
            }
            _ if heartbeat.epoch > ours => {
                heard.place = Place::Elsewhere;
                if self.state == State::InGroup && !self.beats.doubted.contains(&leaf) {
                    self.ahead_since.get_or_insert(now.micros);
                }
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
                let heard = self.beats.heard.get(&member.leaf_index);
                heard.is_some_and(|heard| now.micros.saturating_sub(heard.at) > longest)
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
