//! Key pairs, Diffie-Hellman and signatures over P-256 and over the curve of SM2, behind one interface.
//!
//! Secret keys are 32 bytes, big-endian; public keys are points in uncompressed form (SEC 1 §2.3.3,
//! GB/T 32918.1 §4.2.9), 65 bytes, and no other form is accepted, so that a key has one encoding in
//! a tree that is hashed. Signatures are in DER, as in TLS 1.3 (RFC 8446 §4.2.3, RFC 8998 §3.2.1).

use mls_rs_core::crypto::{HpkePublicKey, HpkeSecretKey};
use p256::ecdsa::{self, signature::Signer, signature::Verifier};
use p256::elliptic_curve::sec1::ToSec1Point;
use smrtc_crypto::secret::Secret;
use smrtc_crypto::sm2;

use super::error::CipherError;
use super::suite::Curve;
use crate::rng::Rng;

/// Length of a secret key in bytes.
pub(super) const SECRET_BYTES: usize = 32;

/// Length of a public key in bytes.
pub(super) const PUBLIC_BYTES: usize = 65;

impl Curve {
    /// A fresh key pair.
    pub(super) fn generate(
        self,
        rng: &mut dyn Rng,
    ) -> Result<(HpkeSecretKey, HpkePublicKey), CipherError> {
        match self {
            Self::Sm2 => {
                let key = sm2::SecretKey::generate(rng).map_err(|error| match error {
                    sm2::KeyGenerationError::Random(error) => error.into(),
                    _ => CipherError::SelfTest,
                })?;
                let public = key.public_key().to_sec1().to_vec();
                Ok((key.to_bytes().expose().to_vec().into(), public.into()))
            }
            Self::P256 => {
                let mut candidate = Secret::zeroed(SECRET_BYTES);
                for _ in 0..DRAWS {
                    rng.fill(candidate.expose_mut())?;
                    if let Ok(public) = self.public_of(candidate.expose()) {
                        return Ok((candidate.expose().to_vec().into(), public));
                    }
                }
                // A source that misses a range of nearly 2^256 so often is not random.
                Err(CipherError::SecretKey)
            }
        }
    }

    /// The public key of a secret key, which is checked.
    pub(super) fn public_of(self, secret: &[u8]) -> Result<HpkePublicKey, CipherError> {
        Ok(match self {
            Self::Sm2 => sm2_secret(secret)?.public_key().to_sec1().to_vec(),
            Self::P256 => p256_secret(secret)?
                .public_key()
                .to_sec1_point(false)
                .as_bytes()
                .to_vec(),
        }
        .into())
    }

    /// Whether `public` is a point of the curve, not that at infinity, in uncompressed form.
    pub(super) fn check_public(self, public: &[u8]) -> Result<(), CipherError> {
        match self {
            Self::Sm2 => sm2_public(public).map(|_| ()),
            Self::P256 => p256_public(public).map(|_| ()),
        }
    }

    /// The x-coordinate of the shared point.
    pub(super) fn agree(self, secret: &[u8], public: &[u8]) -> Result<Secret, CipherError> {
        match self {
            Self::Sm2 => sm2_secret(secret)?
                .agree(&sm2_public(public)?)
                .map_err(|_| CipherError::SelfTest),
            Self::P256 => {
                let (secret, public) = (p256_secret(secret)?, p256_public(public)?);
                let shared =
                    p256::ecdh::diffie_hellman(secret.to_nonzero_scalar(), public.as_affine());
                Ok(Secret::new(shared.raw_secret_bytes()))
            }
        }
    }

    /// A signature in DER. SM2 signs with the identifier 1234567812345678; P-256 with the nonce of
    /// RFC 6979.
    pub(super) fn sign(
        self,
        secret: &[u8],
        message: &[u8],
        rng: &mut dyn Rng,
    ) -> Result<Vec<u8>, CipherError> {
        match self {
            Self::Sm2 => sm2_secret(secret)?
                .sign(sm2::DEFAULT_ID, message, rng)
                .map(|signature| signature.to_der())
                .map_err(|error| match error {
                    sm2::SignError::Random(error) => error.into(),
                    _ => CipherError::SelfTest,
                }),
            Self::P256 => {
                let key = ecdsa::SigningKey::from(p256_secret(secret)?);
                let signature: ecdsa::Signature =
                    key.try_sign(message).map_err(|_| CipherError::SecretKey)?;
                Ok(signature.to_der().as_bytes().to_vec())
            }
        }
    }

    /// Verifies a signature in DER.
    pub(super) fn verify(
        self,
        public: &[u8],
        signature: &[u8],
        message: &[u8],
    ) -> Result<(), CipherError> {
        match self {
            Self::Sm2 => {
                let signature =
                    sm2::Signature::from_der(signature).map_err(|_| CipherError::Authentication)?;
                sm2_public(public)?
                    .verify(sm2::DEFAULT_ID, message, &signature)
                    .map_err(|error| match error {
                        sm2::VerifyError::SelfTest(_) => CipherError::SelfTest,
                        _ => CipherError::Authentication,
                    })
            }
            Self::P256 => {
                let signature = ecdsa::Signature::from_der(signature)
                    .map_err(|_| CipherError::Authentication)?;
                ecdsa::VerifyingKey::from(p256_public(public)?)
                    .verify(message, &signature)
                    .map_err(|_| CipherError::Authentication)
            }
        }
    }
}

pub(super) fn sm2_secret(bytes: &[u8]) -> Result<sm2::SecretKey, CipherError> {
    sm2::SecretKey::from_bytes(bytes).map_err(|_| CipherError::SecretKey)
}

pub(super) fn sm2_public(bytes: &[u8]) -> Result<sm2::PublicKey, CipherError> {
    uncompressed(bytes)?;
    sm2::PublicKey::from_sec1(bytes).map_err(|_| CipherError::PublicKey)
}

fn p256_secret(bytes: &[u8]) -> Result<p256::SecretKey, CipherError> {
    // `from_slice` also takes shorter keys.
    if bytes.len() != SECRET_BYTES {
        return Err(CipherError::SecretKey);
    }
    p256::SecretKey::from_slice(bytes).map_err(|_| CipherError::SecretKey)
}

fn p256_public(bytes: &[u8]) -> Result<p256::PublicKey, CipherError> {
    uncompressed(bytes)?;
    p256::PublicKey::from_sec1_bytes(bytes).map_err(|_| CipherError::PublicKey)
}

fn uncompressed(bytes: &[u8]) -> Result<(), CipherError> {
    let uncompressed = bytes.len() == PUBLIC_BYTES && bytes[0] == 4;
    uncompressed.then_some(()).ok_or(CipherError::PublicKey)
}

/// Candidates for a P-256 key before the random source is given up; each is out of range with
/// 2^-32.
const DRAWS: u32 = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::tests::Counting;

    #[test]
    fn keys_in_other_forms_are_refused() {
        for curve in [Curve::P256, Curve::Sm2] {
            let (secret, public) = curve.generate(&mut Counting(3)).unwrap();
            assert_eq!(curve.check_public(&public), Ok(()));
            let mut compressed = public[..33].to_vec();
            compressed[0] = 2 | public[64] & 1;
            let mut off_curve = public.to_vec();
            off_curve[64] ^= 1;
            let mut hybrid = public.to_vec();
            hybrid[0] = 6 | public[64] & 1;
            for bad in [
                &compressed[..],
                &off_curve,
                &hybrid,
                &[0],
                &[],
                &[4; 65],
                &[0; 65],
            ] {
                assert_eq!(
                    curve.check_public(bad),
                    Err(CipherError::PublicKey),
                    "{bad:?}"
                );
                assert!(curve.agree(&secret, bad).is_err());
            }
            for bad in [&[0; 32][..], &[0xff; 32], &secret[1..], &[1; 33]] {
                assert_eq!(curve.public_of(bad), Err(CipherError::SecretKey), "{bad:?}");
            }
        }
    }

    #[test]
    fn a_changed_signature_or_message_does_not_verify() {
        for curve in [Curve::P256, Curve::Sm2] {
            let mut rng = Counting(5);
            let (secret, public) = curve.generate(&mut rng).unwrap();
            let signature = curve.sign(&secret, b"message", &mut rng).unwrap();
            assert_eq!(curve.verify(&public, &signature, b"message"), Ok(()));
            assert!(curve.verify(&public, &signature, b"Message").is_err());
            let mut longer = signature.clone();
            longer.push(0);
            assert!(curve.verify(&public, &longer, b"message").is_err());
            for bit in 0..8 * signature.len() {
                let mut changed = signature.clone();
                changed[bit / 8] ^= 1 << (bit % 8);
                assert!(
                    curve.verify(&public, &changed, b"message").is_err(),
                    "bit {bit}"
                );
            }
        }
    }
}
