//! Sealing (RFC 9605 §4.4.3): one counter, one key, one sender.

use smrtc_crypto::aead;

use super::header::{Ctr, Header, Kid, MAX_HEADER_BYTES};
use super::key_provider::{KeyProvider, SenderKeyError};
use super::key_schedule::{BaseKey, SframeKey};
use super::known_answers;
use super::suite::CipherSuite;
use crate::rng::Rng;

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
        self.ensure_usable()?;
        self.seal_untested(metadata, plaintext, out)
    }

    /// Length of the next frame's header: the room to leave in front of a frame for
    /// [`Self::seal_in_place`].
    pub fn header_bytes(&self) -> usize {
        let mut header = Vec::with_capacity(MAX_HEADER_BYTES);
        self.next_header().encode(&mut header);
        header.len()
    }

    /// Seals one encoded frame where it lies: `frame` becomes header ‖ ciphertext ‖ tag.
    ///
    /// The plaintext is `frame[room..]`, and the header takes the place of what is in front of it.
    /// With a `room` of [`Self::header_bytes`] and capacity for [`aead::TAG_BYTES`] more, not a
    /// byte of the plaintext is moved; with any other `room` it is moved within `frame`. `metadata`
    /// is as in [`Self::seal`].
    ///
    /// # Errors
    ///
    /// [`SealError`]; `frame` is then empty, and nothing of the plaintext stays behind in it.
    pub fn seal_in_place(
        &mut self,
        metadata: &[u8],
        frame: &mut Vec<u8>,
        room: usize,
    ) -> Result<(), SealError> {
        let sealed = self.ensure_usable().and_then(|()| {
            let ctr = self.begin()?;
            frame.reserve(MAX_HEADER_BYTES.saturating_sub(room) + aead::TAG_BYTES);
            drop(frame.splice(..room.min(frame.len()), self.aad.iter().copied()));
            self.seal_text(ctr, metadata, frame, self.aad.len())
        });
        if sealed.is_err() {
            frame.fill(0);
            frame.clear();
        }
        sealed
    }

    fn ensure_usable(&self) -> Result<(), SealError> {
        known_answers::ensure(self.suite).map_err(|_| SealError::SelfTest)?;
        if self.next_ctr >= MAX_FRAMES_PER_KEY {
            return Err(SealError::Exhausted);
        }
        Ok(())
    }

    fn next_header(&self) -> Header {
        Header {
            kid: self.kid,
            ctr: Ctr(self.next_ctr),
        }
    }

    /// Spends a counter, and leaves its header in `aad`.
    fn begin(&mut self) -> Result<Ctr, SealError> {
        let header = self.next_header();
        // A counter is spent even if sealing fails: no path leads back to the same nonce.
        self.next_ctr = self.next_ctr.checked_add(1).ok_or(SealError::Exhausted)?;
        self.aad.clear();
        header.encode(&mut self.aad);
        Ok(header.ctr)
    }

    /// Encrypts `frame[text..]`, whose header is in `aad`, and appends the tag.
    fn seal_text(
        &mut self,
        ctr: Ctr,
        metadata: &[u8],
        frame: &mut Vec<u8>,
        text: usize,
    ) -> Result<(), SealError> {
        self.aad.extend_from_slice(metadata);
        let sealed =
            self.key
                .aead
                .seal_in_place(&self.key.nonce(ctr), &self.aad, &mut frame[text..]);
        let tag = sealed.map_err(|error| match error {
            aead::SealError::SelfTest => SealError::SelfTest,
            _ => SealError::TooLong,
        })?;
        frame.extend_from_slice(&tag.0);
        Ok(())
    }

    /// [`Self::seal`] behind the self-test and the limit.
    fn seal_untested(
        &mut self,
        metadata: &[u8],
        plaintext: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), SealError> {
        let ctr = self.begin()?;
        let start = out.len();
        out.reserve(self.aad.len() + plaintext.len() + aead::TAG_BYTES);
        out.extend_from_slice(&self.aad);
        let text = out.len();
        out.extend_from_slice(plaintext);
        let sealed = self.seal_text(ctr, metadata, out, text);
        if sealed.is_err() {
            // No plaintext stays behind in the caller's buffer, spare capacity included.
            out[start..].fill(0);
            out.truncate(start);
        }
        sealed
    }

    /// Seals at `ctr`, to try the end of the counter.
    #[cfg(test)]
    fn seal_at(
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
    fn a_frame_with_room_in_front_is_sealed_where_it_lies() {
        for count in [0, 7, 8, 300, 70_000] {
            let (mut copying, mut in_place) = (sealer(), sealer());
            copying.next_ctr = count;
            in_place.next_ctr = count;
            let plaintext = b"an encoded frame".repeat(9);
            let mut copied = Vec::new();
            copying.seal(b"meta", &plaintext, &mut copied).unwrap();

            let room = in_place.header_bytes();
            let mut frame =
                Vec::with_capacity(MAX_HEADER_BYTES + plaintext.len() + aead::TAG_BYTES);
            frame.resize(room, 0xee);
            frame.extend_from_slice(&plaintext);
            let before = frame.as_ptr();
            in_place.seal_in_place(b"meta", &mut frame, room).unwrap();
            assert_eq!(frame, copied);
            assert_eq!(frame.as_ptr(), before, "the frame was moved");
            assert_eq!(in_place.next_ctr(), copying.next_ctr());
        }
    }

    #[test]
    fn another_room_than_the_headers_costs_a_move_and_nothing_else() {
        for room in 0..30 {
            let mut copied = Vec::new();
            sealer().seal(b"meta", b"text", &mut copied).unwrap();
            let mut frame = vec![0xee; room];
            frame.extend_from_slice(b"text");
            sealer().seal_in_place(b"meta", &mut frame, room).unwrap();
            assert_eq!(frame, copied, "room of {room}");
        }
        let mut nothing = vec![1, 2, 3];
        sealer().seal_in_place(b"", &mut nothing, 99).unwrap();
        let mut empty = Vec::new();
        sealer().seal(b"", b"", &mut empty).unwrap();
        assert_eq!(nothing, empty, "there is no text behind the end");
    }

    #[test]
    fn a_frame_that_is_refused_is_not_left_in_place() {
        let mut sealer = sealer();
        sealer.next_ctr = MAX_FRAMES_PER_KEY;
        let mut frame = b"plaintext".to_vec();
        assert_eq!(
            sealer.seal_in_place(b"", &mut frame, 0),
            Err(SealError::Exhausted)
        );
        assert!(frame.is_empty());
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
