//! Cipher suites (RFC 9605 §4.5), and the private one with the national-standard ciphers.

use smrtc_crypto::aead::Algorithm;
use smrtc_crypto::hash::Hash;

/// A cipher suite. All have Nn = 12 and Nt = 16.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum CipherSuite {
    /// `AES_128_GCM_SHA256_128`: Nh 32, Nk 16.
    Aes128GcmSha256 = 0x0004,
    /// `AES_256_GCM_SHA512_128`: Nh 64, Nk 32.
    Aes256GcmSha512 = 0x0005,
    /// `SM4_GCM_SM3`: Nh 32, Nk 16. Private use; see `crypto/SPEC.md`.
    Sm4GcmSm3 = 0xF001,
}

/// No suite of ours has this number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown SFrame cipher suite {0:#06x}")]
pub struct UnknownSuite(pub u16);

impl CipherSuite {
    /// Every suite.
    pub const ALL: [Self; 3] = [
        Self::Aes128GcmSha256,
        Self::Aes256GcmSha512,
        Self::Sm4GcmSm3,
    ];

    /// The number that goes into the key derivation labels.
    pub const fn id(self) -> u16 {
        self as u16
    }

    /// The name, as the IANA registry writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Aes128GcmSha256 => "AES_128_GCM_SHA256_128",
            Self::Aes256GcmSha512 => "AES_256_GCM_SHA512_128",
            Self::Sm4GcmSm3 => "SM4_GCM_SM3",
        }
    }

    /// The AEAD.
    pub const fn aead(self) -> Algorithm {
        match self {
            Self::Aes128GcmSha256 => Algorithm::Aes128Gcm,
            Self::Aes256GcmSha512 => Algorithm::Aes256Gcm,
            Self::Sm4GcmSm3 => Algorithm::Sm4Gcm,
        }
    }

    /// The hash of the key derivation.
    pub const fn hash(self) -> Hash {
        match self {
            Self::Aes128GcmSha256 => Hash::Sha256,
            Self::Aes256GcmSha512 => Hash::Sha512,
            Self::Sm4GcmSm3 => Hash::Sm3,
        }
    }
}

impl TryFrom<u16> for CipherSuite {
    type Error = UnknownSuite;

    fn try_from(id: u16) -> Result<Self, UnknownSuite> {
        Self::ALL
            .into_iter()
            .find(|suite| suite.id() == id)
            .ok_or(UnknownSuite(id))
    }
}
