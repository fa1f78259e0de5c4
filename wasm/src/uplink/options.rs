//! The options of the uplink worker's object, as JavaScript gives them.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Deserialize;
use smrtc_audio::CaptureConfig;
use smrtc_client::{GroupOptions, KeySource, UplinkOptions, WallClock};
use smrtc_crypto::secret::Secret;
use smrtc_e2ee::mls::{CertificatePolicy, Policy, Suite, TrustAnchors};
use smrtc_engine::send::UplinkConfig;

use crate::error::CallError;
use crate::js;

/// Options of the constructor.
#[derive(Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(rename = "UplinkConfig"))]
#[serde(rename_all = "camelCase")]
pub(crate) struct Config {
    suite: String,
    /// Where keys come from; an external key unless this is there.
    mls: Option<MlsConfig>,
    echo_cancellation: bool,
    noise_suppression: bool,
    auto_gain_control: bool,
}

/// Options of group keys.
#[derive(Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(rename = "GroupConfig"))]
#[serde(rename_all = "camelCase")]
struct MlsConfig {
    suite: String,
    /// Users whom the room admits; everybody if there is no list.
    #[cfg_attr(test, ts(type = "readonly string[] | null"))]
    users: Option<BTreeSet<String>>,
    certificates: Option<Certificates>,
}

/// Whose certificates the room takes, and ours; all in DER.
#[derive(Clone, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(rename = "GroupCertificates"))]
#[serde(rename_all = "camelCase")]
struct Certificates {
    #[cfg_attr(test, ts(type = "readonly Uint8Array[]"))]
    authorities: Vec<Vec<u8>>,
    #[cfg_attr(test, ts(type = "readonly Uint8Array[]"))]
    revocation_lists: Vec<Vec<u8>>,
    admits_basic: bool,
    #[cfg_attr(test, ts(type = "readonly Uint8Array[]"))]
    chain: Vec<Vec<u8>>,
}

impl Config {
    /// What the half is made of, with the secret that came beside the options.
    ///
    /// # Errors
    ///
    /// [`CallError`], of the first option that is malformed.
    pub(super) fn into_options(self, secret: &[u8]) -> Result<UplinkOptions, CallError> {
        let processing = super::audio_options(
            self.echo_cancellation,
            self.noise_suppression,
            self.auto_gain_control,
        );
        Ok(UplinkOptions {
            keys: self.key_source(secret)?,
            capture: Some(CaptureConfig {
                audio: processing,
                ..CaptureConfig::default()
            }),
            engine: UplinkConfig::default(),
        })
    }

    fn key_source(&self, secret: &[u8]) -> Result<KeySource, CallError> {
        let sframe_suite = js::suite(&self.suite)?;
        let Some(mls) = &self.mls else {
            return Ok(KeySource::External {
                suite: sframe_suite,
                secret: Secret::new(secret),
            });
        };
        let suite = js::mls_suite(&mls.suite)?;
        let chain = mls.certificates.as_ref().map(|c| c.chain.clone());
        Ok(KeySource::Group(GroupOptions {
            suite,
            sframe_suite,
            policy: policy(suite, mls)?,
            identity: (!secret.is_empty()).then(|| Secret::new(secret)),
            chain: chain.unwrap_or_default(),
            wall_clock: WallClock::new(|| (js_sys::Date::now() / 1e3).max(0.0) as u64),
        }))
    }
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
