use std::{
    io,
    sync::Arc,
    time::{Duration, SystemTime},
};

use rcgen::{
    CertificateParams, DistinguishedName, DnType, KeyPair, PKCS_ECDSA_P256_SHA256, SanType,
};
use rustls::{crypto::ring::sign::any_supported_type, sign::CertifiedKey};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tracing::{info, warn};

use super::{CertificateHash, CertificateStore, hash};

/// When self-signed certificates change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    /// From a certificate's start to its end. Browsers trust one by its hash for at most 14 days;
    /// default 13 days.
    pub validity: Duration,
    /// How long before its end a certificate is no longer served; default 2 days.
    pub retire_before_end: Duration,
    /// How long the next certificate is announced before it is served, so that open pages know its
    /// hash already; default 2 days.
    pub announce_before: Duration,
    /// How far in the past validity starts, for clients whose clocks are behind; default 1 hour.
    pub backdate: Duration,
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl Default for Lifetimes {
    fn default() -> Self {
        Self {
            validity: 13 * DAY,
            retire_before_end: 2 * DAY,
            announce_before: 2 * DAY,
            backdate: Duration::from_secs(60 * 60),
        }
    }
}

/// A self-signed ECDSA P-256 certificate and, towards its end, the next one.
#[derive(Debug)]
pub struct SelfSigned {
    lifetimes: Lifetimes,
    current: Generated,
    next: Option<Generated>,
}

#[derive(Clone, Debug)]
struct Generated {
    key: Arc<CertifiedKey>,
    hash: CertificateHash,
    ends: SystemTime,
}

impl SelfSigned {
    /// Makes the first certificate.
    ///
    /// # Errors
    ///
    /// If the system gives no randomness.
    pub fn generate(lifetimes: Lifetimes, now: SystemTime) -> io::Result<Self> {
        Ok(Self {
            lifetimes,
            current: generate(lifetimes, now)?,
            next: None,
        })
    }

    /// A store that serves the current certificate.
    #[must_use]
    pub fn store(&self) -> Arc<CertificateStore> {
        Arc::new(CertificateStore::new(
            self.current.key.clone(),
            self.hashes(),
        ))
    }

    /// Announces the next certificate or changes to it, if it is time to. Returns whether something
    /// changed.
    ///
    /// # Errors
    ///
    /// As [`Self::generate`]; the current certificate stays.
    pub fn tick(&mut self, now: SystemTime) -> io::Result<bool> {
        let mut changed = false;
        if now >= self.announce_at() && self.next.is_none() {
            self.next = Some(generate(self.lifetimes, now)?);
            changed = true;
        }
        if now >= self.retire_at()
            && let Some(next) = self.next.take()
        {
            self.current = next;
            changed = true;
        }
        Ok(changed)
    }

    /// When [`Self::tick`] has something to do next.
    #[must_use]
    pub fn next_change(&self) -> SystemTime {
        if self.next.is_none() {
            self.announce_at()
        } else {
            self.retire_at()
        }
    }

    /// Ticks for ever, and keeps `store` up to date.
    pub async fn renew(mut self, store: Arc<CertificateStore>) {
        loop {
            let wait = self
                .next_change()
                .duration_since(SystemTime::now())
                .unwrap_or_default();
            // In steps, since timers stop while a machine sleeps and certificates do not; and never
            // busy.
            tokio::time::sleep(wait.clamp(Duration::from_millis(100), Duration::from_secs(600)))
                .await;
            match self.tick(SystemTime::now()) {
                Ok(true) => {
                    store.replace(self.current.key.clone(), self.hashes());
                    info!(
                        announced = self.next.is_some(),
                        "self-signed certificate renewed"
                    );
                }
                Ok(false) => {}
                Err(error) => warn!(%error, "no new certificate; trying again"),
            }
        }
    }

    fn hashes(&self) -> Vec<CertificateHash> {
        let next = self.next.iter().map(|next| next.hash);
        std::iter::once(self.current.hash).chain(next).collect()
    }

    fn retire_at(&self) -> SystemTime {
        self.current.ends - self.lifetimes.retire_before_end
    }

    fn announce_at(&self) -> SystemTime {
        self.retire_at() - self.lifetimes.announce_before
    }
}

fn generate(lifetimes: Lifetimes, now: SystemTime) -> io::Result<Generated> {
    let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(io::Error::other)?;
    let starts = now - lifetimes.backdate;
    let ends = starts + lifetimes.validity;
    let mut params =
        CertificateParams::new(vec!["localhost".to_owned()]).map_err(io::Error::other)?;
    // Browsers that go by the hash ignore the names; other clients may not.
    for address in ["127.0.0.1", "::1"]
        .into_iter()
        .filter_map(|ip| ip.parse().ok())
    {
        params.subject_alt_names.push(SanType::IpAddress(address));
    }
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, "smrtc gateway");
    params.distinguished_name = name;
    params.not_before = starts.into();
    params.not_after = ends.into();
    let certificate = params.self_signed(&pair).map_err(io::Error::other)?;
    let der = certificate.der().clone();
    let hash = hash(&der);
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(pair.serialize_der()));
    let key = any_supported_type(&key).map_err(io::Error::other)?;
    Ok(Generated {
        key: Arc::new(CertifiedKey::new(vec![der], key)),
        hash,
        ends,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_overlap_and_the_next_is_known_before_it_is_served() {
        let lifetimes = Lifetimes::default();
        let mut now = SystemTime::now();
        let mut certificates = SelfSigned::generate(lifetimes, now).unwrap();
        let mut known: Vec<CertificateHash> = certificates.hashes();
        let mut served = vec![known[0]];
        for _ in 0..60 * 24 {
            now += Duration::from_secs(3600);
            certificates.tick(now).unwrap();
            let hashes = certificates.hashes();
            if hashes[0] != served[served.len() - 1] {
                assert!(known.contains(&hashes[0]), "served before it was announced");
                served.push(hashes[0]);
            }
            known = hashes;
            assert!(
                certificates.current.ends > now + DAY,
                "about to end and still served"
            );
            assert!(certificates.current.ends <= now + 13 * DAY);
        }
        assert!(served.len() > 5, "{} certificates in 60 days", served.len());
    }
}
