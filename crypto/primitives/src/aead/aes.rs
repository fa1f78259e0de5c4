//! AES-GCM: the crate `aes-gcm` for whole messages; its parts, `aes` and `ghash`, for messages by
//! chunks.

use alloc::vec::Vec;

use aes_gcm::aead::consts::{U12, U16};
use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::aes::cipher::{Array, BlockCipherEncrypt, BlockSizeUser};
use ghash::GHash;
use ghash::universal_hash::UniversalHash;
use zeroize::Zeroize;

use crate::aead_types::{Frame, NONCE_BYTES, OpenError, Tag};
use crate::ctr::{counter_after, xor};
use crate::gcm::GcmCipher;
use crate::sm4::{BLOCK_BYTES, Block};

/// Blocks of keystream made at once for a message by chunks.
const BATCH_BLOCKS: usize = 16;

/// An AES-GCM key.
pub(super) struct AesGcm<A> {
    whole: aes_gcm::AesGcm<A, U12>,
    aes: A,
}

impl<A: Aes> AesGcm<A> {
    pub(super) fn new(key: &aes_gcm::Key<A>) -> Self {
        let aes = A::new(key);
        Self {
            whole: aes.clone().into(),
            aes,
        }
    }
}

/// A key size of AES.
pub(super) trait Aes:
    Clone + KeyInit + BlockSizeUser<BlockSize = U16> + BlockCipherEncrypt + Send + Sync
{
}

impl Aes for aes_gcm::aes::Aes128 {}
impl Aes for aes_gcm::aes::Aes256 {}

impl<A: Aes> GcmCipher for AesGcm<A> {
    fn seal(&self, nonce: &[u8], aad: &[u8], buffer: &mut [u8]) -> Tag {
        let tag = self
            .whole
            .encrypt_inout_detached(twelve(nonce).into(), aad, buffer.into())
            .expect("the lengths were checked, and GCM fails for no other reason");
        Tag(tag.into())
    }

    fn open(
        &self,
        nonce: &[u8],
        aad: &[u8],
        buffer: &mut [u8],
        tag: &Tag,
    ) -> Result<(), OpenError> {
        let tag = (&tag.0).into();
        self.whole
            .decrypt_inout_detached(twelve(nonce).into(), aad, buffer.into(), tag)
            .map_err(|_| OpenError::Authentication)
    }

    fn seal_batch(&self, frames: &mut [Frame<'_>]) {
        for frame in frames {
            frame.tag = self.seal(frame.nonce, frame.aad, frame.buffer);
        }
    }

    fn open_batch(&self, frames: &mut [Frame<'_>]) -> Vec<Result<(), OpenError>> {
        let open = |frame: &mut Frame<'_>| {
            let opened = self.open(frame.nonce, frame.aad, frame.buffer, &frame.tag);
            if opened.is_err() {
                frame.buffer.zeroize();
            }
            opened
        };
        frames.iter_mut().map(open).collect()
    }

    fn apply_keystream(&self, counter: &Block, text: &mut [u8]) {
        for (chunk, batch) in text.chunks_mut(BATCH_BLOCKS * BLOCK_BYTES).zip(0..) {
            let blocks = chunk.len().div_ceil(BLOCK_BYTES);
            let first = batch * BATCH_BLOCKS as u32;
            let mut keystream: [Block; BATCH_BLOCKS] =
                core::array::from_fn(|i| counter_after(counter, first + i as u32));
            let batch = &mut keystream[..blocks];
            self.aes
                .encrypt_blocks(Array::cast_slice_from_core_mut(batch));
            xor(chunk, batch.as_flattened());
            keystream.as_flattened_mut().zeroize();
        }
    }

    fn absorb(&self, y: &mut Block, blocks: &[Block]) {
        let Some((first, others)) = blocks.split_first() else {
            return;
        };
        let mut h = [0; BLOCK_BYTES].into();
        self.aes.encrypt_block(&mut h);
        let mut ghash = GHash::new(&h);
        h.zeroize();
        let first: Block = core::array::from_fn(|i| first[i] ^ y[i]);
        ghash.update_padded(&first);
        ghash.update_padded(others.as_flattened());
        *y = ghash.finalize().into();
    }
}

fn twelve(nonce: &[u8]) -> &[u8; NONCE_BYTES] {
    nonce
        .try_into()
        .expect("`Key` takes no other length for AES")
}
