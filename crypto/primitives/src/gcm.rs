//! SM4 in Galois/Counter Mode (NIST SP 800-38D §7, GB/T 36624-2018 §11, RFC 8998 §3).
//!
//! SM4 is the crate `sm4` for now, which is **not constant time**: its S-box is a table indexed by
//! secret bytes. Lengths and self-tests are checked by `aead`, not here.

use ghash::GHash;
use ghash::universal_hash::UniversalHash;
use sm4::cipher::{Array, BlockCipherEncrypt, KeyInit};
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

use crate::aead::{NONCE_BYTES, OpenError, TAG_BYTES, Tag};

/// An expanded SM4-GCM key.
pub(crate) struct Sm4Gcm {
    cipher: sm4::Sm4,
    /// GHASH under H = E(0), before its first block.
    ghash: GHash,
}

impl Sm4Gcm {
    pub(crate) fn new(key: &[u8; 16]) -> Self {
        let cipher = sm4::Sm4::new(key.into());
        let mut h = [0; BLOCK_BYTES];
        cipher.encrypt_block((&mut h).into());
        let ghash = GHash::new((&h).into());
        h.zeroize();
        Self { cipher, ghash }
    }

    pub(crate) fn seal(&self, nonce: &[u8; NONCE_BYTES], aad: &[u8], buffer: &mut [u8]) -> Tag {
        self.apply_keystream(nonce, buffer);
        self.tag(nonce, aad, buffer)
    }

    /// Decrypts only after the tag has verified; on failure `buffer` holds the ciphertext.
    pub(crate) fn open(
        &self,
        nonce: &[u8; NONCE_BYTES],
        aad: &[u8],
        buffer: &mut [u8],
        tag: &Tag,
    ) -> Result<(), OpenError> {
        let expected = self.tag(nonce, aad, buffer);
        if !bool::from(expected.0.ct_eq(&tag.0)) {
            return Err(OpenError::Authentication);
        }
        self.apply_keystream(nonce, buffer);
        Ok(())
    }

    /// GCTR from inc32(J0) on, with J0 = nonce ‖ 0x00000001.
    fn apply_keystream(&self, nonce: &[u8; NONCE_BYTES], buffer: &mut [u8]) {
        for (batch, first) in buffer
            .chunks_mut(BATCH_BLOCKS * BLOCK_BYTES)
            .zip((0u32..).step_by(BATCH_BLOCKS))
        {
            let mut keystream = [Array::from([0; BLOCK_BYTES]); BATCH_BLOCKS];
            for (block, i) in keystream.iter_mut().zip(0u32..) {
                block.copy_from_slice(&counter_block(nonce, first + i + 2));
            }
            self.cipher.encrypt_blocks(&mut keystream);
            for (byte, key) in batch.iter_mut().zip(keystream.iter().flatten()) {
                *byte ^= key;
            }
            keystream
                .as_mut_slice()
                .iter_mut()
                .for_each(|block| block.as_mut_slice().zeroize());
        }
    }

    fn tag(&self, nonce: &[u8; NONCE_BYTES], aad: &[u8], ciphertext: &[u8]) -> Tag {
        let mut ghash = self.ghash.clone();
        ghash.update_padded(aad);
        ghash.update_padded(ciphertext);
        let mut lengths = [0; BLOCK_BYTES];
        lengths[..8].copy_from_slice(&(aad.len() as u64 * 8).to_be_bytes());
        lengths[8..].copy_from_slice(&(ciphertext.len() as u64 * 8).to_be_bytes());
        ghash.update(&[lengths.into()]);
        let s = ghash.finalize();

        let mut mask = counter_block(nonce, 1);
        self.cipher.encrypt_block((&mut mask).into());
        let mut tag = [0; TAG_BYTES];
        for (byte, (s, mask)) in tag.iter_mut().zip(s.iter().zip(&mask)) {
            *byte = s ^ mask;
        }
        mask.zeroize();
        Tag(tag)
    }
}

fn counter_block(nonce: &[u8; NONCE_BYTES], counter: u32) -> [u8; BLOCK_BYTES] {
    let mut block = [0; BLOCK_BYTES];
    block[..NONCE_BYTES].copy_from_slice(nonce);
    block[NONCE_BYTES..].copy_from_slice(&counter.to_be_bytes());
    block
}

const BLOCK_BYTES: usize = 16;

/// Counter blocks encrypted together, so that the cipher can overlap their table look-ups.
const BATCH_BLOCKS: usize = 8;
