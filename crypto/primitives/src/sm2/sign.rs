//! Signing and verifying (GB/T 32918.2-2016 §6, §7), with SM3.
//!
//! ```text
//! e = SM3(Z_A ‖ M)    (x1, y1) = [k]G    r = e + x1    s = (1 + d)⁻¹ · (k − r·d)          mod n
//! again with another k if r = 0, r + k = n or s = 0
//!
//! t = r + s ≠ 0       (x1, y1) = [s]G + [t]P            valid if e + x1 = r                 mod n
//! ```
//!
//! s is computed as (1 + d)⁻¹ · (k + r) − r, which is the same and multiplies by one secret less.

use ::sm2::elliptic_curve::ops::LinearCombination;
use ::sm2::elliptic_curve::point::AffineCoordinates;
use ::sm2::{ProjectivePoint, Scalar};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::nonce::{self, Nonces};
use super::public_key::PublicKey;
use super::scrub::scrubbed;
use super::secret_key::SecretKey;
use super::signature::Signature;
use super::worked_examples::{D, K, MESSAGE, SIGNATURE};
use super::za::{DEFAULT_ID, InvalidId, za};
use super::{point, scalar};
use crate::hash::{Hash, known_answers::HMAC_SM3};
use crate::known_answer::{KnownAnswer, SelfTestFailed};
use crate::rng::{Rng, RngError};

/// Why nothing was signed.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// The identity is too long.
    #[error(transparent)]
    Id(#[from] InvalidId),
    /// The random source failed.
    #[error(transparent)]
    Random(#[from] RngError),
    /// The module is in its error state; there is nothing to do but end the process.
    #[error(transparent)]
    SelfTest(#[from] SelfTestFailed),
}

/// Why a signature was not accepted.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// The identity is too long.
    #[error(transparent)]
    Id(#[from] InvalidId),
    /// The signature is not this key's for this identity and message.
    #[error("wrong SM2 signature")]
    Signature,
    /// The module is in its error state; there is nothing to do but end the process.
    #[error(transparent)]
    SelfTest(#[from] SelfTestFailed),
}

impl SecretKey {
    /// Signs `message` as `id`, which is [`super::DEFAULT_ID`] unless another is agreed.
    ///
    /// Safe with a random source that repeats itself: the nonce depends on key and message too.
    ///
    /// # Errors
    ///
    /// See [`SignError`].
    pub fn sign(
        &self,
        id: &[u8],
        message: &[u8],
        rng: &mut dyn Rng,
    ) -> Result<Signature, SignError> {
        KNOWN_ANSWER.ensure()?;
        scrubbed(|| self.sign_untested(id, message, rng))
    }

    /// Signs with the nonce `k`, for test vectors. `None` if `k` is not from 1 to n − 1 or gives no
    /// signature.
    #[cfg(feature = "_test_support")]
    pub fn sign_with_k(&self, id: &[u8], message: &[u8], k: &[u8; 32]) -> Option<Signature> {
        let e = digest(id, self.public_key(), message).ok()?;
        self.sign_digest(&e, &scalar::decode_nonzero(k)?)
    }

    pub(super) fn sign_untested(
        &self,
        id: &[u8],
        message: &[u8],
        rng: &mut dyn Rng,
    ) -> Result<Signature, SignError> {
        let e = digest(id, self.public_key(), message)?;
        let randomness = nonce::draw(rng)?;
        let mut nonces = Nonces::new(&self.scalar().to_bytes(), &e, randomness.as_ref());
        loop {
            if let Some(signature) = self.sign_digest(&e, &nonces.next()) {
                return Ok(signature);
            }
        }
    }

    pub(super) fn sign_digest(&self, e: &Scalar, k: &Scalar) -> Option<Signature> {
        let r = e + &x_mod_n(&point::multiply_generator(k)?);
        let r_plus_k = Zeroizing::new(r + k);
        if is_zero(&r) || is_zero(&r_plus_k) {
            return None;
        }
        let one_plus_d = Zeroizing::new(Scalar::ONE + **self.scalar());
        // Not zero: d is at most n − 2.
        let inverse = Zeroizing::new(one_plus_d.invert().into_option()?);
        let s = *inverse * *r_plus_k - r;
        (!is_zero(&s)).then(|| Signature::from_scalars(&r, &s))
    }
}

impl PublicKey {
    /// Verifies that the owner of this key signed `message` as `id`.
    ///
    /// # Errors
    ///
    /// [`VerifyError`] if not.
    pub fn verify(
        &self,
        id: &[u8],
        message: &[u8],
        signature: &Signature,
    ) -> Result<(), VerifyError> {
        KNOWN_ANSWER.ensure()?;
        self.verify_untested(id, message, signature)
    }

    pub(super) fn verify_untested(
        &self,
        id: &[u8],
        message: &[u8],
        signature: &Signature,
    ) -> Result<(), VerifyError> {
        let e = digest(id, self, message)?;
        if self.verify_digest(&e, signature) {
            Ok(())
        } else {
            Err(VerifyError::Signature)
        }
    }

    /// Its time depends on its arguments, which are all public.
    pub(super) fn verify_digest(&self, e: &Scalar, signature: &Signature) -> bool {
        let Some((r, s)) = signature.scalars() else {
            return false;
        };
        let t = r + s;
        if is_zero(&t) {
            return false;
        }
        let sum = ProjectivePoint::lincomb_vartime(&[
            (ProjectivePoint::GENERATOR, s),
            (ProjectivePoint::from(&self.0), t),
        ]);
        point::not_infinity(sum).is_some_and(|sum| e + &x_mod_n(&sum) == r)
    }
}

/// e = SM3(Z_A ‖ M) modulo n.
pub(super) fn digest(id: &[u8], signer: &PublicKey, message: &[u8]) -> Result<Scalar, InvalidId> {
    let za = za(id, &signer.0)?;
    let e = Hash::Sm3.digest(&[za.as_bytes(), message]);
    Ok(scalar::reduce_digest(&e))
}

fn x_mod_n(point: &::sm2::AffinePoint) -> Scalar {
    scalar::reduce(&point.x().into())
}

fn is_zero(scalar: &Scalar) -> bool {
    scalar.ct_eq(&Scalar::ZERO).into()
}

/// Whether the example is signed as it should be, verified, and refused with a bit changed.
pub(crate) static KNOWN_ANSWER: KnownAnswer =
    KnownAnswer::new(&[&HMAC_SM3], |fault| known_answer(fault).unwrap_or(false));

fn known_answer(fault: u8) -> Option<bool> {
    let key = SecretKey::from_bytes(&D).ok()?;
    let e = digest(DEFAULT_ID, key.public_key(), MESSAGE).ok()?;
    let signature = key.sign_digest(&e, &scalar::decode_nonzero(&K)?)?;
    let mut computed = signature.to_bytes();
    computed[0] ^= fault;
    let signed = computed == SIGNATURE;

    let verify = |bytes: &[u8; 64]| {
        Signature::from_bytes(bytes).is_ok_and(|signature| {
            key.public_key()
                .verify_untested(DEFAULT_ID, MESSAGE, &signature)
                .is_ok()
        })
    };
    let mut wrong = SIGNATURE;
    wrong[63] ^= 1;
    Some(signed && verify(&SIGNATURE) && !verify(&wrong))
}
