//! When a new group may take the place of the one that is there.
//!
//! A group that nobody can join or follow any more is not repaired but replaced (SPEC.md §7.3),
//! which costs everybody the keys they have: so one participant alone must not be able to do it.
//! Whether a group is broken the gateway cannot see. What it sees is who asks for the group with
//! its tree, to come in, and does not come in; and who is in it and goes on.

use std::time::Duration;

use smrtc_engine::time::Instant;

use super::Delivery;
use crate::{
    auth::Role,
    room::{ParticipantId, Refusal},
};

/// A group so young is not replaced: they are still coming in.
pub(super) const SETTLING: Duration = Duration::from_secs(10);

/// How often one has asked for the group in vain before it may replace it. Clients try five times.
pub(super) const ASKED_TO_REPLACE: u32 = 3;

/// A member that has shown nothing for so long does not count as going on: its page may be frozen,
/// or a member has taken it out of the group. Members send a heartbeat every 10 s.
pub(super) const SILENT: Duration = Duration::from_secs(60);

/// The same for each member, for in a large room they take turns: three heartbeats of 200 ms for
/// each.
const SILENT_EACH: Duration = Duration::from_millis(600);

/// How often one has asked in vain before it counts as failing. Once is the way in, or a look at
/// what was missed.
const ASKED_TO_FAIL: u32 = 2;

impl Delivery {
    /// Whether `id` may create a group now. Where there is none, anybody may.
    ///
    /// To replace one takes a publisher who has tried to join it, and among the publishers in the
    /// room no fewer who fail than who are in and go on. An audience is many, and its tokens are
    /// lightly given: it has a say only where publishers are divided evenly.
    pub(super) fn check_create(&self, now: Instant, id: ParticipantId) -> Result<(), Refusal> {
        let Some(group) = &self.group else {
            return Ok(());
        };
        let creator = self.participants.get(&id);
        let creator = creator.filter(|it| it.role == Role::Anchor);
        let Some(creator) = creator else {
            return Err(Refusal::NotAllowed);
        };
        let has_tried = creator.asked_in_vain >= ASKED_TO_REPLACE;
        let many = u32::try_from(group.members.len()).unwrap_or(u32::MAX);
        let silent = SILENT.max(SILENT_EACH.saturating_mul(many));
        // How many more fail than go on.
        let (mut anchors, mut audience) = (0i64, 0i64);
        for (id, participant) in &self.participants {
            let fails = participant.asked_in_vain >= ASKED_TO_FAIL;
            let goes_on = participant.asked_in_vain == 0
                && group.members.contains(id)
                && now.duration_since(participant.got_on) < silent;
            let votes = match participant.role {
                Role::Anchor => &mut anchors,
                Role::Audience => &mut audience,
            };
            *votes += i64::from(fails) - i64::from(goes_on);
        }
        let broken = anchors > 0 || anchors == 0 && audience >= 0;
        if has_tried && broken && now.duration_since(group.since) >= SETTLING {
            Ok(())
        } else {
            Err(Refusal::GroupLives)
        }
    }

    /// `id` asks for the group with its tree.
    pub(super) fn asked(&mut self, id: ParticipantId) {
        if let Some(participant) = self.participants.get_mut(&id) {
            participant.asked_in_vain = participant.asked_in_vain.saturating_add(1);
        }
    }

    /// `id` has shown that it can join or follow the group: by a commit, even one that came too
    /// late, or by a heartbeat.
    pub(super) fn gets_on(&mut self, now: Instant, id: ParticipantId) {
        if let Some(participant) = self.participants.get_mut(&id) {
            participant.got_on = now;
            participant.asked_in_vain = 0;
        }
    }

    /// The group is another, or none: what was tried concerned the old one.
    pub(super) fn begin_anew(&mut self) {
        for participant in self.participants.values_mut() {
            participant.asked_in_vain = 0;
        }
    }
}
