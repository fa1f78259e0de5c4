//! Galois/Counter Mode (NIST SP 800-38D §7, GB/T 36624-2018, RFC 8998 §3) over any back end.
//!
//! Lengths and self-tests are checked by `aead`, not here.

use subtle::ConstantTimeEq;
use zeroize::Zeroize;

use crate::aead::{MAX_AAD_BYTES, MAX_TEXT_BYTES, OpenError, SealError, TAG_BYTES, Tag};
use crate::ctr::{CounterCipher, Keystream};
use crate::sm4::BLOCK_BYTES;

/// The universal hash of GCM under one key.
pub(crate) trait Ghash {
    /// `h` is E(0).
    fn new(h: &[u8; BLOCK_BYTES]) -> Self;

    /// GHASH of `aad` and `text`, each padded with zeros to whole blocks, and the block of their lengths in bits.
    fn hash(&self, aad: &[u8], text: &[u8]) -> [u8; BLOCK_BYTES];
}

/// A GCM key: a cipher and the hash key derived from it.
pub(crate) struct Gcm<C, G> {
    cipher: C,
    ghash: G,
}

impl<C: CounterCipher, G: Ghash> Gcm<C, G> {
    pub(crate) fn new(cipher: C) -> Self {
        let mut h = Keystream::new(&cipher, &[0; BLOCK_BYTES]).encrypted_j0();
        let ghash = G::new(&h);
        h.zeroize();
        Self { cipher, ghash }
    }

    /// `nonce` may have any length but 0; 12 bytes cost least.
    pub(crate) fn seal(&self, nonce: &[u8], aad: &[u8], buffer: &mut [u8]) -> Tag {
        let keystream = Keystream::new(&self.cipher, &self.j0(nonce));
        let mask = keystream.encrypted_j0();
        keystream.apply(buffer);
        self.tag(mask, aad, buffer)
    }

    /// Decrypts only after the tag has verified; on failure `buffer` holds the ciphertext.
    pub(crate) fn open(
        &self,
        nonce: &[u8],
        aad: &[u8],
        buffer: &mut [u8],
        tag: &Tag,
    ) -> Result<(), OpenError> {
        let keystream = Keystream::new(&self.cipher, &self.j0(nonce));
        let expected = self.tag(keystream.encrypted_j0(), aad, buffer);
        if !bool::from(expected.0.ct_eq(&tag.0)) {
            return Err(OpenError::Authentication);
        }
        keystream.apply(buffer);
        Ok(())
    }

    /// The pre-counter block (§7.1 step 2).
    fn j0(&self, nonce: &[u8]) -> [u8; BLOCK_BYTES] {
        let mut j0 = [0; BLOCK_BYTES];
        if nonce.len() == 12 {
            j0[..12].copy_from_slice(nonce);
            j0[15] = 1;
        } else {
            j0 = self.ghash.hash(&[], nonce);
        }
        j0
    }

    fn tag(&self, mut mask: [u8; TAG_BYTES], aad: &[u8], ciphertext: &[u8]) -> Tag {
        let s = self.ghash.hash(aad, ciphertext);
        let tag = core::array::from_fn(|i| s[i] ^ mask[i]);
        mask.zeroize();
        Tag(tag)
    }
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

/// The block of lengths in bits that ends what GHASH hashes.
pub(crate) fn length_block(aad: &[u8], text: &[u8]) -> [u8; BLOCK_BYTES] {
    let mut block = [0; BLOCK_BYTES];
    block[..8].copy_from_slice(&(aad.len() as u64 * 8).to_be_bytes());
    block[8..].copy_from_slice(&(text.len() as u64 * 8).to_be_bytes());
    block
}
