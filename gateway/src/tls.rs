//! The gateway's certificate: from PEM files, read again when they change, or self-signed and
//! renewed.
//!
//! QUIC and TCP ask the same [`CertificateStore`] at each handshake, so a new certificate needs no
//! restart and does not disturb open sessions.

mod pem;
mod self_signed;

use std::{
    io,
    sync::{Arc, PoisonError, RwLock},
};

use rustls::{
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};

pub use pem::{PemError, PemFiles};
pub use self_signed::{Lifetimes, SelfSigned};

/// SHA-256 of a certificate's DER encoding, as browsers compare it (`serverCertificateHashes`).
pub type CertificateHash = [u8; 32];

/// The certificate that is served now.
#[derive(Debug)]
pub struct CertificateStore {
    state: RwLock<Served>,
}

#[derive(Clone, Debug)]
struct Served {
    key: Arc<CertifiedKey>,
    hashes: Vec<CertificateHash>,
}

impl CertificateStore {
    /// Serves `key`; pages are told to trust exactly `hashes`, or the usual authorities if there
    /// are none.
    #[must_use]
    pub fn new(key: Arc<CertifiedKey>, hashes: Vec<CertificateHash>) -> Self {
        Self {
            state: RwLock::new(Served { key, hashes }),
        }
    }

    /// Replaces the certificate; new handshakes get the new one.
    pub fn replace(&self, key: Arc<CertifiedKey>, hashes: Vec<CertificateHash>) {
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = Served { key, hashes };
    }

    /// The hashes that pages are told: of the certificate served now first, then of the next if it
    /// is known.
    #[must_use]
    pub fn hashes(&self) -> Vec<CertificateHash> {
        self.served().hashes
    }

    fn served(&self) -> Served {
        self.state
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl ResolvesServerCert for CertificateStore {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.served().key)
    }
}

/// TLS settings that serve the certificate in `store`.
///
/// # Errors
///
/// If the crypto provider lacks what TLS needs, which would be a fault of the build.
pub fn server_config(store: Arc<CertificateStore>) -> io::Result<Arc<rustls::ServerConfig>> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_cert_resolver(store);
    Ok(Arc::new(config))
}

fn hash(certificate: &[u8]) -> CertificateHash {
    let mut hash = CertificateHash::default();
    hash.copy_from_slice(ring::digest::digest(&ring::digest::SHA256, certificate).as_ref());
    hash
}
