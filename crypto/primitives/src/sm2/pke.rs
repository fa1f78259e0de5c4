//! Public-key encryption (GB/T 32918.4-2016).
//!
//! ```text
//! C1 = [k]G    (x2, y2) = [k]P = [d]C1    t = KDF(x2 ‖ y2, |M|)    C2 = M ⊕ t    C3 = SM3(x2 ‖ M ‖ y2)
//! ```
//!
//! The raw form is C1 ‖ C3 ‖ C2 with C1 uncompressed: 97 bytes more than the message.
//! [`raw_to_der`] and [`der_to_raw`] convert it from and to `SM2Cipher` of GM/T 0009. For keys and
//! other short secrets; for anything long, encrypt a key. It authenticates no sender.

use alloc::vec::Vec;

use ::sm2::{AffinePoint, Scalar};
use subtle::ConstantTimeEq;

use super::nonce::{self, Nonces};
use super::point::SharedPoint;
use super::point::{self, PUBLIC_KEY_BYTES};
use super::public_key::PublicKey;
use super::scrub::scrubbed;
use super::secret_key::SecretKey;
use super::worked_examples::{CIPHERTEXT, D, K, PLAINTEXT};
use super::{der, kdf, scalar};
use crate::hash::{Hash, known_answers::HMAC_SM3};
use crate::known_answer::{KnownAnswer, SelfTestFailed};
use crate::rng::{Rng, RngError};
use crate::secret::Secret;

/// The longest message in bytes: ours, not the standard's.
pub const MAX_MESSAGE_BYTES: usize = 1 << 16;

/// Bytes of a raw ciphertext beyond those of its message.
pub const OVERHEAD_BYTES: usize = PUBLIC_KEY_BYTES + C3_BYTES;

/// Why nothing was encrypted.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncryptError {
    /// The message is empty or longer than [`MAX_MESSAGE_BYTES`].
    #[error("message length not from 1 to 65536 bytes")]
    Length,
    /// The random source failed.
    #[error(transparent)]
    Random(#[from] RngError),
    /// The module is in its error state; there is nothing to do but end the process.
    #[error(transparent)]
    SelfTest(#[from] SelfTestFailed),
}

/// Why nothing was decrypted.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecryptError {
    /// Too short, too long, or C1 is not a point of the curve; the private key was not used.
    #[error("malformed SM2 ciphertext")]
    Malformed,
    /// Not encrypted to this key, or changed since. Says no more, on purpose.
    #[error("SM2 decryption failed")]
    Authentication,
    /// The module is in its error state; there is nothing to do but end the process.
    #[error(transparent)]
    SelfTest(#[from] SelfTestFailed),
}

/// The bytes are not a ciphertext in the form expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed SM2 ciphertext")]
pub struct InvalidCiphertext;

/// Encrypts `message`, from 1 to [`MAX_MESSAGE_BYTES`] bytes, to the owner of `to`; gives C1 ‖ C3 ‖
/// C2.
///
/// # Errors
///
/// See [`EncryptError`].
pub fn encrypt(to: &PublicKey, message: &[u8], rng: &mut dyn Rng) -> Result<Vec<u8>, EncryptError> {
    KNOWN_ANSWER.ensure()?;
    scrubbed(|| encrypt_untested(to, message, rng))
}

/// Encrypts with the nonce `k`, for test vectors. `None` if `k` is not from 1 to n − 1 or gives no
/// ciphertext.
#[cfg(feature = "_test_support")]
pub fn encrypt_with_k(to: &PublicKey, message: &[u8], k: &[u8; 32]) -> Option<Vec<u8>> {
    try_encrypt(to, message, &scalar::decode_nonzero(k)?)
}

/// Decrypts C1 ‖ C3 ‖ C2.
///
/// # Errors
///
/// [`DecryptError`]; whatever was decrypted before the check failed is wiped.
pub fn decrypt(key: &SecretKey, ciphertext: &[u8]) -> Result<Secret, DecryptError> {
    KNOWN_ANSWER.ensure()?;
    scrubbed(|| decrypt_untested(key, ciphertext))
}

pub(super) fn encrypt_untested(
    to: &PublicKey,
    message: &[u8],
    rng: &mut dyn Rng,
) -> Result<Vec<u8>, EncryptError> {
    if message.is_empty() || message.len() > MAX_MESSAGE_BYTES {
        return Err(EncryptError::Length);
    }
    // Receiver and message join the randomness: a source that repeats itself gives no two messages
    // one stream.
    let randomness = nonce::draw(rng)?;
    let context = Hash::Sm3.digest(&[&to.to_sec1(), message]);
    let context = scalar::reduce_digest(&context);
    let mut nonces = Nonces::new(&randomness, &context, b"SM2 encryption");
    loop {
        if let Some(ciphertext) = try_encrypt(to, message, &nonces.next()) {
            return Ok(ciphertext);
        }
    }
}

/// `None` if the key stream is all zero.
pub(super) fn try_encrypt(to: &PublicKey, message: &[u8], k: &Scalar) -> Option<Vec<u8>> {
    let c1 = point::encode(&point::multiply_generator(k)?);
    let shared = SharedPoint::new(k, &to.0)?;
    let stream = kdf::derive(&[shared.x.as_ref(), shared.y.as_ref()], message.len())?;
    let c3 = Hash::Sm3.digest(&[shared.x.as_ref(), message, shared.y.as_ref()]);
    let mut ciphertext = Vec::with_capacity(OVERHEAD_BYTES + message.len());
    ciphertext.extend_from_slice(&c1);
    ciphertext.extend_from_slice(c3.as_bytes());
    ciphertext.extend(message.iter().zip(stream.expose()).map(|(m, t)| m ^ t));
    Some(ciphertext)
}

pub(super) fn decrypt_untested(key: &SecretKey, ciphertext: &[u8]) -> Result<Secret, DecryptError> {
    let parts = split(ciphertext).ok_or(DecryptError::Malformed)?;
    let shared = SharedPoint::new(key.scalar(), &parts.c1).ok_or(DecryptError::Malformed)?;
    let mut message = kdf::derive(&[shared.x.as_ref(), shared.y.as_ref()], parts.c2.len())
        .ok_or(DecryptError::Authentication)?;
    for (byte, c2) in message.expose_mut().iter_mut().zip(parts.c2) {
        *byte ^= c2;
    }
    let c3 = Hash::Sm3.digest(&[shared.x.as_ref(), message.expose(), shared.y.as_ref()]);
    if bool::from(c3.as_bytes().ct_eq(parts.c3)) {
        Ok(message)
    } else {
        Err(DecryptError::Authentication)
    }
}

/// `SM2Cipher ::= SEQUENCE { x INTEGER, y INTEGER, hash OCTET STRING (SIZE(32)), cipherText OCTET
/// STRING }` of a raw ciphertext (GM/T 0009).
///
/// # Errors
///
/// [`InvalidCiphertext`] if `raw` is not C1 ‖ C3 ‖ C2 with C1 on the curve and a length within the
/// limits.
pub fn raw_to_der(raw: &[u8]) -> Result<Vec<u8>, InvalidCiphertext> {
    let parts = split(raw).ok_or(InvalidCiphertext)?;
    let (mut x, mut y) = ([0; 32], [0; 32]);
    x.copy_from_slice(&raw[1..33]);
    y.copy_from_slice(&raw[33..PUBLIC_KEY_BYTES]);
    let mut content = Vec::with_capacity(raw.len() + 16);
    der::write_integer(&mut content, &x);
    der::write_integer(&mut content, &y);
    der::write_octet_string(&mut content, parts.c3);
    der::write_octet_string(&mut content, parts.c2);
    Ok(der::sequence(&content))
}

/// C1 ‖ C3 ‖ C2 of an `SM2Cipher`.
///
/// # Errors
///
/// [`InvalidCiphertext`] for anything that [`raw_to_der`] does not give.
pub fn der_to_raw(der: &[u8]) -> Result<Vec<u8>, InvalidCiphertext> {
    let join = || {
        let mut reader = der::Reader::sequence(der)?;
        let (x, y) = (reader.integer()?, reader.integer()?);
        let (c3, c2) = (reader.octet_string()?, reader.octet_string()?);
        reader.end()?;
        if c3.len() != C3_BYTES {
            return None;
        }
        let raw = [&[4], &x[..], &y, c3, c2].concat();
        split(&raw)?;
        Some(raw)
    };
    join().ok_or(InvalidCiphertext)
}

struct Parts<'a> {
    c1: AffinePoint,
    c3: &'a [u8],
    c2: &'a [u8],
}

fn split(raw: &[u8]) -> Option<Parts<'_>> {
    let (c1, rest) = raw.split_at_checked(PUBLIC_KEY_BYTES)?;
    let (c3, c2) = rest.split_at_checked(C3_BYTES)?;
    if c2.is_empty() || c2.len() > MAX_MESSAGE_BYTES {
        return None;
    }
    let c1 = point::decode(c1)?;
    Some(Parts { c1, c3, c2 })
}

/// Whether the example is encrypted as it should be, decrypted, and refused with a bit changed.
pub(crate) static KNOWN_ANSWER: KnownAnswer =
    KnownAnswer::new(&[&HMAC_SM3], |fault| known_answer(fault).unwrap_or(false));

fn known_answer(fault: u8) -> Option<bool> {
    let key = SecretKey::from_bytes(&D).ok()?;
    let mut ciphertext = try_encrypt(key.public_key(), PLAINTEXT, &scalar::decode_nonzero(&K)?)?;
    ciphertext[0] ^= fault;
    let mut wrong = CIPHERTEXT;
    wrong[CIPHERTEXT.len() - 1] ^= 1;
    Some(
        ciphertext == CIPHERTEXT
            && decrypt_untested(&key, &CIPHERTEXT).is_ok_and(|text| text.expose() == PLAINTEXT)
            && decrypt_untested(&key, &wrong).is_err(),
    )
}

const C3_BYTES: usize = 32;
