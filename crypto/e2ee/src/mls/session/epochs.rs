//! What follows from a new epoch: keys, membership and codes.

use smrtc_crypto::secret::Secret;

use super::heartbeats::NewEpoch;
use super::membership::{Arrivals, Changes};
use super::{Event, MlsSession, Now, Output, Refused, RosterMember, State};
use crate::mls::admission::{expiry_of, user_of};
use crate::mls::epoch_keys::EpochKeys;
use crate::mls::signed_heartbeat;
use crate::mls::verification_code::{fingerprint, verification_code};
use crate::sframe::BaseKey;

impl MlsSession {
    /// The group is in a new epoch, begun by `by`, or by one who came in by itself.
    pub(super) fn begin_epoch(
        &mut self,
        now: Now,
        by: Option<String>,
        arrivals: Arrivals<'_>,
        replaces: bool,
    ) {
        let suite = self.suite();
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

        let members = self.read_members(own_leaf);
        let changes = self.membership.begin_epoch(members, arrivals);
        let code = verification_code(suite, &authenticator, &self.membership.to_bytes());
        self.out.push_back(Output::Keys(EpochKeys {
            epoch,
            own_leaf: own_leaf as u16,
            // Whoever has left must not hear on.
            at_once: !changes.left.is_empty(),
            members: self.membership.users_by_leaf(),
            base_key: BaseKey::from(Secret::new(&base_key)),
        }));
        self.set_state(State::InGroup);
        self.schedule.begin_epoch(now.micros);
        let new = NewEpoch {
            group_id,
            epoch,
            tag: signed_heartbeat::tag(suite, &authenticator),
            membership: &self.membership,
            arrived: &changes.arrived,
            replaces,
        };
        self.heartbeats.begin_epoch(now.micros, new, &mut self.rng);
        self.tell_epoch(epoch, code, by, changes);
    }

    /// Tells the application of an epoch that has begun.
    fn tell_epoch(&mut self, epoch: u64, code: String, by: Option<String>, changes: Changes) {
        let Changes { joined, left, .. } = changes;
        if !joined.is_empty() || !left.is_empty() {
            let members = self.membership.members().to_vec();
            self.tell(Event::Roster {
                joined,
                left,
                by,
                members,
            });
        }
        self.membership.set_verification_code(code.clone());
        self.tell(Event::Epoch {
            epoch,
            verification_code: code,
        });
        let lost = self.certificates.begin_epoch(self.membership.members());
        self.tell_of(lost);
    }

    /// Everybody in the group, as its tree says.
    fn read_members(&self, own_leaf: u32) -> Vec<RosterMember> {
        let Some(group) = &self.group else {
            return Vec::new();
        };
        let (suite, us) = (self.suite(), &self.config.identity);
        let roster = group.roster();
        roster
            .members_iter()
            .filter_map(|member| {
                let user = user_of(suite, &member.signing_identity)?;
                let public_key = member.signing_identity.signature_key.to_vec();
                // The tree was checked to have no more leaves than KIDs can name.
                let leaf_index = member.index as u16;
                // In a large room most members were there before, and the fingerprint is most of
                // the work.
                let before = self.membership.known(leaf_index, &user, &public_key);
                let (ours, theirs) = ((us.user(), us.public_key()), (&*user, &*public_key));
                Some(RosterMember {
                    leaf_index,
                    fingerprint: before.map_or_else(
                        || fingerprint(suite, ours, theirs),
                        |other| other.fingerprint.clone(),
                    ),
                    own: member.index == own_leaf,
                    expires: expiry_of(suite, &member.signing_identity),
                    user,
                    public_key,
                })
            })
            .collect()
    }
}

/// RFC 9605 §5.2.
const EXPORT_LABEL: &[u8] = b"SFrame 1.0 Base Key";
