//! The calls into `mls-rs`, each with the time and with our checks around it.

mod clocks;
mod framing;
#[cfg(test)]
mod tests;

use mls_rs::client_builder::{
    BaseConfig, ClientBuilder, WithCryptoProvider, WithIdentityProvider, WithMlsRules,
};
use mls_rs::error::MlsError;
use mls_rs::group::proposal::Proposal;
use mls_rs::group::{CommitEffect, CommitOutput, ContentType, ExportedTree, ReceivedMessage};
use mls_rs::storage_provider::in_memory::InMemoryKeyPackageStorage;
use mls_rs::time::MlsTime;
use mls_rs::{Client, ExtensionList, Group, MlsMessage, MlsMessageDescription};

pub use clocks::ClocksDiffer;

use super::admission::{Admission, NotAdmitted, Policy, RefusedCertificate, user_of};
use super::commit_policy::{CommitPolicy, ROOM_EXTENSION};
use super::identity::Identity;
use super::kid::MAX_LEAF_INDEX;
use super::provider::{Ciphers, Provider};
use super::suite::Suite;

pub(super) type Config = WithMlsRules<
    CommitPolicy,
    WithIdentityProvider<Admission, WithCryptoProvider<Provider, BaseConfig>>,
>;

/// Makes and joins groups of one room as one identity.
pub(super) struct Member {
    suite: Suite,
    client: Client<Config>,
    members: Admission,
    key_packages: InMemoryKeyPackageStorage,
    ciphers: Ciphers,
    room: ExtensionList,
    identity: Identity,
}

/// Why a message about the group was not accepted. The group is as it was.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum GroupError {
    /// It is not a message of the kind expected.
    #[error("not a message of the kind expected")]
    Malformed,
    /// It belongs to another group, or to an epoch that is not ours.
    #[error("of another group or epoch")]
    Stale,
    /// The group is of another room or has another SFrame suite.
    #[error("the group is pinned to another room or suite")]
    Room,
    /// A commit without an update path.
    #[error("a commit that brings no fresh secret")]
    NoPath,
    /// The group has more leaves than KIDs can name.
    #[error("too many leaves")]
    TooLarge,
    /// The room's policy does not take the credential: our own, or that of somebody who would be
    /// added.
    #[error("{0}")]
    NotAdmitted(#[from] NotAdmitted),
    /// The delivery service does not have the tree of its epoch.
    #[error("nobody offers the tree of the group")]
    NoTree,
    /// The delivery service has refused a commit or a request for the group.
    #[error("the delivery service refused a request")]
    Service,
    /// The group of the delivery service cannot be followed; the epoch that we are in goes on.
    #[error("the group cannot be followed")]
    Parted,
    /// By our clock a key package in it is not valid now.
    #[error("{0}")]
    Clocks(ClocksDiffer),
    /// RFC 9420, the room's policy or the rules of a room forbid it.
    #[error("{0}")]
    Mls(#[source] MlsError),
}

impl From<MlsError> for GroupError {
    fn from(error: MlsError) -> Self {
        let MlsError::InvalidLifetime {
            not_before,
            timestamp,
            ..
        } = error
        else {
            return Self::Mls(error);
        };
        Self::Clocks(ClocksDiffer {
            made: not_before
                .seconds_since_epoch()
                .saturating_add(SKEW_SECONDS),
            now: timestamp.seconds_since_epoch(),
        })
    }
}

impl GroupError {
    /// Whether it is our own view that refuses the group, and others may see it otherwise: our
    /// policy, our clock, or our idea of the room. Such an error says nothing about the group's
    /// being broken.
    pub(super) fn is_our_view(&self) -> bool {
        self.is_other_room()
            || matches!(
                self,
                Self::NotAdmitted(_)
                    | Self::Clocks(_)
                    | Self::Mls(
                        MlsError::IdentityProviderError(_)
                            | MlsError::InUseCredentialTypeUnsupportedByNewLeaf
                            | MlsError::CredentialTypeOfNewLeafIsUnsupported
                    )
            )
    }

    /// Whether the group is of another room or suite than we expect.
    pub(super) fn is_other_room(&self) -> bool {
        matches!(
            self,
            Self::Room
                | Self::Mls(MlsError::CipherSuiteMismatch | MlsError::UnsupportedCipherSuite(_))
        )
    }
}

/// What a commit did to the group.
pub(super) struct Applied {
    /// The member whose commit it was; none if somebody came in by itself.
    pub(super) committer: Option<String>,
    pub(super) removed_us: bool,
    /// Users who came in, those included who took the place of a leaf of their own.
    pub(super) added: Vec<String>,
}

impl Member {
    pub(super) fn new(
        identity: &Identity,
        provider: Provider,
        policy: Policy,
        room: ExtensionList,
    ) -> Self {
        let key_packages = InMemoryKeyPackageStorage::new();
        let ciphers = provider.ciphers();
        let suite = identity.suite();
        let members = Admission::new(suite, policy);
        let client = ClientBuilder::new()
            .crypto_provider(provider)
            .identity_provider(members.clone())
            .mls_rules(CommitPolicy)
            .extension_type(ROOM_EXTENSION)
            .key_package_lifetime(LIFETIME)
            .key_package_repo(key_packages.clone())
            .signing_identity(identity.signing().clone(), identity.signer(), suite.into())
            .build();
        Self {
            suite,
            client,
            members,
            key_packages,
            ciphers,
            room,
            identity: identity.clone(),
        }
    }

    /// Where the lifetime of a leaf begins: earlier than now, for clocks differ, but not earlier
    /// than the certificate of its key.
    fn born(&self, unix_seconds: u64) -> MlsTime {
        let earliest = self.identity.valid_from().min(unix_seconds);
        MlsTime::from(unix_seconds.saturating_sub(SKEW_SECONDS).max(earliest))
    }

    pub(super) fn ciphers(&self) -> &Ciphers {
        &self.ciphers
    }

    /// The certificates refused since the last call.
    pub(super) fn take_refused_certificates(&self) -> Vec<RefusedCertificate> {
        self.members.take_refused()
    }

    /// Whether the room's policy, as we have it, takes ourselves.
    ///
    /// An external commit is not checked for that by the library, and the others would refuse it.
    pub(super) fn check_own(&self, unix_seconds: u64) -> Result<(), GroupError> {
        Ok(self
            .members
            .check(self.identity.signing(), Some(at(unix_seconds)))?)
    }

    /// The user of a KeyPackage whose credential the policy takes. The rest of it is checked when
    /// it is added.
    pub(super) fn check_key_package(
        &self,
        unix_seconds: u64,
        bytes: &[u8],
    ) -> Result<String, GroupError> {
        let message = MlsMessage::from_bytes(bytes)?;
        let identity = message
            .as_key_package()
            .ok_or(GroupError::Malformed)?
            .signing_identity();
        self.members.check(identity, Some(at(unix_seconds)))?;
        user_of(self.suite, identity).ok_or(GroupError::Malformed)
    }

    /// Whether a tree that is not ours to join has somebody like us in it: one of `present` whom
    /// the policy takes, if the policy is asked.
    pub(super) fn has_one_of(
        &self,
        unix_seconds: u64,
        tree: &[u8],
        present: &dyn Fn(&str) -> bool,
        admitted: bool,
    ) -> bool {
        let Ok(tree) = ExportedTree::from_bytes(tree) else {
            return false;
        };
        let roster = tree.roster();
        roster.members_iter().any(|member| {
            let identity = &member.signing_identity;
            let user = user_of(self.suite, identity);
            user.is_some_and(|user| user != self.identity.user() && present(&user))
                && (!admitted || self.members.admits(identity, at(unix_seconds)))
        })
    }

    /// A one-time KeyPackage.
    pub(super) fn key_package(&self, unix_seconds: u64) -> Result<Vec<u8>, GroupError> {
        self.bound_key_packages();
        let message = self.client.generate_key_package_message(
            ExtensionList::new(),
            ExtensionList::new(),
            Some(self.born(unix_seconds)),
        )?;
        Ok(message.to_bytes()?)
    }

    pub(super) fn create(&self, unix_seconds: u64) -> Result<Group<Config>, GroupError> {
        Ok(self.client.create_group(
            self.room.clone(),
            ExtensionList::new(),
            Some(self.born(unix_seconds)),
        )?)
    }

    pub(super) fn join(
        &self,
        unix_seconds: u64,
        welcome: &[u8],
        tree: &[u8],
    ) -> Result<Group<Config>, GroupError> {
        let welcome = MlsMessage::from_bytes(welcome)?;
        let tree = ExportedTree::from_bytes(tree)?;
        let (group, _) = self
            .client
            .join_group(Some(tree), &welcome, Some(at(unix_seconds)))?;
        self.check(&group)?;
        // The one that was used; the others may be needed when a new group takes the place of this
        // one.
        for used in welcome.welcome_key_package_references() {
            self.key_packages.delete(used);
        }
        Ok(group)
    }

    /// Joins by external commit, out of which our own old leaf goes if it is still there. Also
    /// gives the commit.
    pub(super) fn join_externally(
        &self,
        unix_seconds: u64,
        group_info: &[u8],
        tree: &[u8],
    ) -> Result<(Group<Config>, Vec<u8>), GroupError> {
        self.check_own(unix_seconds)?;
        let user = self.identity.user();
        let group_info = MlsMessage::from_bytes(group_info)?;
        let tree = ExportedTree::from_bytes(tree)?.into_owned();
        let old_leaf = tree
            .roster()
            .members_iter()
            .find(|member| user_of(self.suite, &member.signing_identity).as_deref() == Some(user))
            .map(|member| member.index);
        let mut builder = self
            .client
            .external_commit_builder()?
            .with_tree_data(tree)
            .commit_time(at(unix_seconds));
        if let Some(leaf) = old_leaf {
            builder = builder.with_removal(leaf);
        }
        let (group, commit) = builder.build(group_info)?;
        self.check(&group)?;
        Ok((group, commit.to_bytes()?))
    }

    /// Forgets all KeyPackages if there are more than a delivery service would keep: nobody can ask
    /// us for ever more of them.
    fn bound_key_packages(&self) {
        let held = self.key_packages.key_packages();
        if held.len() >= MAX_KEY_PACKAGES {
            for (id, _) in held {
                self.key_packages.delete(&id);
            }
        }
    }

    fn check(&self, group: &Group<Config>) -> Result<(), GroupError> {
        if group.context().extensions != self.room {
            return Err(GroupError::Room);
        }
        check_size(group)
    }
}

/// Adds `key_packages` and removes `leaves` in one commit, which waits in the group to be applied.
pub(super) fn commit(
    group: &mut Group<Config>,
    unix_seconds: u64,
    key_packages: &[&[u8]],
    leaves: &[u32],
) -> Result<CommitOutput, GroupError> {
    group.clear_pending_commit();
    let mut builder = group.commit_builder().commit_time(at(unix_seconds));
    for key_package in key_packages {
        builder = builder.add_member(MlsMessage::from_bytes(key_package)?)?;
    }
    for leaf in leaves {
        builder = builder.remove_member(*leaf)?;
    }
    Ok(builder.build()?)
}

/// Applies a commit that came from the delivery service.
pub(super) fn apply(
    suite: Suite,
    group: &mut Group<Config>,
    unix_seconds: u64,
    commit: &[u8],
) -> Result<Applied, GroupError> {
    let message = MlsMessage::from_bytes(commit)?;
    match message.description() {
        MlsMessageDescription::PublicProtocolMessage {
            group_id,
            epoch_id,
            content_type: ContentType::Commit,
            ..
        } => {
            if group_id != group.group_id() || epoch_id != group.current_epoch() {
                return Err(GroupError::Stale);
            }
        }
        _ => return Err(GroupError::Malformed),
    }
    if framing::has_update_path(commit) != Some(true) {
        return Err(GroupError::NoPath);
    }
    let before: Vec<_> = group.roster().members();
    let received = group.process_incoming_message_with_time(message, at(unix_seconds))?;
    let ReceivedMessage::Commit(description) = received else {
        return Err(GroupError::Malformed);
    };
    let committer = (!description.is_external)
        .then(|| {
            before
                .iter()
                .find(|member| member.index == description.committer)
        })
        .flatten()
        .and_then(|member| user_of(suite, &member.signing_identity));
    let epoch = match &description.effect {
        CommitEffect::NewEpoch(epoch) => Some(epoch),
        CommitEffect::Removed { new_epoch, .. } => Some(new_epoch),
        CommitEffect::ReInit(_) => None,
    };
    let proposals = epoch
        .map(|epoch| epoch.applied_proposals())
        .unwrap_or_default();
    let mut added: Vec<String> = proposals
        .iter()
        .filter_map(|info| match &info.proposal {
            Proposal::Add(add) => user_of(suite, add.signing_identity()),
            _ => None,
        })
        .collect();
    if description.is_external {
        let member = group.member_at_index(description.committer);
        added.extend(member.and_then(|it| user_of(suite, &it.signing_identity)));
    }
    Ok(Applied {
        committer,
        added,
        removed_us: matches!(description.effect, CommitEffect::Removed { .. }),
    })
}

/// Whether KIDs can name every leaf.
pub(super) fn check_size(group: &Group<Config>) -> Result<(), GroupError> {
    let fits = group.export_tree().total_leaf_count() <= MAX_LEAF_INDEX + 1;
    fits.then_some(()).ok_or(GroupError::TooLarge)
}

/// The group id and epoch of a GroupInfo, which nobody has verified.
pub(super) fn peek_group_info(bytes: &[u8]) -> Option<(Vec<u8>, u64)> {
    let message = MlsMessage::from_bytes(bytes).ok()?;
    let context = message.as_group_info()?.group_context();
    Some((context.group_id.clone(), context.epoch))
}

fn at(unix_seconds: u64) -> MlsTime {
    MlsTime::from(unix_seconds)
}

/// Most unused KeyPackages that we can still be welcomed by; the gateway keeps 16.
const MAX_KEY_PACKAGES: usize = 64;

/// An hour of difference between two members' clocks is forgiven.
const SKEW_SECONDS: u64 = 3600;

/// A day and the hour on either side. A leaf keeps it until its member commits for the first time.
const LIFETIME: std::time::Duration = std::time::Duration::from_secs(24 * 3600 + 2 * SKEW_SECONDS);
