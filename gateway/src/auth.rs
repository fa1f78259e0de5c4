//! Turns the bytes of a join token into [`Permissions`], which rooms ask for.
//!
//! Tokens are JWTs (RFC 7519) signed with HS256 or ES256. Only the algorithm of the configured key
//! is accepted, whatever a token's header says. This module knows no users: the holder of the
//! signing key decides who may join.

mod claims;
mod provider;
mod public_key;
#[cfg(test)]
mod tests;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use claims::{Claims, NewClaims};

/// Longest room or user id accepted in a token, in bytes of UTF-8.
pub const MAX_ID_BYTES: usize = 128;

/// Shortest HS256 secret accepted: as long as the hash, RFC 7518 §3.2.
pub const MIN_SECRET_BYTES: usize = 32;

/// Longest token that is parsed, in bytes; bounds the work before a client is authenticated.
const MAX_TOKEN_BYTES: usize = 4096;

/// What a participant may do in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// May publish and subscribe.
    Anchor,
    /// May only subscribe.
    Audience,
}

/// What a valid token allows. Made by [`Verifier::verify`] only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permissions {
    room: String,
    user: String,
    role: Role,
}

impl Permissions {
    /// The one room that may be joined.
    #[must_use]
    pub fn room(&self) -> &str {
        &self.room
    }

    /// The user to join as.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }

    /// What the user may do there.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// Permissions without a token, for tests.
    #[cfg(test)]
    pub(crate) fn for_test(room: &str, user: &str, role: Role) -> Self {
        Self {
            room: room.to_owned(),
            user: user.to_owned(),
            role,
        }
    }
}

/// Why a token was refused.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not a JWT, a claim is missing, the algorithm is another, an extension is critical, or the
    /// signature is wrong. Close code 4401.
    #[error("the token is missing, malformed or not signed by us")]
    Invalid,
    /// `exp` has passed. Close code 4402.
    #[error("the token has expired")]
    Expired,
    /// `nbf` lies in the future. Close code 4402.
    #[error("the token is not valid yet")]
    NotYetValid,
}

/// Why a key cannot be used for tokens.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// An HS256 secret is shorter than [`MIN_SECRET_BYTES`].
    #[error("the token secret must have at least 32 bytes")]
    SecretTooShort,
    /// Not a PEM file with a P-256 key of the kind needed.
    #[error("not an ECDSA P-256 key in PEM form (PKCS#8 private, SPKI public)")]
    Pem,
    /// A public key of another algorithm, such as RSA or Ed25519.
    #[error("not an ECDSA key: ES256 needs one on the curve P-256")]
    NotElliptic,
    /// A public key on another curve.
    #[error("the key is on {0}: ES256 needs one on the curve P-256")]
    Curve(&'static str),
    /// A public key that is compressed, or no point of the curve.
    #[error("the key is no uncompressed point of the curve P-256")]
    Point,
}

/// Checks join tokens against one key.
#[derive(Clone)]
pub struct Verifier {
    key: DecodingKey,
    validation: Validation,
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Verifier([redacted])")
    }
}

impl Verifier {
    /// Accepts HS256 tokens under `secret`.
    ///
    /// # Errors
    ///
    /// [`KeyError::SecretTooShort`].
    pub fn hs256(secret: &[u8]) -> Result<Self, KeyError> {
        check_secret(secret)?;
        Ok(Self::new(
            DecodingKey::from_secret(secret),
            Algorithm::HS256,
        ))
    }

    /// Accepts ES256 tokens under the public key in `pem`.
    ///
    /// # Errors
    ///
    /// See [`KeyError`].
    pub fn es256(pem: &[u8]) -> Result<Self, KeyError> {
        Ok(Self::new(public_key::decode(pem)?, Algorithm::ES256))
    }

    fn new(key: DecodingKey, algorithm: Algorithm) -> Self {
        provider::install();
        let mut validation = Validation::new(algorithm);
        // Looked at here, for the crate does not take all that RFC 7519 calls a time.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        // An audience is the business of whoever issues tokens for several services with one key;
        // we have no name to compare.
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        Self { key, validation }
    }

    /// Checks `token` and returns what it allows now.
    ///
    /// # Errors
    ///
    /// See [`TokenError`]; nothing of the token is repeated in it.
    pub fn verify(&self, token: &str) -> Result<Permissions, TokenError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::Invalid);
        }
        let decoded = jsonwebtoken::decode::<Claims>(token, &self.key, &self.validation)
            .map_err(|_| TokenError::Invalid)?;
        // What must be understood, and we understand no extension (RFC 7515 §4.1.11).
        if decoded.header.crit.is_some() {
            return Err(TokenError::Invalid);
        }
        let claims = decoded.claims;
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        claims.check_time(now.unwrap_or_default())?;
        if !is_valid_id(&claims.room) || !is_valid_id(&claims.sub) {
            return Err(TokenError::Invalid);
        }
        Ok(Permissions {
            room: claims.room,
            user: claims.sub,
            role: claims.role,
        })
    }
}

/// Makes join tokens, for `smrtc-gateway token`, the demo page and tests.
#[derive(Clone)]
pub struct Signer {
    key: EncodingKey,
    algorithm: Algorithm,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signer([redacted])")
    }
}

impl Signer {
    /// Signs with HS256 under `secret`.
    ///
    /// # Errors
    ///
    /// [`KeyError::SecretTooShort`].
    pub fn hs256(secret: &[u8]) -> Result<Self, KeyError> {
        check_secret(secret)?;
        provider::install();
        Ok(Self {
            key: EncodingKey::from_secret(secret),
            algorithm: Algorithm::HS256,
        })
    }

    /// Signs with ES256 under the PKCS#8 private key in `pem`.
    ///
    /// # Errors
    ///
    /// [`KeyError::Pem`].
    pub fn es256(pem: &[u8]) -> Result<Self, KeyError> {
        provider::install();
        let signer = Self {
            key: EncodingKey::from_ec_pem(pem).map_err(|_| KeyError::Pem)?,
            algorithm: Algorithm::ES256,
        };
        // A PEM of another curve parses; signing once tells.
        jsonwebtoken::crypto::sign(b"", &signer.key, signer.algorithm)
            .map_err(|_| KeyError::Pem)?;
        Ok(signer)
    }

    /// Makes a token that is valid from `now` for `ttl`. `now` counts from 1970.
    ///
    /// # Errors
    ///
    /// [`TokenError::Invalid`] if an id is empty, longer than [`MAX_ID_BYTES`] or holds control
    /// characters.
    pub fn sign(
        &self,
        room: &str,
        user: &str,
        role: Role,
        now: Duration,
        ttl: Duration,
    ) -> Result<String, TokenError> {
        if !is_valid_id(room) || !is_valid_id(user) {
            return Err(TokenError::Invalid);
        }
        let claims = NewClaims {
            room,
            sub: user,
            role,
            exp: now.saturating_add(ttl).as_secs(),
            nbf: now.as_secs(),
            iat: now.as_secs(),
        };
        jsonwebtoken::encode(&Header::new(self.algorithm), &claims, &self.key)
            .map_err(|_| TokenError::Invalid)
    }
}

/// A fresh HS256 secret for a gateway that signs its own tokens only (`--demo`).
#[must_use]
pub fn random_secret() -> Zeroizing<Vec<u8>> {
    let mut secret = Zeroizing::new(vec![0; MIN_SECRET_BYTES]);
    rand::fill(secret.as_mut_slice());
    secret
}

fn check_secret(secret: &[u8]) -> Result<(), KeyError> {
    if secret.len() < MIN_SECRET_BYTES {
        return Err(KeyError::SecretTooShort);
    }
    Ok(())
}

fn is_valid_id(id: &str) -> bool {
    !id.is_empty() && id.len() <= MAX_ID_BYTES && !id.chars().any(char::is_control)
}
