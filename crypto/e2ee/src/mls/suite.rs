//! Cipher suites of MLS (RFC 9420 §5.1) and their HPKE code points (RFC 9180 §7), as in
//! `crypto/SPEC.md` §7.1.

use mls_rs_core::crypto::CipherSuite;
use smrtc_crypto::aead::Algorithm;
use smrtc_crypto::hash::Hash;

/// A cipher suite for group keys. The room chooses; MLS pins it in the group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum Suite {
    /// `MLS_128_DHKEMP256_AES128GCM_SHA256_P256`, of RFC 9420 §17.1.
    P256Aes128GcmSha256 = 0x0002,
    /// DHKEM over the SM2 curve with HKDF-SM3, SM4-GCM, SM3, SM2 signatures. Private use.
    Sm2Sm4GcmSm3 = 0xF001,
    /// As [`Self::Sm2Sm4GcmSm3`], with SM2 public-key encryption (GB/T 32918.4) in place of DHKEM.
    /// Private use.
    Sm2PkeSm4GcmSm3 = 0xF002,
}

/// No suite of ours has this number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown MLS cipher suite {0:#06x}")]
pub struct UnknownSuite(pub u16);

impl Suite {
    /// Every suite.
    pub const ALL: [Self; 3] = [
        Self::P256Aes128GcmSha256,
        Self::Sm2Sm4GcmSm3,
        Self::Sm2PkeSm4GcmSm3,
    ];

    /// The number on the wire.
    pub const fn id(self) -> u16 {
        self as u16
    }

    /// The hash, of transcripts, trees, HMAC and HKDF. All have 32 bytes of output.
    pub const fn hash(self) -> Hash {
        match self {
            Self::P256Aes128GcmSha256 => Hash::Sha256,
            Self::Sm2Sm4GcmSm3 | Self::Sm2PkeSm4GcmSm3 => Hash::Sm3,
        }
    }

    /// The AEAD. All have keys of 16 bytes.
    pub const fn aead(self) -> Algorithm {
        match self {
            Self::P256Aes128GcmSha256 => Algorithm::Aes128Gcm,
            Self::Sm2Sm4GcmSm3 | Self::Sm2PkeSm4GcmSm3 => Algorithm::Sm4Gcm,
        }
    }

    pub(super) const fn curve(self) -> Curve {
        match self {
            Self::P256Aes128GcmSha256 => Curve::P256,
            Self::Sm2Sm4GcmSm3 | Self::Sm2PkeSm4GcmSm3 => Curve::Sm2,
        }
    }

    /// HPKE's number of the KEM.
    pub(super) const fn kem_id(self) -> u16 {
        match self {
            Self::P256Aes128GcmSha256 => 0x0010,
            Self::Sm2Sm4GcmSm3 => 0xF810,
            Self::Sm2PkeSm4GcmSm3 => 0xF811,
        }
    }

    /// HPKE's number of the KDF.
    pub(super) const fn kdf_id(self) -> u16 {
        match self {
            Self::P256Aes128GcmSha256 => 0x0001,
            Self::Sm2Sm4GcmSm3 | Self::Sm2PkeSm4GcmSm3 => 0xF801,
        }
    }

    /// HPKE's number of the AEAD.
    pub(super) const fn aead_id(self) -> u16 {
        match self {
            Self::P256Aes128GcmSha256 => 0x0001,
            Self::Sm2Sm4GcmSm3 | Self::Sm2PkeSm4GcmSm3 => 0xF801,
        }
    }
}

impl From<Suite> for CipherSuite {
    fn from(suite: Suite) -> Self {
        CipherSuite::new(suite.id())
    }
}

impl TryFrom<u16> for Suite {
    type Error = UnknownSuite;

    fn try_from(id: u16) -> Result<Self, UnknownSuite> {
        Self::ALL
            .into_iter()
            .find(|suite| suite.id() == id)
            .ok_or(UnknownSuite(id))
    }
}

/// The group that keys and signatures live in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Curve {
    P256,
    Sm2,
}
