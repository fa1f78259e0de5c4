//! Groups made and joined, with our checks around the library's.

use mls_rs::client_builder::{
    BaseConfig, ClientBuilder, WithCryptoProvider, WithIdentityProvider, WithMlsRules,
};
use mls_rs::group::ExportedTree;
use mls_rs::storage_provider::in_memory::InMemoryKeyPackageStorage;
use mls_rs::time::MlsTime;
use mls_rs::{Client, ExtensionList, Group, MlsMessage};

use super::clocks::{SKEW_SECONDS, at};
use super::error::GroupError;
use crate::mls::admission::{Admission, Policy, RefusedCertificate, user_of};
use crate::mls::commit_policy::{CommitPolicy, ROOM_EXTENSION};
use crate::mls::identity::Identity;
use crate::mls::kid::MAX_LEAF_INDEX;
use crate::mls::provider::{Ciphers, Provider};
use crate::mls::suite::Suite;

/// The library, with our ciphers, policy and rules.
pub(in crate::mls) type Config = WithMlsRules<
    CommitPolicy,
    WithIdentityProvider<Admission, WithCryptoProvider<Provider, BaseConfig>>,
>;

/// Makes and joins groups of one room as one identity.
pub(in crate::mls) struct GroupClient {
    suite: Suite,
    client: Client<Config>,
    admission: Admission,
    key_packages: InMemoryKeyPackageStorage,
    ciphers: Ciphers,
    room: ExtensionList,
    identity: Identity,
}

impl GroupClient {
    pub(in crate::mls) fn new(
        identity: &Identity,
        provider: Provider,
        policy: Policy,
        room: ExtensionList,
    ) -> Self {
        let key_packages = InMemoryKeyPackageStorage::new();
        let ciphers = provider.ciphers();
        let suite = identity.suite();
        let admission = Admission::new(suite, policy);
        let client = ClientBuilder::new()
            .crypto_provider(provider)
            .identity_provider(admission.clone())
            .mls_rules(CommitPolicy)
            .extension_type(ROOM_EXTENSION)
            .key_package_lifetime(LIFETIME)
            .key_package_repo(key_packages.clone())
            .signing_identity(identity.signing().clone(), identity.signer(), suite.into())
            .build();
        Self {
            suite,
            client,
            admission,
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

    pub(in crate::mls) fn ciphers(&self) -> &Ciphers {
        &self.ciphers
    }

    /// The certificates refused since the last call.
    pub(in crate::mls) fn take_refused_certificates(&self) -> Vec<RefusedCertificate> {
        self.admission.take_refused()
    }

    /// Whether the room's policy, as we have it, takes ourselves.
    ///
    /// An external commit is not checked for that by the library, and the others would refuse it.
    pub(in crate::mls) fn check_own(&self, unix_seconds: u64) -> Result<(), GroupError> {
        Ok(self
            .admission
            .check(self.identity.signing(), Some(at(unix_seconds)))?)
    }

    /// The user of a KeyPackage whose credential the policy takes. The rest of it is checked when
    /// it is added.
    pub(in crate::mls) fn check_key_package(
        &self,
        unix_seconds: u64,
        bytes: &[u8],
    ) -> Result<String, GroupError> {
        let message = MlsMessage::from_bytes(bytes)?;
        let identity = message
            .as_key_package()
            .ok_or(GroupError::Malformed)?
            .signing_identity();
        self.admission.check(identity, Some(at(unix_seconds)))?;
        user_of(self.suite, identity).ok_or(GroupError::Malformed)
    }

    /// Whether a tree that is not ours to join has somebody like us in it: one of `present` whom
    /// the policy takes, if the policy is asked.
    pub(in crate::mls) fn has_one_of(
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
                && (!admitted || self.admission.admits(identity, at(unix_seconds)))
        })
    }

    /// A one-time KeyPackage.
    pub(in crate::mls) fn key_package(&self, unix_seconds: u64) -> Result<Vec<u8>, GroupError> {
        self.bound_key_packages();
        let message = self.client.generate_key_package_message(
            ExtensionList::new(),
            ExtensionList::new(),
            Some(self.born(unix_seconds)),
        )?;
        Ok(message.to_bytes()?)
    }

    pub(in crate::mls) fn create(&self, unix_seconds: u64) -> Result<Group<Config>, GroupError> {
        Ok(self.client.create_group(
            self.room.clone(),
            ExtensionList::new(),
            Some(self.born(unix_seconds)),
        )?)
    }

    pub(in crate::mls) fn join(
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
    pub(in crate::mls) fn join_externally(
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

/// Whether KIDs can name every leaf.
pub(in crate::mls) fn check_size(group: &Group<Config>) -> Result<(), GroupError> {
    let fits = group.export_tree().total_leaf_count() <= MAX_LEAF_INDEX + 1;
    fits.then_some(()).ok_or(GroupError::TooLarge)
}

/// Most unused KeyPackages that we can still be welcomed by; the gateway keeps 16.
const MAX_KEY_PACKAGES: usize = 64;

/// A day and the hour on either side. A leaf keeps it until its member commits for the first time.
pub(super) const LIFETIME: std::time::Duration =
    std::time::Duration::from_secs(24 * 3600 + 2 * SKEW_SECONDS);
