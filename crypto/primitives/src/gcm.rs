//! Galois/Counter Mode (NIST SP 800-38D §7, GB/T 36624-2018, RFC 8998 §3) over any back end.
//!
//! Lengths and self-tests are checked by `aead`, not here.

mod batch;
pub(crate) mod hash_input;

use alloc::vec::Vec;
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

use crate::aead_types::{
    Frame, MAX_AAD_BYTES, MAX_TEXT_BYTES, OpenError, SealError, TAG_BYTES, Tag,
};
use crate::ctr::{BatchCipher, Keystream, MessageKeystream, Scratch, SecretKeystream, encrypt_one};
use crate::sm4::{BLOCK_BYTES, Block};
use hash_input::HashInput;

/// The universal hash of GCM under one key.
pub(crate) trait Ghash {
    /// `h` is E(0).
    fn new(h: &Block) -> Self;

    /// The hash of the blocks of `input`, from 0.
    fn hash(&self, input: &HashInput<'_>) -> Block;
}

/// What a GCM key does, whatever cipher and kernels it has.
pub(crate) trait GcmCipher: Send + Sync {
    /// `nonce` may have any length but 0; 12 bytes cost least.
    fn seal(&self, nonce: &[u8], aad: &[u8], buffer: &mut [u8]) -> Tag;

    /// Decrypts only after the tag has verified; on failure `buffer` holds the ciphertext.
    fn open(&self, nonce: &[u8], aad: &[u8], buffer: &mut [u8], tag: &Tag)
    -> Result<(), OpenError>;

    /// [`Self::seal`] of each frame, which writes its tag.
    fn seal_batch(&self, frames: &mut [Frame<'_>]);

    /// [`Self::open`] of each frame; the buffers of those that fail hold zeros.
    fn open_batch(&self, frames: &mut [Frame<'_>]) -> Vec<Result<(), OpenError>>;

    /// XORs E(`counter`), E(inc32(`counter`)), … to `text`.
    fn apply_keystream(&self, counter: &Block, text: &mut [u8]);

    /// Goes on from the hash `y` with `blocks`.
    fn absorb(&self, y: &mut Block, blocks: &[Block]);
}

/// A GCM key: a cipher and the hash key derived from it.
pub(crate) struct Gcm<C, G> {
    cipher: C,
    ghash: G,
}

impl<C: BatchCipher, G: Ghash> Gcm<C, G> {
    pub(crate) fn new(cipher: C) -> Self {
        let mut h = encrypt_one(&cipher, &[0; BLOCK_BYTES]);
        let ghash = G::new(&h);
        h.zeroize();
        Self { cipher, ghash }
    }

    /// The keystream of a message with a nonce of 12 bytes.
    fn keystream<'k>(
        &'k self,
        nonce: &[u8; 12],
        text_bytes: usize,
        scratch: &'k mut Scratch,
    ) -> Keystream<'k, C> {
        let blocks = 1 + text_bytes.div_ceil(BLOCK_BYTES);
        Keystream::new(&self.cipher, &j0_of_twelve(nonce), blocks, scratch)
    }

    /// That of a message with any other nonce: its pre-counter block (§7.1 step 2) is a hash under
    /// the key, so it is secret.
    fn keystream_of_hash(&self, nonce: &[u8]) -> SecretKeystream<'_, C> {
        let j0 = self.ghash.hash(&HashInput::message(&[], nonce));
        SecretKeystream::new(&self.cipher, &j0)
    }

    fn seal_with(
        &self,
        keystream: &mut impl MessageKeystream,
        aad: &[u8],
        buffer: &mut [u8],
    ) -> Tag {
        let mask = keystream.take_first();
        keystream.apply(buffer);
        self.tag(mask, aad, buffer)
    }

    fn open_with(
        &self,
        keystream: &mut impl MessageKeystream,
        aad: &[u8],
        buffer: &mut [u8],
        tag: &Tag,
    ) -> Result<(), OpenError> {
        let expected = self.tag(keystream.take_first(), aad, buffer);
        if !bool::from(expected.0.ct_eq(&tag.0)) {
            return Err(OpenError::Authentication);
        }
        keystream.apply(buffer);
        Ok(())
    }

    fn tag(&self, mut mask: [u8; TAG_BYTES], aad: &[u8], ciphertext: &[u8]) -> Tag {
        let s = self.ghash.hash(&HashInput::message(aad, ciphertext));
        let tag = core::array::from_fn(|i| s[i] ^ mask[i]);
        mask.zeroize();
        Tag(tag)
    }
}

impl<C: BatchCipher + Send + Sync, G: Ghash + Send + Sync> GcmCipher for Gcm<C, G> {
    fn seal(&self, nonce: &[u8], aad: &[u8], buffer: &mut [u8]) -> Tag {
        match nonce.try_into() {
            Ok(nonce) => {
                let mut scratch = Scratch::new();
                let mut keystream = self.keystream(nonce, buffer.len(), &mut scratch);
                self.seal_with(&mut keystream, aad, buffer)
            }
            Err(_) => self.seal_with(&mut self.keystream_of_hash(nonce), aad, buffer),
        }
    }

    fn open(
        &self,
        nonce: &[u8],
        aad: &[u8],
        buffer: &mut [u8],
        tag: &Tag,
    ) -> Result<(), OpenError> {
        match nonce.try_into() {
            Ok(nonce) => {
                let mut scratch = Scratch::new();
                let mut keystream = self.keystream(nonce, buffer.len(), &mut scratch);
                self.open_with(&mut keystream, aad, buffer, tag)
            }
            Err(_) => self.open_with(&mut self.keystream_of_hash(nonce), aad, buffer, tag),
        }
    }

    fn seal_batch(&self, frames: &mut [Frame<'_>]) {
        self.seal_all(frames);
    }

    fn open_batch(&self, frames: &mut [Frame<'_>]) -> Vec<Result<(), OpenError>> {
        self.open_all(frames)
    }

    fn apply_keystream(&self, counter: &Block, text: &mut [u8]) {
        let blocks = text.len().div_ceil(BLOCK_BYTES);
        if blocks > 0 {
            Keystream::new(&self.cipher, counter, blocks, &mut Scratch::new()).apply(text);
        }
    }

    fn absorb(&self, y: &mut Block, blocks: &[Block]) {
        if let Some((first, others)) = blocks.split_first() {
            let first = core::array::from_fn(|i| first[i] ^ y[i]);
            *y = self.ghash.hash(&HashInput::middle(&first, others));
        }
    }
}

/// The pre-counter block of a nonce of 12 bytes.
pub(crate) fn j0_of_twelve(nonce: &[u8; 12]) -> Block {
    let mut j0 = [0; BLOCK_BYTES];
    j0[..12].copy_from_slice(nonce);
    j0[15] = 1;
    j0
}

/// The limits of SP 800-38D §5.2.1.1.
pub(crate) fn check_lengths(aad_bytes: u64, text_bytes: u64) -> Result<(), SealError> {
    if text_bytes > MAX_TEXT_BYTES {
        return Err(SealError::TextTooLong);
    }
    if aad_bytes > MAX_AAD_BYTES {
        return Err(SealError::AadTooLong);
    }
    Ok(())
}
