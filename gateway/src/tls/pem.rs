use std::{
    fs, io,
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};

use rustls::{crypto::ring::sign::any_supported_type, sign::CertifiedKey};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use tracing::{info, warn};

use super::CertificateStore;

/// A certificate chain and its key in PEM files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PemFiles {
    /// The chain, the server's own certificate first.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// Why PEM files cannot be used.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum PemError {
    /// A file cannot be read.
    #[error("cannot read {0}: {1}")]
    Read(PathBuf, #[source] io::Error),
    /// A file holds no certificate, or no key.
    #[error("{0} holds no usable PEM section: {1}")]
    Parse(PathBuf, #[source] rustls_pki_types::pem::Error),
    /// The key is of a kind that TLS does not know, or does not belong to the certificate.
    #[error("the key does not fit the certificate: {0}")]
    Mismatch(#[source] rustls::Error),
}

impl PemFiles {
    /// Reads both files.
    ///
    /// # Errors
    ///
    /// See [`PemError`].
    pub fn load(&self) -> Result<Arc<CertifiedKey>, PemError> {
        let read =
            |path: &PathBuf| fs::read(path).map_err(|error| PemError::Read(path.clone(), error));
        let chain: Vec<_> = CertificateDer::pem_slice_iter(&read(&self.certificate)?)
            .collect::<Result<_, _>>()
            .map_err(|error| PemError::Parse(self.certificate.clone(), error))?;
        if chain.is_empty() {
            let error = rustls_pki_types::pem::Error::NoItemsFound;
            return Err(PemError::Parse(self.certificate.clone(), error));
        }
        let key = PrivateKeyDer::from_pem_slice(&read(&self.key)?)
            .map_err(|error| PemError::Parse(self.key.clone(), error))?;
        let key = any_supported_type(&key).map_err(PemError::Mismatch)?;
        let certified = CertifiedKey::new(chain, key);
        certified.keys_match().map_err(PemError::Mismatch)?;
        Ok(Arc::new(certified))
    }

    /// Loads the files again whenever one of them has changed; looks every `interval`. Never returns.
    ///
    /// Files that do not fit together are left for the next look: a renewal writes one after the other.
    pub async fn watch(self, store: Arc<CertificateStore>, interval: Duration) {
        let mut loaded = self.modified();
        loop {
            tokio::time::sleep(interval).await;
            let modified = self.modified();
            if modified == loaded {
                continue;
            }
            match self.load() {
                Ok(key) => {
                    store.replace(key, Vec::new());
                    info!("certificate reloaded");
                }
                Err(error) => warn!(%error, "certificate not reloaded; the old one stays"),
            }
            // Also after an error: one warning for each change.
            loaded = modified;
        }
    }

    fn modified(&self) -> [Option<SystemTime>; 2] {
        [&self.certificate, &self.key]
            .map(|path| fs::metadata(path).and_then(|file| file.modified()).ok())
    }
}
