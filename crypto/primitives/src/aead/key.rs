//! A key: sealing and opening in place, behind the self-test and the limits of GCM.

use alloc::boxed::Box;
use core::fmt;

use zeroize::Zeroize;

use super::{cipher, known_answers};
use crate::aead_types::{Algorithm, InvalidKeyLength, NONCE_BYTES, OpenError, SealError, Tag};
use crate::backend;
use crate::gcm::{GcmCipher, check_lengths};

/// The kernels that run SM4-GCM here: `portable`, `wasm_simd128`, `wasm_relaxed_simd`, `x86_avx2`
/// or `x86_avx512_gfni`.
pub fn sm4_backend() -> &'static str {
    backend::names()[0]
}

/// All the kernels that this machine can run, [`sm4_backend`] first.
pub fn sm4_backends() -> &'static [&'static str] {
    backend::names()
}

/// An expanded AEAD key: round keys and the GHASH key, wiped on drop.
pub struct Key {
    algorithm: Algorithm,
    pub(super) cipher: Box<dyn GcmCipher>,
}

impl Key {
    /// Expands `key`; the caller keeps the duty to wipe the original.
    ///
    /// # Errors
    ///
    /// [`InvalidKeyLength`] if `key` is not [`Algorithm::key_bytes`] long.
    pub fn new(algorithm: Algorithm, key: &[u8]) -> Result<Self, InvalidKeyLength> {
        let cipher = cipher::expand(algorithm, key)?;
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
        known_answers::of(self.algorithm)
            .ensure()
            .map_err(|_| SealError::SelfTest)?;
        check_lengths(aad.len() as u64, buffer.len() as u64)?;
        Ok(self.cipher.seal(nonce, aad, buffer))
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
        let opened = if known_answers::of(self.algorithm).ensure().is_err() {
            Err(OpenError::SelfTest)
        } else if check_lengths(aad.len() as u64, buffer.len() as u64).is_err() {
            Err(OpenError::Authentication)
        } else {
            self.cipher.open(nonce, aad, buffer, tag)
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
        known_answers::of(self.algorithm)
            .ensure()
            .map_err(|_| SealError::SelfTest)?;
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
        let opened = if known_answers::of(self.algorithm).ensure().is_err() {
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
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({:?}, [redacted])", self.algorithm())
    }
}
