//! The keys that join tokens are signed and checked with.

use std::{fs, path::Path};

use super::{ConfigError, ServeOptions, SigningKey};
use crate::auth::{self, Signer, Verifier};

impl ServeOptions {
    /// What checks join tokens, and what signs them where the gateway has the secret.
    pub(super) fn token_keys(&self, demo: bool) -> Result<(Verifier, Option<Signer>), ConfigError> {
        let given = [
            self.token_secret.is_some(),
            self.token_secret_file.is_some(),
            self.token_public_key.is_some(),
        ];
        if given.iter().filter(|given| **given).count() > 1 {
            return Err(ConfigError::TwoTokenKeys(
                "--token-secret, --token-secret-file and --token-public-key",
            ));
        }
        if let Some(path) = &self.token_public_key {
            if demo {
                return Err(ConfigError::DemoWithPublicKey);
            }
            let verifier = Verifier::es256(&read(path)?)
                .map_err(|error| ConfigError::TokenKey("--token-public-key", error))?;
            return Ok((verifier, None));
        }
        let (name, secret) = match (&self.token_secret, &self.token_secret_file) {
            (Some(secret), _) => ("--token-secret", secret.as_bytes().to_vec()),
            (None, Some(path)) => ("--token-secret-file", secret_of(path)?),
            (None, None) if demo => ("--demo", auth::random_secret().to_vec()),
            (None, None) => return Err(ConfigError::NoTokenKey),
        };
        let key = |error| ConfigError::TokenKey(name, error);
        Ok((
            Verifier::hs256(&secret).map_err(key)?,
            Some(Signer::hs256(&secret).map_err(key)?),
        ))
    }
}

impl SigningKey {
    /// The signer that the options describe.
    ///
    /// # Errors
    ///
    /// See [`ConfigError`].
    pub fn signer(&self) -> Result<Signer, ConfigError> {
        match (
            &self.token_secret,
            &self.token_secret_file,
            &self.token_private_key,
        ) {
            (Some(secret), None, None) => Signer::hs256(secret.as_bytes())
                .map_err(|error| ConfigError::TokenKey("--token-secret", error)),
            (None, Some(path), None) => Signer::hs256(&secret_of(path)?)
                .map_err(|error| ConfigError::TokenKey("--token-secret-file", error)),
            (None, None, Some(path)) => Signer::es256(&read(path)?)
                .map_err(|error| ConfigError::TokenKey("--token-private-key", error)),
            (None, None, None) => Err(ConfigError::NoTokenKey),
            _ => Err(ConfigError::TwoTokenKeys(
                "--token-secret, --token-secret-file and --token-private-key",
            )),
        }
    }
}

/// The bytes of a secret's file without the line end that editors add.
fn secret_of(path: &Path) -> Result<Vec<u8>, ConfigError> {
    let mut secret = read(path)?;
    while secret
        .last()
        .is_some_and(|byte| matches!(byte, b'\n' | b'\r'))
    {
        secret.pop();
    }
    Ok(secret)
}

fn read(path: &Path) -> Result<Vec<u8>, ConfigError> {
    fs::read(path).map_err(|error| ConfigError::Read(path.to_owned(), error))
}
