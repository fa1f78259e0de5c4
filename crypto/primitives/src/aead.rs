//! Authenticated encryption over slices: the door that the other crates use.
//!
//! Every algorithm here is GCM (NIST SP 800-38D) with a 12-byte nonce and a full 16-byte tag; tags
//! are never truncated. The caller makes nonces unique per key: a repeated nonce gives away the
//! XOR of two plaintexts and the authentication key.

use core::fmt;

use aes_gcm::aead::{AeadInOut, KeyInit};
use alloc::boxed::Box;
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

use crate::backend::Sm4Gcm;
use crate::gcm::check_lengths;
use crate::self_test;

/// Length of a nonce in bytes.
pub const NONCE_BYTES: usize = 12;

/// Length of a tag in bytes.
pub const TAG_BYTES: usize = 16;

/// Longest plaintext in bytes: 2^39 − 256 bits (NIST SP 800-38D §5.2.1.1).
pub const MAX_TEXT_BYTES: u64 = (1 << 36) - 32;

/// Longest associated data in bytes: 2^64 − 1 bits, in whole bytes (NIST SP 800-38D §5.2.1.1).
pub const MAX_AAD_BYTES: u64 = (1 << 61) - 1;

/// An AEAD algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// AES-128-GCM, 16-byte key.
    Aes128Gcm,
    /// AES-256-GCM, 32-byte key.
    Aes256Gcm,
    /// SM4-GCM (GB/T 32907-2016 in GCM, RFC 8998), 16-byte key.
    Sm4Gcm,
}

impl Algorithm {
    /// Length of a key in bytes.
    pub const fn key_bytes(self) -> usize {
        match self {
            Self::Aes128Gcm | Self::Sm4Gcm => 16,
            Self::Aes256Gcm => 32,
        }
    }
}

/// The kernels that run SM4-GCM here: `portable`, `wasm_simd128`, `wasm_relaxed_simd`, `x86_avx2` or
/// `x86_avx512_gfni`.
pub fn sm4_backend() -> &'static str {
    Sm4Gcm::backends()[0]
}

/// All the kernels that this machine can run, [`sm4_backend`] first.
pub fn sm4_backends() -> &'static [&'static str] {
    Sm4Gcm::backends()
}

/// A tag. Compare it through [`Key::open_in_place`] only; `==` is constant time all the same.
#[derive(Clone, Copy, Debug)]
pub struct Tag(pub [u8; TAG_BYTES]);

impl PartialEq for Tag {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Tag {}

/// The key has not the length that its algorithm asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a key of this algorithm has {expected} bytes")]
pub struct InvalidKeyLength {
    /// The right length in bytes.
    pub expected: usize,
}

/// Why nothing was sealed. The buffer is unchanged.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The plaintext is longer than [`MAX_TEXT_BYTES`].
    #[error("plaintext longer than GCM allows")]
    TextTooLong,
    /// The associated data is longer than [`MAX_AAD_BYTES`].
    #[error("associated data longer than GCM allows")]
    AadTooLong,
    /// The algorithm takes no nonce of this length.
    #[error("nonce of a length that the algorithm does not take")]
    NonceLength,
    /// The algorithm gave a wrong known answer; it refuses to work until the process ends.
    #[error("self-test failed")]
    SelfTest,
}

/// Why nothing was opened. The buffer holds zeros.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The tag did not verify, or a length is beyond GCM's limits or not taken. Carries nothing else, on
    /// purpose.
    #[error("authentication failed")]
    Authentication,
    /// The algorithm gave a wrong known answer; it refuses to work until the process ends.
    #[error("self-test failed")]
    SelfTest,
}

/// An expanded AEAD key: round keys and the GHASH key, wiped on drop.
pub struct Key(Box<Cipher>);

#[allow(
    clippy::large_enum_variant,
    reason = "a Key boxes the whole; one key of each variant is as rare as another"
)]
enum Cipher {
    Aes128(aes_gcm::Aes128Gcm),
    Aes256(aes_gcm::Aes256Gcm),
    Sm4(Sm4Gcm),
}

impl Key {
    /// Expands `key`; the caller keeps the duty to wipe the original.
    ///
    /// # Errors
    ///
    /// [`InvalidKeyLength`] if `key` is not [`Algorithm::key_bytes`] long.
    pub fn new(algorithm: Algorithm, key: &[u8]) -> Result<Self, InvalidKeyLength> {
        let invalid = InvalidKeyLength {
            expected: algorithm.key_bytes(),
        };
        Ok(Self(Box::new(match algorithm {
            Algorithm::Aes128Gcm => {
                Cipher::Aes128(aes_gcm::Aes128Gcm::new_from_slice(key).map_err(|_| invalid)?)
            }
            Algorithm::Aes256Gcm => {
                Cipher::Aes256(aes_gcm::Aes256Gcm::new_from_slice(key).map_err(|_| invalid)?)
            }
            Algorithm::Sm4Gcm => Cipher::Sm4(Sm4Gcm::new(key.try_into().map_err(|_| invalid)?)),
        })))
    }

    /// An SM4-GCM key for the kernels called `backend`; none if this machine cannot run them.
    ///
    /// For comparing kernels. [`Self::new`] takes the best.
    #[cfg(feature = "_test_support")]
    pub fn sm4_with_backend(backend: &str, key: &[u8; 16]) -> Option<Self> {
        Sm4Gcm::with_backend(backend, key).map(|gcm| Self(Box::new(Cipher::Sm4(gcm))))
    }

    /// The algorithm this key is for.
    pub fn algorithm(&self) -> Algorithm {
        match *self.0 {
            Cipher::Aes128(_) => Algorithm::Aes128Gcm,
            Cipher::Aes256(_) => Algorithm::Aes256Gcm,
            Cipher::Sm4(_) => Algorithm::Sm4Gcm,
        }
    }

    /// Encrypts `buffer` in place and returns the tag over `aad` and the ciphertext.
    ///
    /// # Errors
    ///
    /// [`SealError`]; the buffer is then unchanged.
    pub fn seal_in_place(
        &self,
        nonce: &[u8; NONCE_BYTES],
        aad: &[u8],
        buffer: &mut [u8],
    ) -> Result<Tag, SealError> {
        self_test::ensure(self.algorithm()).map_err(|_| SealError::SelfTest)?;
        check_lengths(aad.len() as u64, buffer.len() as u64)?;
        Ok(self.seal_untested(nonce, aad, buffer))
    }

    /// Verifies `tag` over `aad` and the ciphertext in `buffer`, then decrypts in place.
    ///
    /// # Errors
    ///
    /// [`OpenError`]; the buffer then holds zeros, never plaintext.
    pub fn open_in_place(
        &self,
        nonce: &[u8; NONCE_BYTES],
        aad: &[u8],
        buffer: &mut [u8],
        tag: &Tag,
    ) -> Result<(), OpenError> {
        let opened = if self_test::ensure(self.algorithm()).is_err() {
            Err(OpenError::SelfTest)
        } else if check_lengths(aad.len() as u64, buffer.len() as u64).is_err() {
            Err(OpenError::Authentication)
        } else {
            self.open_untested(nonce, aad, buffer, tag)
        };
        if opened.is_err() {
            buffer.zeroize();
        }
        opened
    }

    /// [`Self::seal_in_place`] with a nonce of another length, for SM4-GCM only.
    ///
    /// A nonce of 12 bytes is used as it is; any other is hashed (SP 800-38D §7.1), so two nonces may meet
    /// by chance. Prefer 12 bytes.
    ///
    /// # Errors
    ///
    /// [`SealError`]; the buffer is then unchanged. [`SealError::NonceLength`] for an empty nonce, and for AES
    /// with anything but 12 bytes.
    pub fn seal_in_place_with_nonce(
        &self,
        nonce: &[u8],
        aad: &[u8],
        buffer: &mut [u8],
    ) -> Result<Tag, SealError> {
        if let Ok(nonce) = nonce.try_into() {
            return self.seal_in_place(nonce, aad, buffer);
        }
        let gcm = self.takes_any_nonce(nonce).ok_or(SealError::NonceLength)?;
        self_test::ensure(self.algorithm()).map_err(|_| SealError::SelfTest)?;
        check_lengths(aad.len() as u64, buffer.len() as u64)?;
        Ok(gcm.seal(nonce, aad, buffer))
    }

    /// [`Self::open_in_place`] with a nonce of another length, for SM4-GCM only.
    ///
    /// # Errors
    ///
    /// [`OpenError`]; the buffer then holds zeros, never plaintext.
    pub fn open_in_place_with_nonce(
        &self,
        nonce: &[u8],
        aad: &[u8],
        buffer: &mut [u8],
        tag: &Tag,
    ) -> Result<(), OpenError> {
        if let Ok(nonce) = nonce.try_into() {
            return self.open_in_place(nonce, aad, buffer, tag);
        }
        let within_limits = check_lengths(aad.len() as u64, buffer.len() as u64).is_ok();
        let opened = match self.takes_any_nonce(nonce) {
            _ if self_test::ensure(self.algorithm()).is_err() => Err(OpenError::SelfTest),
            Some(gcm) if within_limits => gcm.open(nonce, aad, buffer, tag),
            _ => Err(OpenError::Authentication),
        };
        if opened.is_err() {
            buffer.zeroize();
        }
        opened
    }

    /// The cipher, if it takes `nonce` though it has not 12 bytes.
    fn takes_any_nonce(&self, nonce: &[u8]) -> Option<&Sm4Gcm> {
        match &*self.0 {
            Cipher::Sm4(gcm) if !nonce.is_empty() => Some(gcm),
            _ => None,
        }
    }

    /// [`Self::seal_in_place`] behind the self-test and the limits, which the caller has checked.
    pub(crate) fn seal_untested(
        &self,
        nonce: &[u8; NONCE_BYTES],
        aad: &[u8],
        buffer: &mut [u8],
    ) -> Tag {
        match &*self.0 {
            Cipher::Aes128(cipher) => seal_with(cipher, nonce, aad, buffer),
            Cipher::Aes256(cipher) => seal_with(cipher, nonce, aad, buffer),
            Cipher::Sm4(cipher) => cipher.seal(nonce, aad, buffer),
        }
    }

    /// [`Self::open_in_place`] behind the self-test and the limits; on failure the buffer holds the
    /// ciphertext or zeros.
    pub(crate) fn open_untested(
        &self,
        nonce: &[u8; NONCE_BYTES],
        aad: &[u8],
        buffer: &mut [u8],
        tag: &Tag,
    ) -> Result<(), OpenError> {
        match &*self.0 {
            Cipher::Aes128(cipher) => open_with(cipher, nonce, aad, buffer, tag),
            Cipher::Aes256(cipher) => open_with(cipher, nonce, aad, buffer, tag),
            Cipher::Sm4(cipher) => cipher.open(nonce, aad, buffer, tag),
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({:?}, [redacted])", self.algorithm())
    }
}

fn seal_with<A>(cipher: &A, nonce: &[u8; NONCE_BYTES], aad: &[u8], buffer: &mut [u8]) -> Tag
where
    A: AeadInOut<NonceSize = aes_gcm::aead::consts::U12, TagSize = aes_gcm::aead::consts::U16>,
{
    let tag = cipher
        .encrypt_inout_detached(nonce.into(), aad, buffer.into())
        .expect("the lengths were checked, and GCM fails for no other reason");
    Tag(tag.into())
}

fn open_with<A>(
    cipher: &A,
    nonce: &[u8; NONCE_BYTES],
    aad: &[u8],
    buffer: &mut [u8],
    tag: &Tag,
) -> Result<(), OpenError>
where
    A: AeadInOut<NonceSize = aes_gcm::aead::consts::U12, TagSize = aes_gcm::aead::consts::U16>,
{
    cipher
        .decrypt_inout_detached(nonce.into(), aad, buffer.into(), (&tag.0).into())
        .map_err(|_| OpenError::Authentication)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    const ALL: [Algorithm; 3] = [
        Algorithm::Aes128Gcm,
        Algorithm::Aes256Gcm,
        Algorithm::Sm4Gcm,
    ];

    fn key(algorithm: Algorithm) -> Key {
        Key::new(algorithm, &alloc::vec![7; algorithm.key_bytes()]).unwrap()
    }

    #[test]
    fn lengths_beyond_sp_800_38d_are_refused() {
        assert_eq!(check_lengths(MAX_AAD_BYTES, MAX_TEXT_BYTES), Ok(()));
        assert_eq!(
            check_lengths(0, MAX_TEXT_BYTES + 1),
            Err(SealError::TextTooLong)
        );
        assert_eq!(
            check_lengths(MAX_AAD_BYTES + 1, 0),
            Err(SealError::AadTooLong)
        );
    }

    #[test]
    fn a_failed_tag_leaves_zeros() {
        for algorithm in ALL {
            let key = key(algorithm);
            let mut buffer = *b"some words nobody may read early";
            let tag = key.seal_in_place(&[1; 12], b"aad", &mut buffer).unwrap();
            let opened = key.open_in_place(&[1; 12], b"daa", &mut buffer, &tag);
            assert_eq!(opened, Err(OpenError::Authentication));
            assert_eq!(buffer, [0; 32]);
        }
    }

    #[test]
    fn every_flipped_bit_of_the_tag_is_refused() {
        for algorithm in ALL {
            let key = key(algorithm);
            for bit in 0..128 {
                let mut buffer = *b"text";
                let mut tag = key.seal_in_place(&[2; 12], b"", &mut buffer).unwrap();
                tag.0[bit / 8] ^= 1 << (bit % 8);
                assert!(key.open_in_place(&[2; 12], b"", &mut buffer, &tag).is_err());
            }
        }
    }

    #[test]
    fn a_key_of_the_wrong_length_is_refused() {
        for algorithm in ALL {
            let expected = algorithm.key_bytes();
            for len in (0..40).filter(|&len| len != expected) {
                assert_eq!(
                    Key::new(algorithm, &alloc::vec![0; len]).unwrap_err(),
                    InvalidKeyLength { expected }
                );
            }
        }
    }

    #[test]
    fn debug_shows_no_key() {
        assert_eq!(
            format!("{:?}", key(Algorithm::Sm4Gcm)),
            "Key(Sm4Gcm, [redacted])"
        );
    }
}
