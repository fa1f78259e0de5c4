//! Kernels in plain integers: 16 blocks in a `u64`.
//!
//! A lane of a plane has 16 bits: lane j of a plane is bits 16j to 16j + 15, block t is bit t of
//! each.

use core::array;

use crate::backend::bmul::{self, Element};
use crate::ctr::BatchCipher;
use crate::gcm::{
    self,
    hash_input::{HashInput, QUAD_BYTES},
};
use crate::sm4::bitslice::{Plane, RoundKeyPlanes, Word};
use crate::sm4::{BLOCK_BYTES, Block, RoundKeys};
use zeroize::Zeroize;

/// SM4 in counter mode.
pub(crate) struct Sm4(RoundKeyPlanes<u64>);

impl Sm4 {
    pub(crate) fn new(key: &[u8; 16]) -> Self {
        Self(RoundKeyPlanes::new(&RoundKeys::new(key)))
    }
}

impl BatchCipher for Sm4 {
    const SIZES: &'static [usize] = &[16];

    const BULK_BLOCKS: usize = 16;

    type Nonce = [Word<u64>; 3];

    fn nonce(nonce: &[u8; 12]) -> Self::Nonce {
        let words = nonce.as_chunks::<4>().0;
        array::from_fn(|w| u64::of_word(u32::from_be_bytes(words[w])))
    }

    fn xor_batch(&self, nonce: &Self::Nonce, first: u32, batch: &mut [Block]) {
        let [x0, x1, x2] = *nonce;
        let mut x = [x0, x1, x2, counters(first)];
        self.0.encrypt(&mut x);
        xor_blocks(&x, batch);
    }

    fn encrypt_batch(&self, batch: &mut [Block]) {
        let mut x = planes(batch);
        self.0.encrypt(&mut x);
        batch.fill([0; BLOCK_BYTES]);
        xor_blocks(&x, batch);
    }
}

impl Plane for u64 {
    type Stored = u64;

    #[inline(always)]
    fn load(stored: &u64) -> u64 {
        *stored
    }

    fn of_word(word: u32) -> Word<u64> {
        // Byte j of the word at the foot of lane j; then bit b, spread over the lane.
        let [b0, b1, b2, b3] = word.to_be_bytes().map(u64::from);
        let bytes = b0 | b1 << 16 | b2 << 32 | b3 << 48;
        array::from_fn(|b| (bytes >> b & 0x0001_0001_0001_0001) * 0xffff)
    }

    #[inline(always)]
    fn rotate_by_three(self) -> u64 {
        self.rotate_left(16)
    }

    #[inline(always)]
    fn rotate_by_two(self) -> u64 {
        self.rotate_left(32)
    }
}

/// The planes of the counters `first` to `first + 15`, where `first` is a multiple of 16.
fn counters(first: u32) -> Word<u64> {
    /// Bit b of block t's number t, for b from 0 to 3.
    const LOW_BITS: [u64; 4] = [0xaaaa, 0xcccc, 0xf0f0, 0xff00];
    let mut planes = u64::of_word(first);
    for (plane, low_bits) in planes.iter_mut().zip(LOW_BITS) {
        *plane |= low_bits << 48;
    }
    planes
}

/// XORs the blocks in the planes, last word first as SM4 has it, to `batch`.
fn xor_blocks(x: &[Word<u64>; 4], batch: &mut [Block]) {
    // Element i of a word: that of block i in the low half, most significant byte first, of block
    // i + 8 in the high.
    let words = x.map(|planes| swap_bits(planes).map(part_blocks));
    let (low, high) = batch.split_at_mut(8);
    for (i, (block, eighth_on)) in low.iter_mut().zip(high).enumerate() {
        for (w, (a, b)) in block
            .as_chunks_mut::<4>()
            .0
            .iter_mut()
            .zip(eighth_on.as_chunks_mut::<4>().0)
            .enumerate()
        {
            let pair = words[3 - w][i];
            *a = (u32::from_le_bytes(*a) ^ pair as u32).to_le_bytes();
            *b = (u32::from_le_bytes(*b) ^ (pair >> 32) as u32).to_le_bytes();
        }
    }
}

/// The planes of the words of 16 blocks: [`xor_blocks`] backwards.
fn planes(batch: &[Block]) -> [Word<u64>; 4] {
    let word = |block: &Block, w: usize| {
        let bytes = block.as_chunks::<4>().0[w];
        u64::from(u32::from_le_bytes(bytes))
    };
    array::from_fn(|w| {
        let pairs: Word<u64> =
            array::from_fn(|i| word(&batch[i], w) | word(&batch[i + 8], w) << 32);
        swap_bits(pairs.map(join_blocks))
    })
}

/// An 8 × 8 transposition in each byte position: bit i of element b becomes bit b of element i.
fn swap_bits(mut a: Word<u64>) -> Word<u64> {
    for (distance, mask) in [
        (1, 0x5555_5555_5555_5555),
        (2, 0x3333_3333_3333_3333),
        (4, 0x0f0f_0f0f_0f0f_0f0f),
    ] {
        for low in (0..8).filter(|low| low & distance == 0) {
            let high = low + distance;
            let t = (a[low] >> distance ^ a[high]) & mask;
            a[high] ^= t;
            a[low] ^= t << distance;
        }
    }
    a
}

/// Byte 2j + h is byte j of block 8h + i: even bytes to the low half, odd ones to the high half.
fn part_blocks(x: u64) -> u64 {
    swap_pairs_of_bytes(swap_bytes(x))
}

/// [`part_blocks`] backwards.
fn join_blocks(x: u64) -> u64 {
    swap_bytes(swap_pairs_of_bytes(x))
}

/// Bytes 1 and 2 change places, and 5 and 6.
fn swap_bytes(x: u64) -> u64 {
    let t = (x ^ x >> 8) & 0x0000_ff00_0000_ff00;
    x ^ t ^ t << 8
}

/// Bytes 2 and 3 change places with 4 and 5.
fn swap_pairs_of_bytes(x: u64) -> u64 {
    let t = (x ^ x >> 16) & 0x0000_0000_ffff_0000;
    x ^ t ^ t << 16
}

/// GHASH with carry-less multiplication made of integer multiplications.
pub(crate) struct Ghash {
    h: Element,
}

impl gcm::Ghash for Ghash {
    fn new(h: &[u8; BLOCK_BYTES]) -> Self {
        Self {
            h: Element::from_bytes(h),
        }
    }

    fn hash(&self, input: &HashInput<'_>) -> Block {
        let mut y = Element::default();
        let mut scratch = [0; QUAD_BYTES];
        let mut padding = input.padding();
        for index in 0..input.quads() {
            let quad = input.quad(index, &mut scratch);
            for block in &quad.as_chunks::<BLOCK_BYTES>().0[padding..] {
                y = bmul::multiply(y.xor(Element::from_bytes(block)), self.h);
            }
            padding = 0;
        }
        y.to_bytes()
    }
}

impl Drop for Ghash {
    fn drop(&mut self) {
        self.h.zeroize();
    }
}
