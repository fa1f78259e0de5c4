//! Hash functions and HMAC, chosen at run time by [`enum@Hash`].
//!
//! SM3 is GB/T 32905-2016 (ISO/IEC 10118-3), SHA-2 is FIPS 180-4, HMAC is RFC 2104. The compression
//! functions are those of the crates `sm3` and `sha2`; neither indexes memory by a secret.

pub(crate) mod known_answers;

use core::fmt;

use hmac::{KeyInit, Mac};
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

/// A hash function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Hash {
    /// SM3, 32-byte output.
    Sm3,
    /// SHA-256, 32-byte output.
    Sha256,
    /// SHA-512, 64-byte output.
    Sha512,
}

impl Hash {
    /// Length of a digest in bytes.
    pub const fn output_bytes(self) -> usize {
        match self {
            Self::Sm3 | Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }

    /// Hashes the concatenation of `parts`.
    pub fn digest(self, parts: &[&[u8]]) -> Digest {
        match self {
            Self::Sm3 => digest_with::<sm3::Sm3>(parts),
            Self::Sha256 => digest_with::<sha2::Sha256>(parts),
            Self::Sha512 => digest_with::<sha2::Sha512>(parts),
        }
    }

    /// HMAC of the concatenation of `parts` under `key`, which may have any length.
    pub fn hmac(self, key: &[u8], parts: &[&[u8]]) -> Digest {
        match self {
            Self::Sm3 => hmac_with::<hmac::Hmac<sm3::Sm3>>(key, parts),
            Self::Sha256 => hmac_with::<hmac::Hmac<sha2::Sha256>>(key, parts),
            Self::Sha512 => hmac_with::<hmac::Hmac<sha2::Sha512>>(key, parts),
        }
    }
}

fn digest_with<D: sha2::Digest>(parts: &[&[u8]]) -> Digest {
    let mut state = D::new();
    for part in parts {
        state.update(part);
    }
    Digest::from_slice(&state.finalize())
}

fn hmac_with<M: Mac + KeyInit>(key: &[u8], parts: &[&[u8]]) -> Digest {
    let mut state =
        <M as KeyInit>::new_from_slice(key).expect("HMAC takes a key of any length (RFC 2104)");
    for part in parts {
        state.update(part);
    }
    Digest::from_slice(&state.finalize().into_bytes())
}

/// Output of a hash or of HMAC.
///
/// It may be key material (HKDF), so it is treated as secret: wiped on drop, printed as
/// `[redacted]`, compared in constant time.
#[derive(Clone)]
pub struct Digest {
    bytes: [u8; MAX_OUTPUT_BYTES],
    len: usize,
}

impl Digest {
    fn from_slice(output: &[u8]) -> Self {
        let mut bytes = [0; MAX_OUTPUT_BYTES];
        bytes[..output.len()].copy_from_slice(output);
        Self {
            bytes,
            len: output.len(),
        }
    }

    /// The output, [`Hash::output_bytes`] long.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    /// Whether this equals `expected`; the time depends on the lengths only.
    pub fn ct_eq(&self, expected: &[u8]) -> bool {
        self.as_bytes().ct_eq(expected).into()
    }
}

impl Drop for Digest {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// SHA-512 has the longest output.
const MAX_OUTPUT_BYTES: usize = 64;
