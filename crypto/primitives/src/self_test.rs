//! Known-answer tests, run before an algorithm is first used, in the style of GM/T 0028.
//!
//! Each [`Test`] runs once per process, or Wasm instance, before the first use of what it covers;
//! [`run_all`] runs them again on demand and [`status`] tells where they stand. A wrong answer, or
//! a key pair that is not consistent, puts the whole module into its error state until the process
//! ends: nothing is sealed, opened, signed, verified, encrypted, decrypted or agreed any more.
//!
//! Plain hashing, HMAC and HKDF have no way to refuse. Their tests run before the services that
//! build on them: SM2 here, the SFrame and MLS suites in `smrtc-e2ee`.
//!
//! The feature `_test_support` has `danger_break`, which makes one test compute a wrong answer;
//! `tests/break_known_answers.rs` breaks each in turn and shows that everything is refused.
//!
//! This is a design to the standard's requirements, not a certified module.

pub use crate::known_answer::{SelfTest, SelfTestFailed, Status};

use crate::aead::Algorithm;
use crate::conformance::{ccm, sm2_exchange};
use crate::known_answer::{KnownAnswer, in_error_state};
use crate::{aead, hash, hkdf, sm2};

/// A test of the module.
#[allow(missing_docs, reason = "each is the algorithm it is named for")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Test {
    Sm3,
    Sha256,
    Sha512,
    HmacSm3,
    HmacSha256,
    HmacSha512,
    HkdfSm3,
    HkdfSha256,
    HkdfSha512,
    Sm4Gcm,
    Sm4Ccm,
    Aes128Gcm,
    Aes256Gcm,
    Sm2Signature,
    Sm2Encryption,
    Sm2Agreement,
    Sm2Exchange,
    /// Pairwise consistency: on demand with a fixed pair, and with each pair that is generated.
    Sm2Pairwise,
}

impl Test {
    /// All of them; those that others build on come first.
    pub const ALL: [Self; 18] = [
        Self::Sm3,
        Self::Sha256,
        Self::Sha512,
        Self::HmacSm3,
        Self::HmacSha256,
        Self::HmacSha512,
        Self::HkdfSm3,
        Self::HkdfSha256,
        Self::HkdfSha512,
        Self::Sm4Gcm,
        Self::Sm4Ccm,
        Self::Aes128Gcm,
        Self::Aes256Gcm,
        Self::Sm2Signature,
        Self::Sm2Encryption,
        Self::Sm2Agreement,
        Self::Sm2Exchange,
        Self::Sm2Pairwise,
    ];

    /// Its name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sm3 => "SM3",
            Self::Sha256 => "SHA-256",
            Self::Sha512 => "SHA-512",
            Self::HmacSm3 => "HMAC-SM3",
            Self::HmacSha256 => "HMAC-SHA-256",
            Self::HmacSha512 => "HMAC-SHA-512",
            Self::HkdfSm3 => "HKDF-SM3",
            Self::HkdfSha256 => "HKDF-SHA-256",
            Self::HkdfSha512 => "HKDF-SHA-512",
            Self::Sm4Gcm => "SM4-GCM",
            Self::Sm4Ccm => "SM4-CCM",
            Self::Aes128Gcm => "AES-128-GCM",
            Self::Aes256Gcm => "AES-256-GCM",
            Self::Sm2Signature => "SM2 signature",
            Self::Sm2Encryption => "SM2 encryption",
            Self::Sm2Agreement => "SM2 agreement",
            Self::Sm2Exchange => "SM2 key exchange",
            Self::Sm2Pairwise => "SM2 pairwise consistency",
        }
    }

    /// How far it has come.
    pub fn status(self) -> Status {
        self.known_answer().status()
    }

    /// Runs this test, and those of what it builds on, unless they have run.
    ///
    /// # Errors
    ///
    /// [`SelfTestFailed`] now and for ever if an answer was wrong, in this test or in any other.
    pub fn ensure(self) -> Result<(), SelfTestFailed> {
        self.known_answer().ensure()
    }

    /// The test itself, which its algorithm has.
    fn known_answer(self) -> &'static KnownAnswer {
        match self {
            Self::Sm3 => &hash::known_answers::SM3,
            Self::Sha256 => &hash::known_answers::SHA_256,
            Self::Sha512 => &hash::known_answers::SHA_512,
            Self::HmacSm3 => &hash::known_answers::HMAC_SM3,
            Self::HmacSha256 => &hash::known_answers::HMAC_SHA_256,
            Self::HmacSha512 => &hash::known_answers::HMAC_SHA_512,
            Self::HkdfSm3 => &hkdf::known_answers::SM3,
            Self::HkdfSha256 => &hkdf::known_answers::SHA_256,
            Self::HkdfSha512 => &hkdf::known_answers::SHA_512,
            Self::Sm4Gcm => aead::known_answers::of(Algorithm::Sm4Gcm),
            Self::Sm4Ccm => &ccm::KNOWN_ANSWER,
            Self::Aes128Gcm => aead::known_answers::of(Algorithm::Aes128Gcm),
            Self::Aes256Gcm => aead::known_answers::of(Algorithm::Aes256Gcm),
            Self::Sm2Signature => &sm2::sign::KNOWN_ANSWER,
            Self::Sm2Encryption => &sm2::pke::KNOWN_ANSWER,
            Self::Sm2Agreement => &sm2::agreement::KNOWN_ANSWER,
            Self::Sm2Exchange => &sm2_exchange::KNOWN_ANSWER,
            Self::Sm2Pairwise => &sm2::key_generation::PAIRWISE,
        }
    }
}

impl From<Algorithm> for Test {
    fn from(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Aes128Gcm => Self::Aes128Gcm,
            Algorithm::Aes256Gcm => Self::Aes256Gcm,
            Algorithm::Sm4Gcm => Self::Sm4Gcm,
        }
    }
}

/// How far the module has come: [`Status::Failed`] in its error state, [`Status::Passed`] once
/// every test has passed.
pub fn status() -> Status {
    if in_error_state() {
        Status::Failed
    } else if Test::ALL.iter().all(|test| test.status() == Status::Passed) {
        Status::Passed
    } else {
        Status::Untested
    }
}

/// Runs every test now, also those that have run: the self-test on demand. Takes about fifteen SM2
/// operations.
///
/// # Errors
///
/// [`SelfTestFailed`] if any answer was wrong, now or before; the module is then in its error
/// state.
pub fn run_all() -> Result<(), SelfTestFailed> {
    for test in Test::ALL {
        test.known_answer().repeat()?;
    }
    Ok(())
}

/// Runs the known-answer test of `algorithm` unless it has run.
///
/// # Errors
///
/// [`SelfTestFailed`] now and for ever if an answer was wrong.
pub fn ensure(algorithm: Algorithm) -> Result<(), SelfTestFailed> {
    Test::from(algorithm).ensure()
}

/// Puts the module into its error state through `algorithm`, for tests of what follows.
#[cfg(feature = "_test_support")]
pub fn danger_fail(algorithm: Algorithm) {
    Test::from(algorithm).known_answer().fail();
}

/// From now on `test` computes a wrong answer. One that has passed stays so until [`run_all`].
#[cfg(feature = "_test_support")]
pub fn danger_break(test: Test) {
    test.known_answer().danger_break();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_test_passes_and_the_list_is_in_order() {
        for (index, test) in Test::ALL.into_iter().enumerate() {
            assert_eq!(test as usize, index);
            assert_eq!(test.ensure(), Ok(()), "{}", test.name());
            assert_eq!(test.status(), Status::Passed);
            let earlier = |other: &&KnownAnswer| {
                Test::ALL[..index]
                    .iter()
                    .any(|test| std::ptr::eq(test.known_answer(), *other))
            };
            assert!(test.known_answer().builds_on().iter().all(earlier));
        }
        assert_eq!(status(), Status::Passed);
        assert_eq!(run_all(), Ok(()));
    }
}
