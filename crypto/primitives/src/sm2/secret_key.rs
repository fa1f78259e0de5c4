//! Private keys: generation with a pairwise consistency test, encoding, Diffie-Hellman.

use core::fmt;

use ::sm2::Scalar;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::point::SharedPoint;
use super::scalar::{self, SecretScalar};
use super::scrub::scrubbed;
use super::{PublicKey, SECRET_KEY_BYTES, point, self_test};
use crate::rng::{Rng, RngError};
use crate::secret::Secret;
use crate::self_test::{SelfTestFailed, Test};

/// The bytes are not a private key: not a number from 1 to n − 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an SM2 private key")]
pub struct InvalidSecretKey;

/// Why no key was generated.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyGenerationError {
    /// The random source failed.
    #[error(transparent)]
    Random(#[from] RngError),
    /// The random source gave the same 32 bytes twice in a row; it is stuck.
    #[error("the random source repeats itself")]
    StuckRandomness,
    /// The module is in its error state, perhaps since the new pair failed its consistency test;
    /// there is nothing to do but end the process.
    #[error(transparent)]
    SelfTest(#[from] SelfTestFailed),
}

/// Why no secret was agreed.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AgreeError {
    /// The module is in its error state; there is nothing to do but end the process.
    #[error(transparent)]
    SelfTest(#[from] SelfTestFailed),
}

/// A private key with its public key; wiped on drop, printed as `[redacted]`, not comparable.
#[derive(Clone)]
pub struct SecretKey {
    d: SecretScalar,
    public_key: PublicKey,
}

impl SecretKey {
    /// Draws a key uniformly from 1 to n − 2 (GB/T 32918.1-2016 §6.1) and tests that the pair signs
    /// and verifies, encrypts and decrypts.
    ///
    /// # Errors
    ///
    /// See [`KeyGenerationError`].
    pub fn generate(rng: &mut dyn Rng) -> Result<Self, KeyGenerationError> {
        Test::Sm2Signature.ensure()?;
        Test::Sm2Encryption.ensure()?;
        scrubbed(|| Self::draw(rng))
    }

    fn draw(rng: &mut dyn Rng) -> Result<Self, KeyGenerationError> {
        let mut previous = Zeroizing::new([0; SECRET_KEY_BYTES]);
        rng.fill(previous.as_mut())?;
        loop {
            let mut candidate = Zeroizing::new([0; SECRET_KEY_BYTES]);
            rng.fill(candidate.as_mut())?;
            if candidate.ct_eq(&*previous).into() {
                return Err(KeyGenerationError::StuckRandomness);
            }
            // Turned down about once in 2^32 draws.
            if let Ok(key) = Self::decode(candidate.as_ref()) {
                if !self_test::pairwise(&key, rng, Test::Sm2Pairwise.fault())? {
                    Test::Sm2Pairwise.fail();
                    return Err(SelfTestFailed.into());
                }
                return Ok(key);
            }
            previous = candidate;
        }
    }

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

    fn decode(bytes: &[u8]) -> Result<Self, InvalidSecretKey> {
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

    /// Diffie-Hellman: the x-coordinate, 32 bytes, of the point that both sides can compute.
    ///
    /// It is no key yet: derive one with the context of both sides. Authenticates nobody;
    /// [`super::exchange`] does.
    ///
    /// # Errors
    ///
    /// See [`AgreeError`].
    pub fn agree(&self, peer: &PublicKey) -> Result<Secret, AgreeError> {
        Test::Sm2Agreement.ensure()?;
        Ok(scrubbed(|| self.agree_untested(peer)))
    }

    pub(super) fn agree_untested(&self, peer: &PublicKey) -> Secret {
        let shared = SharedPoint::new(&self.d, &peer.0)
            .expect("the order is prime, the point not infinity and the scalar not zero");
        Secret::new(shared.x.as_ref())
    }

    pub(super) fn scalar(&self) -> &SecretScalar {
        &self.d
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey([redacted])")
    }
}
