//! Who may be in a group: the room's policy, applied to every leaf of every tree that we accept.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use mls_rs_core::error::IntoAnyError;
use mls_rs_core::extension::ExtensionList;
use mls_rs_core::identity::{
    CertificateChain, Credential, CredentialType, IdentityProvider, MemberValidationContext,
    SigningIdentity,
};
use mls_rs_core::time::MlsTime;

use super::suite::{Curve, Suite};
use super::user_name::is_user;
use super::x509::{Certificate, CertificateError, TrustAnchors};

/// Who may be in the group, and by what credential.
#[derive(Clone, Debug, Default)]
pub enum Policy {
    /// Everybody whom the gateway lets into the room, by the name in the join token. Everybody is
    /// shown to all.
    #[default]
    Everyone,
    /// These users only, whatever the gateway lets in.
    Users(BTreeSet<String>),
    /// Whoever has a certificate of these authorities.
    Certificates(Arc<CertificatePolicy>),
}

/// What certificates a room asks for.
#[derive(Clone, Debug)]
pub struct CertificatePolicy {
    /// The authorities, and what they have revoked.
    pub anchors: TrustAnchors,
    /// Whether basic credentials are taken too: of those users nobody but the gateway says who they
    /// are.
    pub admits_basic: bool,
    /// These users only; none for everybody who is certified.
    pub users: Option<BTreeSet<String>>,
}

/// Why a leaf is not accepted.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAdmitted {
    /// The credential is of a kind that the policy does not take, or names nobody.
    #[error("a credential that the room does not take")]
    Credential,
    /// The certificate, or that there is none.
    #[error("certificate: {0}")]
    Certificate(#[from] CertificateError),
    /// The user is not among those whom the policy admits.
    #[error("a user whom the room does not admit")]
    User,
    /// The signature key is no key of the suite.
    #[error("not a signature key of the suite")]
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

/// The policy as `mls-rs` asks for it. Clones share what they refused.
#[derive(Clone, Debug)]
pub(super) struct Admission {
    suite: Suite,
    policy: Arc<Policy>,
    refused: Arc<Mutex<Vec<RefusedCertificate>>>,
}

/// A member whose certificate was refused: the user whom it claims to be, if it says so, and why.
pub(super) type RefusedCertificate = (Option<String>, CertificateError);

impl Admission {
    pub(super) fn new(suite: Suite, policy: Policy) -> Self {
        Self {
            suite,
            policy: Arc::new(policy),
            refused: Arc::default(),
        }
    }

    /// The certificates refused since the last call.
    pub(super) fn take_refused(&self) -> Vec<RefusedCertificate> {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut refused)
    }

    /// Whether the policy takes `member`; a certificate that it does not is kept to be told.
    pub(super) fn check(
        &self,
        member: &SigningIdentity,
        time: Option<MlsTime>,
    ) -> Result<(), NotAdmitted> {
        let checked = self.judge(member, time);
        if let Err(NotAdmitted::Certificate(error)) = checked {
            let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
            if refused.len() < MAX_REFUSED {
                refused.push((user_of(self.suite, member), error));
            }
        }
        checked
    }

    /// The same, and nothing is told.
    pub(super) fn admits(&self, member: &SigningIdentity, time: MlsTime) -> bool {
        self.judge(member, Some(time)).is_ok()
    }

    fn judge(&self, member: &SigningIdentity, time: Option<MlsTime>) -> Result<(), NotAdmitted> {
        let users = match &*self.policy {
            Policy::Everyone => self.check_basic(member).map(|()| None)?,
            Policy::Users(users) => self.check_basic(member).map(|()| Some(users))?,
            Policy::Certificates(policy) => {
                check_certificate(policy, member, time)?;
                policy.users.as_ref()
            }
        };
        let user = user_of(self.suite, member).ok_or(NotAdmitted::Credential)?;
        if users.is_some_and(|users| !users.contains(&user)) {
            return Err(NotAdmitted::User);
        }
        let valid = self.suite.curve().check_public(&member.signature_key);
        valid.map_err(|_| NotAdmitted::Key)
    }

    fn check_basic(&self, member: &SigningIdentity) -> Result<(), NotAdmitted> {
        let basic = matches!(member.credential, Credential::Basic(_));
        basic.then_some(()).ok_or(NotAdmitted::Credential)
    }
}

fn check_certificate(
    policy: &CertificatePolicy,
    member: &SigningIdentity,
    time: Option<MlsTime>,
) -> Result<(), CertificateError> {
    match &member.credential {
        Credential::X509(chain) => check_chain(&policy.anchors, chain, member, time),
        _ if policy.admits_basic => Ok(()),
        _ => Err(CertificateError::Missing),
    }
}

fn check_chain(
    anchors: &TrustAnchors,
    chain: &CertificateChain,
    member: &SigningIdentity,
    time: Option<MlsTime>,
) -> Result<(), CertificateError> {
    let now = time.ok_or(CertificateError::NoTime)?.seconds_since_epoch();
    let valid = anchors.check(chain, now)?;
    let own = valid.public_key == *member.signature_key;
    own.then_some(()).ok_or(CertificateError::Key)
}

/// The user whom a credential names. Of a certificate nothing is verified here.
pub(super) fn user_of(suite: Suite, member: &SigningIdentity) -> Option<String> {
    match &member.credential {
        Credential::Basic(basic) => {
            let user = std::str::from_utf8(&basic.identifier).ok()?;
            is_user(user).then(|| user.to_owned())
        }
        Credential::X509(_) => certificate_of(suite.curve(), member)?.user().ok(),
        _ => None,
    }
}

/// The second since 1970 from which a member's certificate is over; none if it has none.
pub(super) fn expiry_of(suite: Suite, member: &SigningIdentity) -> Option<u64> {
    Some(certificate_of(suite.curve(), member)?.expires())
}

fn certificate_of(curve: Curve, member: &SigningIdentity) -> Option<Certificate> {
    let Credential::X509(chain) = &member.credential else {
        return None;
    };
    Certificate::parse(curve, chain.leaf()?).ok()
}

impl IdentityProvider for Admission {
    type Error = NotAdmitted;

    fn validate_member(
        &self,
        signing_identity: &SigningIdentity,
        timestamp: Option<MlsTime>,
        _context: MemberValidationContext<'_>,
    ) -> Result<(), NotAdmitted> {
        self.check(signing_identity, timestamp)
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
        let user = user_of(self.suite, signing_identity).ok_or(NotAdmitted::Credential)?;
        Ok(user.into_bytes())
    }

    /// A user may replace its own leaf: a reload, another tab. Nobody replaces one that is
    /// certified without a certificate.
    fn valid_successor(
        &self,
        predecessor: &SigningIdentity,
        successor: &SigningIdentity,
        _extensions: &ExtensionList,
    ) -> Result<bool, NotAdmitted> {
        let user = user_of(self.suite, predecessor);
        let certified = |member: &SigningIdentity| matches!(member.credential, Credential::X509(_));
        Ok(user.is_some()
            && user == user_of(self.suite, successor)
            && (certified(successor) || !certified(predecessor)))
    }

    fn supported_types(&self) -> Vec<CredentialType> {
        match &*self.policy {
            Policy::Everyone | Policy::Users(_) => vec![CredentialType::BASIC],
            Policy::Certificates(policy) if policy.admits_basic => {
                vec![CredentialType::BASIC, CredentialType::X509]
            }
            Policy::Certificates(_) => vec![CredentialType::X509],
        }
    }
}

/// Refused certificates that are kept to be told.
const MAX_REFUSED: usize = 64;
