//! A certification authority for development and small installations: certifies that an SM2 key
//! belongs to the user of a join token, for some hours (`crypto/SPEC.md` §7.8).
//!
//! It is not an enterprise's authority. It knows users only by their tokens, so a certificate is
//! worth as much as the issuer of tokens; it keeps no record, publishes no revocation list, and its
//! key is in a file. It signs with SM2 only.

mod certificate;
mod error;
mod init;
mod key;
mod request;
#[cfg(test)]
mod tests;

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use rustls_pki_types::{CertificateDer, PrivatePkcs8KeyDer, pem::PemObject};
use smrtc_crypto::sm2::{PublicKey, SecretKey};
use x509_cert::{Certificate, der::Decode, name::Name};

pub use error::{AuthorityError, IssueError};
pub use init::{InitError, init};

use certificate::{Leaf, Times, issue};
use key::SystemRng;

/// How long a member's certificate is valid unless configured: 12 h.
pub const DEFAULT_LIFETIME: Duration = Duration::from_secs(12 * 3600);

/// Longest life of a member's certificate: 31 days.
pub const MAX_LIFETIME: Duration = Duration::from_secs(31 * 86_400);

/// How long before its issue a certificate begins, since clocks differ.
const BACKDATED: Duration = Duration::from_secs(3_600);

/// The authority: its certificate and key.
pub struct Authority {
    certificate: Vec<u8>,
    name: Name,
    not_before: Duration,
    not_after: Duration,
    key: SecretKey,
    lifetime: Duration,
}

/// A member's certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issued {
    /// The member's certificate and the authority's, each in DER.
    pub chain: [Vec<u8>; 2],
    /// When it ends, since 1970.
    pub not_after: Duration,
}

impl Authority {
    /// Reads certificate and key from PEM files, such as [`init`] writes.
    ///
    /// # Errors
    ///
    /// See [`AuthorityError`].
    pub fn load(
        certificate: &Path,
        key: &Path,
        lifetime: Duration,
    ) -> Result<Self, AuthorityError> {
        let read = |path: &Path| {
            fs::read(path).map_err(|error| AuthorityError::Read(path.to_owned(), error))
        };
        let pem = |path: &Path| {
            let path = path.to_owned();
            move |error| AuthorityError::Parse(path, error)
        };
        let der = CertificateDer::from_pem_slice(&read(certificate)?).map_err(pem(certificate))?;
        let secret = zeroize::Zeroizing::new(read(key)?);
        let secret = PrivatePkcs8KeyDer::from_pem_slice(&secret).map_err(pem(key))?;
        let secret = key::decode(secret.secret_pkcs8_der()).ok_or(AuthorityError::Key)?;
        Self::new(&der, secret, lifetime)
    }

    fn new(der: &[u8], key: SecretKey, lifetime: Duration) -> Result<Self, AuthorityError> {
        if lifetime.is_zero() || lifetime > MAX_LIFETIME {
            return Err(AuthorityError::Lifetime);
        }
        let parsed = Certificate::from_der(der).map_err(|_| AuthorityError::Certificate)?;
        let tbs = parsed.tbs_certificate();
        let public = tbs.subject_public_key_info().subject_public_key.as_bytes();
        let public = public.and_then(|public| PublicKey::from_sec1(public).ok());
        if public.as_ref() != Some(key.public_key()) {
            return Err(AuthorityError::Mismatch);
        }
        if !certificate::is_authority(tbs) {
            return Err(AuthorityError::Certificate);
        }
        Ok(Self {
            certificate: der.to_vec(),
            name: tbs.subject().clone(),
            not_before: tbs.validity().not_before.to_unix_duration(),
            not_after: tbs.validity().not_after.to_unix_duration(),
            key,
            lifetime,
        })
    }

    /// Whether the authority's own certificate is valid at `now`, which counts from 1970. If it is
    /// not, nobody accepts the certificates that it issues.
    ///
    /// # Errors
    ///
    /// [`AuthorityError::Expired`] and [`AuthorityError::NotYetValid`].
    pub fn check(&self, now: Duration) -> Result<(), AuthorityError> {
        if now >= self.not_after {
            return Err(AuthorityError::Expired);
        }
        if now < self.not_before {
            return Err(AuthorityError::NotYetValid);
        }
        Ok(())
    }

    /// Certifies that the key of a PKCS#10 request, in DER, is `user`'s. `now` counts from 1970.
    /// The subject of the request is ignored.
    ///
    /// # Errors
    ///
    /// See [`IssueError`].
    pub fn issue(&self, user: &str, request: &[u8], now: Duration) -> Result<Issued, IssueError> {
        let public_key = request::verify(request)?;
        let not_after = (now + self.lifetime).min(self.not_after);
        if not_after <= now {
            return Err(IssueError::AuthorityExpired);
        }
        let leaf = Leaf {
            user,
            public_key: &public_key,
            issuer: &self.name,
            times: Times {
                not_before: now.saturating_sub(BACKDATED),
                not_after,
            },
        };
        let certificate = issue(&leaf, &self.key, &mut SystemRng)?;
        Ok(Issued {
            chain: [certificate, self.certificate.clone()],
            not_after,
        })
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Authority({}, [redacted])", self.name)
    }
}

/// A PEM section (RFC 7468).
fn pem(label: &str, der: &[u8]) -> zeroize::Zeroizing<String> {
    use base64::{Engine, prelude::BASE64_STANDARD};
    let base64 = zeroize::Zeroizing::new(BASE64_STANDARD.encode(der));
    let mut text = zeroize::Zeroizing::new(String::with_capacity(2 * der.len() + 100));
    text.push_str(&format!("-----BEGIN {label}-----\n"));
    for line in base64.as_bytes().chunks(64) {
        text.extend(line.iter().copied().map(char::from));
        text.push('\n');
    }
    text.push_str(&format!("-----END {label}-----\n"));
    text
}

/// Creates a file that only its owner may read, or that anybody may; never overwrites one.
fn create(path: &Path, private: bool, text: &str) -> Result<(), (PathBuf, io::Error)> {
    use std::{io::Write, os::unix::fs::OpenOptionsExt};
    let mode = if private { 0o600 } else { 0o644 };
    fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| (path.to_owned(), error))
}
