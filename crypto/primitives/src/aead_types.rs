//! What a key of an AEAD takes and gives: algorithms, nonces, tags, frames and errors.
//!
//! These stand below the algorithms, which share them; `aead` shows them to the other crates.

use subtle::ConstantTimeEq;

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

/// A tag. Compare it through [`crate::aead::Key::open_in_place`] only; `==` is constant time all
/// the same.
#[derive(Clone, Copy, Debug)]
pub struct Tag(pub [u8; TAG_BYTES]);

impl PartialEq for Tag {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Tag {}

/// The key does not have the length that its algorithm needs.
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

/// One frame of [`crate::aead::Key::seal_batch`] or
/// [`crate::aead::Key::open_batch`].
#[derive(Debug)]
pub struct Frame<'a> {
    /// Unique for the key, as everywhere.
    pub nonce: &'a [u8; NONCE_BYTES],
    /// What is authenticated and not encrypted.
    pub aad: &'a [u8],
    /// Encrypted or decrypted in place.
    pub buffer: &'a mut [u8],
    /// Written by [`crate::aead::Key::seal_batch`], whatever was in it; read by
    /// [`crate::aead::Key::open_batch`].
    pub tag: Tag,
}
