//! SM4 by batches of 32 blocks with GFNI.

use zeroize::ZeroizeOnDrop;

use super::bytes;
use super::cpu::Avx2Gfni;
use crate::ctr::BatchCipher;
use crate::sm4::Block;
use crate::sm4::RoundKeys;
use crate::sm4::byte_planes::{Input, Keys};
use crate::sm4::field::G;

/// SM4 under one key.
#[derive(ZeroizeOnDrop)]
pub(crate) struct Sm4 {
    #[zeroize(skip)]
    _cpu: Avx2Gfni,
    keys: Keys,
}

impl Sm4 {
    pub(crate) fn new(cpu: Avx2Gfni, key: &[u8; 16]) -> Self {
        Self {
            _cpu: cpu,
            keys: Keys::new(&RoundKeys::new(key), &G),
        }
    }
}

impl BatchCipher for Sm4 {
    const SIZES: &'static [usize] = &[bytes::BLOCKS];

    const BULK_BLOCKS: usize = bytes::BLOCKS;

    type Nonce = [u8; 12];

    fn nonce(nonce: &[u8; 12]) -> [u8; 12] {
        *nonce
    }

    fn xor_batch(&self, nonce: &[u8; 12], first: u32, batch: &mut [Block]) {
        // SAFETY: a `Sm4` is made with the proof that the features are there.
        unsafe { bytes::crypt_by_gfni(&self.keys, &Input::Counters(nonce, first), batch) }
    }

    fn encrypt_batch(&self, batch: &mut [Block]) {
        // SAFETY: as above.
        unsafe { bytes::crypt_by_gfni(&self.keys, &Input::Batch, batch) }
    }
}
