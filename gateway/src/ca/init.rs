//! `smrtc-gateway ca init`: a new authority.

use std::{
    fs, io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    time::Duration,
};

use smrtc_crypto::sm2::SecretKey;

use super::{
    BACKDATED,
    certificate::{Times, self_signed},
    create,
    key::{self, SystemRng},
    pem,
};

/// Names of the files that [`init`] writes.
const FILES: [&str; 2] = ["ca.pem", "ca-key.pem"];

/// Why no authority was made.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// A file cannot be written, or exists already.
    #[error("cannot create {0}: {1}")]
    Create(PathBuf, #[source] io::Error),
    /// The name is empty or longer than 64 characters, or the lifetime is zero or ends after 2049.
    #[error(
        "the name must have 1 to 64 characters, and the certificate must live for a second at least and end before 2050"
    )]
    Argument,
    /// The system gave no randomness, or a self-test failed.
    #[error("no key could be made")]
    Key,
}

/// Makes a key and a certificate that it signs itself, valid from an hour before `now`, which
/// counts from 1970, until `lifetime` after it, and writes `ca.pem` and `ca-key.pem` into
/// `directory`, which it makes if there is none, for its owner only. Returns their paths. Neither
/// may exist.
///
/// # Errors
///
/// See [`InitError`].
pub fn init(
    directory: &Path,
    name: &str,
    now: Duration,
    lifetime: Duration,
) -> Result<[PathBuf; 2], InitError> {
    if name.is_empty() || name.chars().count() > 64 || name.chars().any(char::is_control) {
        return Err(InitError::Argument);
    }
    if lifetime < Duration::from_secs(1) {
        return Err(InitError::Argument);
    }
    let times = Times {
        not_before: now.saturating_sub(BACKDATED),
        not_after: now.checked_add(lifetime).ok_or(InitError::Argument)?,
    };
    let secret = SecretKey::generate(&mut SystemRng).map_err(|_| InitError::Key)?;
    let certificate = self_signed(name, &secret, times, &mut SystemRng);
    let certificate = certificate.map_err(|_| InitError::Argument)?;
    let secret = key::encode(&secret).map_err(|_| InitError::Key)?;
    let [public, private] = FILES.map(|file| directory.join(file));
    let failed = |(path, error)| InitError::Create(path, error);
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .map_err(|error| failed((directory.to_owned(), error)))?;
    // The key first: a certificate without its key would stand in the way of the next attempt for
    // nothing.
    create(&private, true, &pem("PRIVATE KEY", &secret)).map_err(failed)?;
    create(&public, false, &pem("CERTIFICATE", &certificate)).map_err(failed)?;
    Ok([public, private])
}
