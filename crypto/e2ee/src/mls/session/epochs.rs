//! From one epoch to the next.

use std::collections::BTreeMap;

use smrtc_crypto::secret::Secret;

use super::{Event, MlsSession, Now, Output, Refused, RosterMember, State, group};
use crate::mls::admission::{expiry_of, user_of};
use crate::mls::epoch_keys::EpochKeys;
use crate::mls::signed_heartbeat::{self, put_vector};
use crate::mls::verification_code::{fingerprint, verification_code};
use crate::mls::x509::CertificateError;
use crate::sframe::BaseKey;

/// Who has come into the group with an epoch, under a new leaf or an old one.
#[derive(Clone, Copy)]
pub(super) enum Came<'a> {
    /// These users.
    Users(&'a [String]),
    /// We have come in ourselves, and cannot know.
    Unknown,
}

impl Came<'_> {
    fn includes(self, user: &str) -> bool {
        match self {
            Came::Users(users) => users.iter().any(|it| it == user),
            Came::Unknown => true,
        }
    }
}

impl MlsSession {
    /// Somebody else's commit.
    pub(super) fn committed(&mut self, now: Now, epoch: u64, commit: &[u8], created: bool) {
        let Some(group) = &mut self.group else { return };
        if created {
            return self.follow(now);
        }
        let ours = group.current_epoch();
        if epoch < ours {
            return;
        }
        if epoch > ours {
            self.parted.goes_on(epoch.saturating_add(1));
            self.ahead_since.get_or_insert(now.micros);
            return;
        }
        match group::apply(self.suite, group, now.unix_seconds, commit) {
            Ok(applied) if applied.removed_us => {
                self.group = None;
                self.roster.clear();
                self.verification_code = None;
                self.disconnected();
                self.out.push_back(Output::Stop);
                self.set_state(State::Removed);
                self.tell(Event::Removed {
                    by: applied.committer,
                });
                if let Some((epoch, welcome, tree)) = self.welcome_back.take() {
                    self.welcomed(now, epoch, &welcome, &tree);
                }
            }
            Ok(applied) => {
                self.drop_own_commit();
                self.ahead_since = None;
                self.work.settle(&applied.added, &self.peers);
                self.begin_epoch(now, applied.committer, Came::Users(&applied.added), false);
                if self.parted.since.is_some() {
                    // It is a commit that we can follow after all.
                    self.look(now);
                }
            }
            Err(error) => {
                self.tell(Event::refused(Refused::Commit, &error));
                // It may have been accepted all the same; if so, the group has gone on without us.
                if matches!(self.entry, super::joining::Entry::None) {
                    self.heal(now);
                }
            }
        }
    }

    /// The group is in a new epoch, begun by `by`, or by one who came in by itself.
    pub(super) fn begin_epoch(
        &mut self,
        now: Now,
        by: Option<String>,
        came: Came<'_>,
        replaced: bool,
    ) {
        let Some(group) = &mut self.group else { return };
        let key_bytes = self.config.sframe_suite.aead().key_bytes();
        let exported = group
            .export_secret(EXPORT_LABEL, b"", key_bytes)
            .and_then(|key| Ok((key, group.epoch_authenticator()?)));
        let (base_key, authenticator) = match exported {
            Ok(secrets) => secrets,
            Err(error) => {
                self.tell(Event::refused(Refused::Own, &error.into()));
                return self.heal(now);
            }
        };
        // Whoever gets hold of the group's state later finds no way to this epoch's media in it.
        group.delete_exporter();
        let epoch = group.current_epoch();
        let own_leaf = group.current_member_index();
        let group_id = group.group_id().to_vec();

        let roster = self.read_roster(own_leaf);
        let before = std::mem::replace(&mut self.roster, roster);
        let is_in = |list: &[RosterMember], one: &RosterMember| {
            list.iter()
                .any(|other| other.leaf_index == one.leaf_index && same(other, one))
        };
        let joined: Vec<_> = self
            .roster
            .iter()
            .filter(|one| !is_in(&before, one))
            .cloned()
            .collect();
        let left: Vec<_> = before
            .iter()
            .filter(|one| !is_in(&self.roster, one))
            .cloned()
            .collect();

        let anew = self
            .roster
            .iter()
            .filter(|one| came.includes(&one.user) || !is_in(&before, one))
            .map(|one| one.leaf_index)
            .collect();
        let code = verification_code(self.suite, &authenticator, &self.roster_bytes());
        let tag = signed_heartbeat::tag(self.suite, &authenticator);
        self.out.push_back(Output::Keys(EpochKeys {
            epoch,
            own_leaf: own_leaf as u16,
            at_once: !left.is_empty(),
            members: self.users_by_leaf(),
            base_key: BaseKey::from(Secret::new(&base_key)),
        }));
        self.set_state(State::InGroup);
        self.work.rotated();
        if !joined.is_empty() || !left.is_empty() {
            let members = self.roster.clone();
            self.tell(Event::Roster {
                joined,
                left,
                by,
                members,
            });
        }
        self.verification_code = Some(code.clone());
        self.tell(Event::Epoch {
            epoch,
            verification_code: code,
        });
        self.epoch_since = now.micros;
        self.certificates_told.clear();
        self.follow_certificates();
        self.begin_beats(now, group_id, (epoch, tag), &anew, replaced);
    }

    /// Where a room takes both kinds of credentials, a name that has lost its certificate is told.
    /// It cannot be refused: who came later does not know of it, and the group would part.
    fn follow_certificates(&mut self) {
        let (certified, basic): (Vec<_>, Vec<_>) = self
            .roster
            .iter()
            .map(|member| (member.user.clone(), member.expires))
            .partition(|(_, expires)| expires.is_some());
        self.once_certified
            .extend(certified.into_iter().map(|(user, _)| user));
        let lost = basic
            .into_iter()
            .filter(|(user, _)| self.once_certified.contains(user))
            .map(|(user, _)| (Some(user), CertificateError::Lost))
            .collect();
        self.tell_certificates(lost);
    }

    fn read_roster(&self, own_leaf: u32) -> Vec<RosterMember> {
        let Some(group) = &self.group else {
            return Vec::new();
        };
        let us = &self.config.identity;
        let roster = group.roster();
        roster
            .members_iter()
            .filter_map(|member| {
                let user = user_of(self.suite, &member.signing_identity)?;
                let public_key = member.signing_identity.signature_key.to_vec();
                // The tree was checked to have no more leaves than KIDs can name.
                let leaf_index = member.index as u16;
                // In a large room most members were there before, and the fingerprint is most of
                // the work.
                let before = self
                    .roster
                    .binary_search_by_key(&leaf_index, |other| other.leaf_index)
                    .ok()
                    .map(|at| &self.roster[at])
                    .filter(|other| other.user == user && other.public_key == public_key);
                let (ours, theirs) = ((us.user(), us.public_key()), (&*user, &*public_key));
                Some(RosterMember {
                    leaf_index,
                    fingerprint: before.map_or_else(
                        || fingerprint(self.suite, ours, theirs),
                        |other| other.fingerprint.clone(),
                    ),
                    own: member.index == own_leaf,
                    expires: expiry_of(self.suite, &member.signing_identity),
                    user,
                    public_key,
                })
            })
            .collect()
    }

    fn users_by_leaf(&self) -> BTreeMap<u16, String> {
        self.roster
            .iter()
            .map(|member| (member.leaf_index, member.user.clone()))
            .collect()
    }

    /// `leaf index (4) ‖ user<V> ‖ public key<V>` of each member, in the order of leaves.
    fn roster_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for member in &self.roster {
            bytes.extend_from_slice(&u32::from(member.leaf_index).to_be_bytes());
            put_vector(&mut bytes, member.user.as_bytes());
            put_vector(&mut bytes, &member.public_key);
        }
        bytes
    }
}

fn same(one: &RosterMember, other: &RosterMember) -> bool {
    one.user == other.user && one.public_key == other.public_key
}

/// RFC 9605 §5.2.
const EXPORT_LABEL: &[u8] = b"SFrame 1.0 Base Key";
