//! Private keys, and their encoding.

use core::fmt;

use ::sm2::Scalar;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::point;
use super::public_key::PublicKey;
use super::scalar::{self, SecretScalar};
use super::scrub::scrubbed;
use crate::secret::Secret;

/// Length of a private key in bytes.
pub const SECRET_KEY_BYTES: usize = 32;

/// The bytes are not a private key: not a number from 1 to n − 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an SM2 private key")]
pub struct InvalidSecretKey;

/// A private key with its public key; wiped on drop, printed as `[redacted]`, not comparable.
#[derive(Clone)]
pub struct SecretKey {
    d: SecretScalar,
    public_key: PublicKey,
}

impl SecretKey {
    /// Takes a key made elsewhere: 32 bytes, big-endian. The caller keeps the duty to wipe `bytes`.
    ///
    /// The public key is computed from it, so the pair belongs together; no consistency test is
    /// run.
    ///
    /// # Errors
    ///
    /// [`InvalidSecretKey`] if the length is not 32 or the number is not from 1 to n − 2.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidSecretKey> {
        scrubbed(|| Self::decode(bytes))
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, InvalidSecretKey> {
        let bytes = Zeroizing::new(
            <[u8; SECRET_KEY_BYTES]>::try_from(bytes).map_err(|_| InvalidSecretKey)?,
        );
        let d = scalar::decode_nonzero(&bytes)
            .map(SecretScalar::new)
            .ok_or(InvalidSecretKey)?;
        // n − 1 signs for nobody: 1 + d has no inverse.
        if (*d + Scalar::ONE).ct_eq(&Scalar::ZERO).into() {
            return Err(InvalidSecretKey);
        }
        let public_key = point::multiply_generator(&d)
            .map(PublicKey)
            .ok_or(InvalidSecretKey)?;
        Ok(Self { d, public_key })
    }

    /// 32 bytes, big-endian.
    pub fn to_bytes(&self) -> Secret {
        scrubbed(|| Secret::new(self.d.to_bytes().as_ref()))
    }

    /// The public key of this pair.
    pub fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    pub(crate) fn scalar(&self) -> &SecretScalar {
        &self.d
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey([redacted])")
    }
}
