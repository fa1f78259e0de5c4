//! Authenticated encryption over slices: the door that the other crates use.
//!
//! Every algorithm here is GCM (NIST SP 800-38D) with a 12-byte nonce and a full 16-byte tag; tags
//! are never truncated. The caller makes nonces unique per key: a repeated nonce gives away the
//! XOR of two plaintexts and the authentication key.

mod aes;
mod batch;
mod incremental;

use alloc::boxed::Box;
use core::fmt;

use aes_gcm::aes::{Aes128, Aes256};
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

pub use batch::Frame;
pub use incremental::{Opening, Sealing, Verifying};

use crate::backend;
use crate::gcm::{GcmCipher, check_lengths};
use crate::self_test;
use aes::AesGcm;

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

/// The kernels that run SM4-GCM here: `portable`, `wasm_simd128`, `wasm_relaxed_simd`, `x86_avx2`
/// or `x86_avx512_gfni`.
pub fn sm4_backend() -> &'static str {
    backend::names()[0]
}

/// All the kernels that this machine can run, [`sm4_backend`] first.
pub fn sm4_backends() -> &'static [&'static str] {
    backend::names()
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
    /// The tag did not verify, or a length is beyond GCM's limits or not taken. Carries nothing
    /// else, on purpose.
    #[error("authentication failed")]
    Authentication,
    /// The algorithm gave a wrong known answer; it refuses to work until the process ends.
    #[error("self-test failed")]
    SelfTest,
}

/// An expanded AEAD key: round keys and the GHASH key, wiped on drop.
pub struct Key {
    algorithm: Algorithm,
    cipher: Box<dyn GcmCipher>,
}

impl Key {
    /// Expands `key`; the caller keeps the duty to wipe the original.
    ///
    /// # Errors
    ///
    /// [`InvalidKeyLength`] if `key` is not [`Algorithm::key_bytes`] long.
    pub fn new(algorithm: Algorithm, key: &[u8]) -> Result<Self, InvalidKeyLength> {
        let invalid = |_| InvalidKeyLength {
            expected: algorithm.key_bytes(),
        };
        let cipher: Box<dyn GcmCipher> = match algorithm {
            Algorithm::Aes128Gcm => {
                Box::new(AesGcm::<Aes128>::new(key.try_into().map_err(invalid)?))
            }
            Algorithm::Aes256Gcm => {
                Box::new(AesGcm::<Aes256>::new(key.try_into().map_err(invalid)?))
            }
            Algorithm::Sm4Gcm => backend::sm4_gcm(key.try_into().map_err(invalid)?),
        };
        Ok(Self { algorithm, cipher })
    }

    /// An SM4-GCM key for the kernels called `backend`; none if this machine cannot run them.
    ///
    /// For comparing kernels. [`Self::new`] takes the best.
    #[cfg(any(test, feature = "_test_support"))]
    pub fn sm4_with_backend(backend: &str, key: &[u8; 16]) -> Option<Self> {
        backend::sm4_gcm_with(backend, key).map(|cipher| Self {
            algorithm: Algorithm::Sm4Gcm,
            cipher,
        })
    }

    /// The algorithm this key is for.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
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
    /// A nonce of 12 bytes is used as it is; any other is hashed (SP 800-38D §7.1), so two nonces
    /// may meet by chance. Prefer 12 bytes.
    ///
    /// # Errors
    ///
    /// [`SealError`]; the buffer is then unchanged. [`SealError::NonceLength`] for an empty nonce,
    /// and for AES with anything but 12 bytes.
    pub fn seal_in_place_with_nonce(
        &self,
        nonce: &[u8],
        aad: &[u8],
        buffer: &mut [u8],
    ) -> Result<Tag, SealError> {
        if let Ok(nonce) = nonce.try_into() {
            return self.seal_in_place(nonce, aad, buffer);
        }
        if !self.takes(nonce) {
            return Err(SealError::NonceLength);
        }
        self_test::ensure(self.algorithm()).map_err(|_| SealError::SelfTest)?;
        check_lengths(aad.len() as u64, buffer.len() as u64)?;
        Ok(self.cipher.seal(nonce, aad, buffer))
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
        let opened = if self_test::ensure(self.algorithm()).is_err() {
            Err(OpenError::SelfTest)
        } else if !self.takes(nonce)
            || check_lengths(aad.len() as u64, buffer.len() as u64).is_err()
        {
            Err(OpenError::Authentication)
        } else {
            self.cipher.open(nonce, aad, buffer, tag)
        };
        if opened.is_err() {
            buffer.zeroize();
        }
        opened
    }

    /// Whether the algorithm takes a nonce of this length.
    fn takes(&self, nonce: &[u8]) -> bool {
        nonce.len() == NONCE_BYTES || self.algorithm == Algorithm::Sm4Gcm && !nonce.is_empty()
    }

    /// [`Self::seal_in_place`] behind the self-test and the limits, which the caller has checked.
    pub(crate) fn seal_untested(
        &self,
        nonce: &[u8; NONCE_BYTES],
        aad: &[u8],
        buffer: &mut [u8],
    ) -> Tag {
        self.cipher.seal(nonce, aad, buffer)
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
        self.cipher.open(nonce, aad, buffer, tag)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({:?}, [redacted])", self.algorithm())
    }
}

#[cfg(test)]
mod tests;
