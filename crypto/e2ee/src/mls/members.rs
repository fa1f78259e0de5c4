//! Who may be in a group: the room's policy, applied to every leaf of every tree that we accept.

use std::collections::BTreeSet;
use std::sync::Arc;

use mls_rs_core::error::IntoAnyError;
use mls_rs_core::extension::ExtensionList;
use mls_rs_core::identity::{
    Credential, CredentialType, IdentityProvider, MemberValidationContext, SigningIdentity,
};
use mls_rs_core::time::MlsTime;

use super::identity::MAX_USER_BYTES;
use super::suite::Suite;

/// Who may be in the group.
#[derive(Clone, Debug, Default)]
pub enum Policy {
    /// Everybody whom the gateway lets into the room, by the name in the join token. Everybody is shown to all.
    #[default]
    Everyone,
    /// These users only, whatever the gateway lets in.
    Users(BTreeSet<String>),
}

/// Why a leaf is not accepted.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAdmitted {
    /// The credential is of a kind that the policy does not take, or names nobody.
    #[error("a credential that the room does not take")]
    Credential,
    /// The user is not among those whom the policy admits.
    #[error("a user whom the room does not admit")]
    User,
    /// The signature key is no key of the suite.
    #[error("a signature key that is none")]
    Key,
    /// An external sender; the room has none.
    #[error("the room has no external senders")]
    ExternalSender,
}

impl IntoAnyError for NotAdmitted {
    fn into_dyn_error(self) -> Result<Box<dyn std::error::Error + Send + Sync>, Self> {
        Ok(self.into())
    }
}

/// The policy as `mls-rs` asks for it.
#[derive(Clone, Debug)]
pub(super) struct Members {
    suite: Suite,
    policy: Arc<Policy>,
}

impl Members {
    pub(super) fn new(suite: Suite, policy: Policy) -> Self {
        Self {
            suite,
            policy: Arc::new(policy),
        }
    }

    fn check(&self, member: &SigningIdentity) -> Result<(), NotAdmitted> {
        let user = user_of(member).ok_or(NotAdmitted::Credential)?;
        match &*self.policy {
            Policy::Everyone => {}
            Policy::Users(users) if users.contains(user) => {}
            Policy::Users(_) => return Err(NotAdmitted::User),
        }
        let key = &member.signature_key;
        let valid = self.suite.curve().check_public(key);
        valid.map_err(|_| NotAdmitted::Key)
    }
}

/// The user whom a basic credential names.
pub(super) fn user_of(member: &SigningIdentity) -> Option<&str> {
    let Credential::Basic(basic) = &member.credential else {
        return None;
    };
    let user = std::str::from_utf8(&basic.identifier).ok()?;
    (!user.is_empty() && user.len() <= MAX_USER_BYTES).then_some(user)
}

impl IdentityProvider for Members {
    type Error = NotAdmitted;

    fn validate_member(
        &self,
        signing_identity: &SigningIdentity,
        _timestamp: Option<MlsTime>,
        _context: MemberValidationContext<'_>,
    ) -> Result<(), NotAdmitted> {
        self.check(signing_identity)
    }

    fn validate_external_sender(
        &self,
        _signing_identity: &SigningIdentity,
        _timestamp: Option<MlsTime>,
        _extensions: Option<&ExtensionList>,
    ) -> Result<(), NotAdmitted> {
        Err(NotAdmitted::ExternalSender)
    }

    fn identity(
        &self,
        signing_identity: &SigningIdentity,
        _extensions: &ExtensionList,
    ) -> Result<Vec<u8>, NotAdmitted> {
        let user = user_of(signing_identity).ok_or(NotAdmitted::Credential)?;
        Ok(user.as_bytes().to_vec())
    }

    /// A user may replace its own leaf: a reload, another tab.
    fn valid_successor(
        &self,
        predecessor: &SigningIdentity,
        successor: &SigningIdentity,
        _extensions: &ExtensionList,
    ) -> Result<bool, NotAdmitted> {
        Ok(user_of(predecessor).is_some() && user_of(predecessor) == user_of(successor))
    }

    fn supported_types(&self) -> Vec<CredentialType> {
        vec![CredentialType::BASIC]
    }
}
