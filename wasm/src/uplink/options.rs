//! What an uplink is made of, and the key source that follows from it.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Deserialize;
use smrtc_crypto::secret::Secret;
use smrtc_e2ee::mls::{CertificatePolicy, Identity, MlsKeys, Policy, Suite, TrustAnchors};

use super::group::{Group, GroupOptions};
use crate::error::CallError;
use crate::js;
use crate::keys::Keys;
use crate::sealing;

/// Options of the constructor.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Config {
    suite: String,
    /// Where keys come from; an external key unless this is there.
    mls: Option<MlsConfig>,
    pub(super) echo_cancellation: bool,
    pub(super) noise_suppression: bool,
    pub(super) auto_gain_control: bool,
}

/// Options of group keys.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MlsConfig {
    suite: String,
    /// Users whom the room admits; everybody if there is no list.
    users: Option<BTreeSet<String>>,
    certificates: Option<Certificates>,
}

/// Whose certificates the room takes, and ours; all in DER.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Certificates {
    authorities: Vec<Vec<u8>>,
    revocation_lists: Vec<Vec<u8>>,
    admits_basic: bool,
    chain: Vec<Vec<u8>>,
}

/// The key source that the options and a secret make.
///
/// # Errors
///
/// [`CallError`], of the first option that is malformed.
pub(super) fn key_source(
    config: &Config,
    secret: &[u8],
) -> Result<(Keys, Option<Box<Group>>), CallError> {
    let Some(mls) = &config.mls else {
        let key = sealing::external_key(&config.suite, secret)?;
        return Ok((Keys::External(key), None));
    };
    let suite = js::mls_suite(&mls.suite)?;
    let sframe_suite = js::suite(&config.suite)?;
    let identity = (!secret.is_empty()).then(|| Secret::new(secret));
    if let Some(identity) = &identity {
        Identity::from_secret(suite, "anybody", identity.expose())
            .map_err(|_| CallError::Argument("identity"))?;
    }
    let chain = mls
        .certificates
        .as_ref()
        .map_or_else(Vec::new, |certificates| certificates.chain.clone());
    if !chain.is_empty() && identity.is_none() {
        return Err(CallError::Argument("a certificate without its key"));
    }
    let group = Group::new(GroupOptions {
        suite,
        sframe_suite,
        policy: policy(suite, mls)?,
        identity,
        chain,
    });
    Ok((Keys::Mls(MlsKeys::new(sframe_suite)), Some(Box::new(group))))
}

fn policy(suite: Suite, mls: &MlsConfig) -> Result<Policy, CallError> {
    let users = mls.users.clone();
    let Some(certificates) = &mls.certificates else {
        return Ok(users.map_or(Policy::Everyone, Policy::Users));
    };
    let mut anchors = TrustAnchors::new(suite, &certificates.authorities)?;
    for list in &certificates.revocation_lists {
        anchors = anchors.with_revocation_list(list)?;
    }
    Ok(Policy::Certificates(Arc::new(CertificatePolicy {
        anchors,
        admits_basic: certificates.admits_basic,
        users,
    })))
}
