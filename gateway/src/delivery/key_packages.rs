//! KeyPackages: kept for their owners, given to those who add them, and nobody is added by another.

use std::collections::BTreeSet;

use ring::digest::{SHA256, digest};
use smrtc_engine::control::{
    mls::{self, KeyPackage},
    v1::{self, server_message::Body},
};

use super::{Delivery, Participant, belongs, bounded, malformed};
use crate::room::{Notice, ParticipantId, Recipients, Refusal};

/// What a KeyPackage that was given to somebody is known by.
pub(super) type Given = [u8; 32];

impl Delivery {
    pub(super) fn keep_key_packages(
        &mut self,
        id: ParticipantId,
        packages: Vec<Vec<u8>>,
        out: &mut Vec<Notice>,
    ) -> Result<(), Refusal> {
        let outside = self
            .group
            .as_ref()
            .is_some_and(|group| !group.members.contains(&id));
        let Some(owner) = self.participants.get_mut(&id) else {
            return Err(Refusal::NotJoined);
        };
        if owner.key_packages.len() + packages.len() > self.limits.key_packages {
            return Err(Refusal::LimitReached("KeyPackages"));
        }
        for package in &packages {
            bounded(package, self.limits.key_package_bytes, "a KeyPackage")?;
            let parsed = KeyPackage::parse(package).map_err(malformed)?;
            belongs(parsed.credential, &owner.user)?;
        }
        let first = owner.key_packages.is_empty() && !packages.is_empty();
        owner.key_packages.extend(packages);
        if outside && first {
            let wanted = v1::MlsAddWanted { participant_id: id };
            self.notify_group(id, Body::MlsAddWanted(wanted), out);
        }
        Ok(())
    }

    /// Gives a member a KeyPackage of somebody else. The answer is empty if there is none, or none
    /// for it: each costs its owner the making of another, so nobody holds more than a few of one
    /// owner.
    ///
    /// The owner may be in the group: whoever is about to begin another takes along those who are
    /// in this one.
    pub(super) fn claim(
        &mut self,
        id: ParticipantId,
        of: ParticipantId,
        out: &mut Vec<Notice>,
    ) -> Result<Body, Refusal> {
        self.group_of(id)?;
        let package = self.give_key_package(id, of, out);
        Ok(Body::MlsKeyPackage(v1::MlsKeyPackage {
            participant_id: of,
            key_package: package.unwrap_or_default(),
        }))
    }

    fn give_key_package(
        &mut self,
        id: ParticipantId,
        of: ParticipantId,
        out: &mut Vec<Notice>,
    ) -> Option<Vec<u8>> {
        let claimer = self.participants.get(&id)?;
        if claimer.given.get(&of).map_or(0, Vec::len) >= self.limits.claims_of_one {
            return None;
        }
        let owner = self.participants.get_mut(&of)?;
        let package = owner.key_packages.pop_front()?;
        let left = owner.key_packages.len();
        if left < self.limits.key_packages_low {
            let low = v1::MlsKeyPackagesLow { left: left as u32 };
            let low = Body::MlsKeyPackagesLow(low);
            out.push(Notice::new(Recipients::One(of), low));
        }
        // It was read when it came.
        if let (Ok(parsed), Some(claimer)) =
            (KeyPackage::parse(&package), self.participants.get_mut(&id))
        {
            claimer.given.entry(of).or_default().push(given(&parsed));
        }
        Some(package)
    }

    /// The commit of `id` that welcomed `added` ended an epoch.
    pub(super) fn key_packages_used(&mut self, id: ParticipantId, added: &[ParticipantId]) {
        if let Some(claimer) = self.participants.get_mut(&id) {
            for of in added {
                claimer.given.remove(of);
            }
        }
        // Of those who have left nothing will be used any more.
        let present: BTreeSet<_> = self.participants.keys().copied().collect();
        for participant in self.participants.values_mut() {
            participant.given.retain(|of, _| present.contains(of));
        }
    }
}

/// Checks that those whom a commit adds are those whom it welcomes, each once, nobody who is in
/// already, and each by a KeyPackage that the gateway gave to `sender`. So none of them is
/// invented, and nobody comes in under the name of another.
///
/// One who has left since the claim may be among them: the next commit takes it out, like anybody.
pub(super) fn check_added(
    sender: &Participant,
    (suite, members): (u16, &BTreeSet<ParticipantId>),
    adds: &[KeyPackage<'_>],
    welcomes: &[v1::mls_commit::Welcome],
) -> Result<(), Refusal> {
    // First, so that what follows is little.
    if adds.len() != welcomes.len() {
        return Err(ADDED_AND_WELCOMED);
    }
    let mut added = BTreeSet::new();
    for add in adds {
        let known_by = given(add);
        let mut owners = sender.given.iter();
        let owner = owners.find(|(_, given)| given.contains(&known_by));
        let Some((&owner, _)) = owner else {
            return Err(Refusal::InvalidArgument(
                "somebody is added by a KeyPackage that was not given out for it",
            ));
        };
        if members.contains(&owner) || !added.insert(owner) {
            return Err(Refusal::InvalidArgument(
                "somebody is added twice, or is in the group already",
            ));
        }
    }
    for welcome in welcomes {
        // Removed, so that nobody is welcomed twice.
        if !added.remove(&welcome.participant_id) {
            return Err(ADDED_AND_WELCOMED);
        }
        let of_welcome = mls::welcome_suite(&welcome.welcome).map_err(malformed)?;
        if of_welcome != suite {
            return Err(Refusal::InvalidArgument("a Welcome of another suite"));
        }
    }
    Ok(())
}

const ADDED_AND_WELCOMED: Refusal =
    Refusal::InvalidArgument("those who are added and those who are welcomed differ");

fn given(package: &KeyPackage<'_>) -> Given {
    let mut known_by = [0; 32];
    known_by.copy_from_slice(digest(&SHA256, package.known_by).as_ref());
    known_by
}
