use std::{
    fs, io,
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use rustls::{crypto::ring::sign::any_supported_type, sign::CertifiedKey};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use tokio::sync::Notify;
use tracing::{info, warn};
use x509_cert::{Certificate, der::Decode};
use zeroize::Zeroizing;

use super::{CertificateHash, CertificateStore, hash};

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
    /// The certificate has expired, so every client would refuse it.
    #[error("the certificate in {0} has expired")]
    Expired(PathBuf),
    /// The certificate is not valid yet.
    #[error("the certificate in {0} is not valid yet; is this machine's clock right?")]
    NotYetValid(PathBuf),
}

/// The contents of the two files.
struct Contents {
    certificate: Vec<u8>,
    key: Zeroizing<Vec<u8>>,
}

impl Contents {
    /// Hashes are compared, not modification times: a file moved over another may be as old.
    fn hashes(&self) -> [CertificateHash; 2] {
        [hash(&self.certificate), hash(&self.key)]
    }
}

impl PemFiles {
    /// Reads both files.
    ///
    /// # Errors
    ///
    /// See [`PemError`].
    pub fn load(&self) -> Result<Arc<CertifiedKey>, PemError> {
        self.parse(&self.read()?)
    }

    fn read(&self) -> Result<Contents, PemError> {
        let read =
            |path: &PathBuf| fs::read(path).map_err(|error| PemError::Read(path.clone(), error));
        Ok(Contents {
            certificate: read(&self.certificate)?,
            key: Zeroizing::new(read(&self.key)?),
        })
    }

    fn parse(&self, contents: &Contents) -> Result<Arc<CertifiedKey>, PemError> {
        let chain: Vec<_> = CertificateDer::pem_slice_iter(&contents.certificate)
            .collect::<Result<_, _>>()
            .map_err(|error| PemError::Parse(self.certificate.clone(), error))?;
        let Some(own) = chain.first() else {
            let error = rustls_pki_types::pem::Error::NoItemsFound;
            return Err(PemError::Parse(self.certificate.clone(), error));
        };
        self.check_time(own)?;
        let key = PrivateKeyDer::from_pem_slice(&contents.key)
            .map_err(|error| PemError::Parse(self.key.clone(), error))?;
        let key = any_supported_type(&key).map_err(PemError::Mismatch)?;
        let certified = CertifiedKey::new(chain, key);
        certified.keys_match().map_err(PemError::Mismatch)?;
        Ok(Arc::new(certified))
    }

    /// This parser may be stricter than clients: a certificate that it cannot read is served all
    /// the same.
    fn check_time(&self, certificate: &[u8]) -> Result<(), PemError> {
        let Ok(parsed) = Certificate::from_der(certificate) else {
            return Ok(());
        };
        let validity = parsed.tbs_certificate().validity();
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.unwrap_or_default();
        if now > validity.not_after.to_unix_duration() {
            return Err(PemError::Expired(self.certificate.clone()));
        }
        if now < validity.not_before.to_unix_duration() {
            return Err(PemError::NotYetValid(self.certificate.clone()));
        }
        Ok(())
    }

    /// Loads the files again whenever their contents have changed. Checks every `interval`, and
    /// when `now` is notified. Never returns.
    ///
    /// Files that do not fit together are left for the next check: a renewal writes one after the
    /// other.
    pub async fn watch(self, store: Arc<CertificateStore>, interval: Duration, now: Arc<Notify>) {
        let mut seen = self.read().ok().map(|contents| contents.hashes());
        let mut waits = false;
        loop {
            let asked = tokio::select! {
                () = tokio::time::sleep(interval) => false,
                () = now.notified() => true,
            };
            let contents = self.read();
            let hashes = contents.as_ref().ok().map(Contents::hashes);
            let changed = hashes != seen;
            if !changed && !asked && !waits {
                continue;
            }
            let loaded = contents.and_then(|contents| self.parse(&contents));
            // One whose time comes is taken then.
            waits = matches!(&loaded, Err(PemError::NotYetValid(_)));
            match loaded {
                Ok(key) => {
                    store.replace(key, Vec::new());
                    info!("certificate reloaded");
                }
                // One warning for each change.
                Err(error) if changed || asked => {
                    warn!(%error, "certificate not reloaded; the old one stays");
                }
                Err(_) => {}
            }
            seen = hashes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(directory: &tempfile::TempDir) -> PemFiles {
        PemFiles {
            certificate: directory.path().join("certificate.pem"),
            key: directory.path().join("key.pem"),
        }
    }

    #[tokio::test]
    async fn files_as_old_as_those_before_are_read_and_so_they_are_when_somebody_asks() {
        let directory = tempfile::tempdir().unwrap();
        let files = files(&directory);
        let time = SystemTime::now() - Duration::from_secs(3_600);
        let write = |files: &PemFiles| {
            let own = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
            for (path, text) in [
                (&files.key, own.signing_key.serialize_pem()),
                (&files.certificate, own.cert.pem()),
            ] {
                fs::write(path, text).unwrap();
                let file = fs::File::options().write(true).open(path).unwrap();
                file.set_modified(time).unwrap();
            }
            own.cert.der().clone()
        };
        let never = Duration::from_secs(86_400);
        for (interval, is_asked) in [(Duration::from_millis(10), false), (never, true)] {
            write(&files);
            let store = Arc::new(CertificateStore::new(files.load().unwrap(), Vec::new()));
            let ask = Arc::new(Notify::new());
            let watch = files.clone().watch(store.clone(), interval, ask.clone());
            let watch = tokio::spawn(watch);
            // It has looked once by now, on this one thread.
            tokio::task::yield_now().await;
            let new = write(&files);
            if is_asked {
                ask.notify_one();
            }
            let started = std::time::Instant::now();
            while store.served().key.cert[0] != new {
                assert!(started.elapsed() < Duration::from_secs(60), "not taken");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            watch.abort();
        }
    }

    #[test]
    fn a_certificate_that_every_client_refuses_is_refused_here() {
        let directory = tempfile::tempdir().unwrap();
        let files = files(&directory);
        let pair = rcgen::KeyPair::generate().unwrap();
        fs::write(&files.key, pair.serialize_pem()).unwrap();
        let day = Duration::from_secs(86_400);
        let today = SystemTime::now();
        let load = |from: SystemTime, to: SystemTime| {
            let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
            params.not_before = from.into();
            params.not_after = to.into();
            let certificate = params.self_signed(&pair).unwrap();
            fs::write(&files.certificate, certificate.pem()).unwrap();
            files.load()
        };
        assert!(load(today - day, today + day).is_ok());
        let past = load(today - 2 * day, today - day);
        assert!(matches!(past, Err(PemError::Expired(_))), "{past:?}");
        let future = load(today + day, today + 2 * day);
        assert!(
            matches!(future, Err(PemError::NotYetValid(_))),
            "{future:?}"
        );
    }
}
