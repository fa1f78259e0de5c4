//! Sealing (RFC 9605 §4.4.3): one counter, one key, one sender.

use smrtc_crypto::aead;

use super::header::{Ctr, Header, Kid};
use super::key_schedule::{BaseKey, SframeKey};
use super::suite::CipherSuite;
use crate::key_provider::{KeyProvider, SenderKeyError};
use crate::rng::Rng;
use crate::self_test;

/// Frames that one key seals: 2^32, the count of NIST SP 800-38D §8.3.
///
/// At 300 frames a second that lasts 165 days, and keeps what GCM leaks about 16 KiB frames below
/// 2^-44. SFrame's own limit is 2^64.
pub const MAX_FRAMES_PER_KEY: u64 = 1 << 32;

/// Why a frame was not sealed. Nothing was appended.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The key has sealed [`MAX_FRAMES_PER_KEY`] frames: take a new one from the provider.
    #[error("the key has sealed all the frames it may")]
    Exhausted,
    /// The frame or its metadata is longer than the AEAD allows.
    #[error("frame longer than the cipher allows")]
    TooLong,
    /// The suite gave a wrong known answer; it refuses to work until the process ends.
    #[error("self-test failed")]
    SelfTest,
}

/// Seals the frames of one sending session: all its tracks and layers share one counter.
///
/// It cannot be cloned, and its counter cannot be set: a key and nonce never repeat.
#[derive(Debug)]
pub struct Sealer {
    suite: CipherSuite,
    kid: Kid,
    key: SframeKey,
    next_ctr: u64,
    /// Header ‖ metadata of the frame in hand; kept for its allocation.
    aad: Vec<u8>,
}

impl Sealer {
    /// A sealer that counts from 0. `base_key` must never have sealed under `kid` before.
    pub fn new(suite: CipherSuite, kid: Kid, base_key: &BaseKey) -> Self {
        Self {
            suite,
            kid,
            key: SframeKey::derive(suite, kid, base_key),
            next_ctr: 0,
            aad: Vec::new(),
        }
    }

    /// A sealer under a fresh sender key of `provider`.
    ///
    /// # Errors
    ///
    /// What [`KeyProvider::sender_key`] returns.
    pub fn from_provider(
        provider: &mut dyn KeyProvider,
        rng: &mut dyn Rng,
    ) -> Result<Self, SenderKeyError> {
        let (kid, base_key) = provider.sender_key(rng)?;
        Ok(Self::new(provider.suite(), kid, &base_key))
    }

    /// The suite.
    pub fn suite(&self) -> CipherSuite {
        self.suite
    }

    /// The KID in every header.
    pub fn kid(&self) -> Kid {
        self.kid
    }

    /// The counter of the next frame: how many have been sealed.
    pub fn next_ctr(&self) -> Ctr {
        Ctr(self.next_ctr)
    }

    /// Seals one encoded frame: appends header ‖ ciphertext ‖ tag to `out`.
    ///
    /// `metadata` is authenticated but not encrypted and not sent (§4.4.3); it may be empty.
    ///
    /// # Errors
    ///
    /// [`SealError`]; `out` is then as it was.
    pub fn seal(
        &mut self,
        metadata: &[u8],
        plaintext: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), SealError> {
        self_test::ensure(self.suite).map_err(|_| SealError::SelfTest)?;
        if self.next_ctr >= MAX_FRAMES_PER_KEY {
            return Err(SealError::Exhausted);
        }
        self.seal_untested(metadata, plaintext, out)
    }

    /// [`Self::seal`] behind the self-test and the limit.
    fn seal_untested(
        &mut self,
        metadata: &[u8],
        plaintext: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), SealError> {
        let ctr = Ctr(self.next_ctr);
        // A counter is spent even if sealing fails: no path leads back to the same nonce.
        self.next_ctr = self.next_ctr.checked_add(1).ok_or(SealError::Exhausted)?;

        self.aad.clear();
        Header { kid: self.kid, ctr }.encode(&mut self.aad);
        let start = out.len();
        out.extend_from_slice(&self.aad);
        self.aad.extend_from_slice(metadata);

        let text = out.len();
        out.reserve(plaintext.len() + aead::TAG_BYTES);
        out.extend_from_slice(plaintext);
        let sealed = self
            .key
            .aead
            .seal_in_place(&self.key.nonce(ctr), &self.aad, &mut out[text..]);
        match sealed {
            Ok(tag) => {
                out.extend_from_slice(&tag.0);
                Ok(())
            }
            Err(error) => {
                // No plaintext stays behind in the caller's buffer, spare capacity included.
                out[start..].fill(0);
                out.truncate(start);
                Err(match error {
                    aead::SealError::SelfTest => SealError::SelfTest,
                    _ => SealError::TooLong,
                })
            }
        }
    }

    /// Seals at `ctr`, for known answers.
    pub(crate) fn seal_at(
        &mut self,
        ctr: Ctr,
        metadata: &[u8],
        plaintext: &[u8],
    ) -> Result<Vec<u8>, SealError> {
        let mut out = Vec::new();
        self.next_ctr = ctr.0;
        self.seal_untested(metadata, plaintext, &mut out)?;
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealer() -> Sealer {
        Sealer::new(CipherSuite::Sm4GcmSm3, Kid(1), &BaseKey::new(&[0xa5; 32]))
    }

    #[test]
    fn the_last_frame_of_a_key_is_sealed_and_the_next_refused() {
        let mut sealer = sealer();
        sealer.next_ctr = MAX_FRAMES_PER_KEY - 1;
        let mut out = b"before".to_vec();
        assert_eq!(sealer.seal(b"", b"last", &mut out), Ok(()));
        let len = out.len();
        for _ in 0..3 {
            assert_eq!(
                sealer.seal(b"", b"one more", &mut out),
                Err(SealError::Exhausted)
            );
        }
        assert_eq!(out.len(), len);
        assert_eq!(sealer.next_ctr(), Ctr(MAX_FRAMES_PER_KEY));
    }

    #[test]
    fn the_counter_never_wraps() {
        let mut sealer = sealer();
        assert!(sealer.seal_at(Ctr(u64::MAX - 1), b"", b"x").is_ok());
        assert_eq!(
            sealer.seal_at(Ctr(u64::MAX), b"", b"x"),
            Err(SealError::Exhausted)
        );
        assert_eq!(sealer.next_ctr(), Ctr(u64::MAX));
    }

    #[test]
    fn debug_shows_no_key() {
        let debug = format!("{:?}", sealer());
        assert!(debug.contains("[redacted]"), "{debug}");
        assert!(!debug.contains("165") && !debug.contains("a5"), "{debug}");
    }
}
