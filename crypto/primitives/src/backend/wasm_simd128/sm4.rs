//! SM4 in counter mode, 32 blocks at a time.

use core::arch::wasm32::{
    i8x16_eq, i8x16_shuffle, i32x4_shl, i32x4_shuffle, u8x16_splat, u32x4_shr, u32x4_splat,
};
use core::array;

use super::bytes;
use super::vector::{Stored, V, transpose_words};
use super::words::{self, WordKeys};
use crate::ctr::BatchCipher;
use crate::sm4::bitslice::{Plane, RoundKeyPlanes, Word};
use crate::sm4::byte_planes::{Input, Keys};
use crate::sm4::{BLOCK_BYTES, Block, RoundKeys, tower};

/// SM4 under one key.
pub(crate) struct Sm4 {
    round_keys: RoundKeyPlanes<V>,
    /// The same for byte planes.
    keys: Keys,
    /// The same for words.
    word_keys: WordKeys,
}

/// Blocks in bit planes.
const BLOCKS: usize = 32;

impl Sm4 {
    pub(crate) fn new(key: &[u8; 16]) -> Self {
        let round_keys = RoundKeys::new(key);
        let keys = Keys::new(&round_keys, &tower::TO_STATE);
        Self {
            word_keys: WordKeys::new(&keys),
            keys,
            round_keys: RoundKeyPlanes::new(&round_keys),
        }
    }

    /// A batch of less than 32 blocks.
    fn crypt_few(&self, input: &Input<'_>, batch: &mut [Block]) {
        match batch.len() {
            8 => words::crypt::<2>(&self.word_keys, input, batch),
            12 => words::crypt::<3>(&self.word_keys, input, batch),
            _ => bytes::crypt(&self.keys, input, batch),
        }
    }
}

impl BatchCipher for Sm4 {
    const SIZES: &'static [usize] = &[8, 12, bytes::BLOCKS, BLOCKS];

    const BULK_BLOCKS: usize = BLOCKS;

    type Nonce = Nonce;

    fn nonce(nonce: &[u8; 12]) -> Nonce {
        let words = nonce.as_chunks::<4>().0;
        Nonce {
            bytes: *nonce,
            planes: array::from_fn(|w| V::of_word(u32::from_be_bytes(words[w]))),
        }
    }

    fn xor_batch(&self, nonce: &Nonce, first: u32, batch: &mut [Block]) {
        match batch.as_mut_array() {
            Some(batch) => xor_batch(&self.round_keys, &nonce.planes, first, batch),
            None => self.crypt_few(&Input::Counters(&nonce.bytes, first), batch),
        }
    }

    fn encrypt_batch(&self, batch: &mut [Block]) {
        match batch.as_mut_array() {
            Some(batch) => {
                let mut x = planes(batch);
                encrypt(&self.round_keys, &mut x);
                batch.fill([0; BLOCK_BYTES]);
                xor_blocks(&mut x, batch);
            }
            None => self.crypt_few(&Input::Batch, batch),
        }
    }
}

#[inline(never)]
fn xor_batch(
    round_keys: &RoundKeyPlanes<V>,
    nonce: &[Word<Stored>; 3],
    first: u32,
    batch: &mut [Block; BLOCKS],
) {
    let mut x = [[V(u8x16_splat(0)); 8]; 4];
    let counters = counters(first);
    for (word, planes) in x.iter_mut().zip(nonce.iter().chain([&counters])) {
        for (to, plane) in word.iter_mut().zip(planes) {
            *to = plane.load();
        }
    }
    encrypt(round_keys, &mut x);
    xor_blocks(&mut x, batch);
}

/// A nonce, and its planes.
pub(crate) struct Nonce {
    bytes: [u8; 12],
    planes: [Word<Stored>; 3],
}

/// Once in the module, for both.
#[inline(never)]
fn encrypt(round_keys: &RoundKeyPlanes<V>, x: &mut [Word<V>; 4]) {
    round_keys.encrypt(x);
}

impl Plane for V {
    type Stored = Stored;

    #[inline(always)]
    fn load(stored: &Stored) -> Self {
        stored.load()
    }

    #[inline(always)]
    fn of_word(word: u32) -> Word<Stored> {
        // Byte j of the word all over lane j; then a byte of ones where bit b is set.
        let word = u32x4_splat(word);
        let bytes = V(i8x16_shuffle::<
            3,
            3,
            3,
            3,
            2,
            2,
            2,
            2,
            1,
            1,
            1,
            1,
            0,
            0,
            0,
            0,
        >(word, word));
        array::from_fn(|b| {
            let bit = V(u8x16_splat(1 << b));
            Stored::of(V(i8x16_eq((bytes & bit).0, bit.0)))
        })
    }

    #[inline(always)]
    fn rotate_by_three(self) -> Self {
        Self(i32x4_shuffle::<3, 0, 1, 2>(self.0, self.0))
    }

    #[inline(always)]
    fn rotate_by_two(self) -> Self {
        Self(i32x4_shuffle::<2, 3, 0, 1>(self.0, self.0))
    }
}

/// The planes of the counters `first` to `first + 31`, where `first` is a multiple of 32.
fn counters(first: u32) -> Word<Stored> {
    /// Bit b of block t's number t, for b from 0 to 4.
    const LOW_BITS: [u32; 5] = [
        0xaaaa_aaaa,
        0xcccc_cccc,
        0xf0f0_f0f0,
        0xff00_ff00,
        0xffff_0000,
    ];
    let mut planes = V::of_word(first);
    for (plane, low_bits) in planes.iter_mut().zip(LOW_BITS) {
        plane.0[12..].copy_from_slice(&low_bits.to_le_bytes());
    }
    planes
}

/// XORs the blocks in the planes, last word first as SM4 has it, to `batch`.
#[inline(always)]
fn xor_blocks(x: &mut [Word<V>; 4], batch: &mut [Block; BLOCKS]) {
    for word in x.iter_mut() {
        *word = swap_bits(*word);
        for v in word {
            *v = transpose_bytes(*v);
        }
    }
    for i in 0..8 {
        // Lane m of each has a word of block 8m + i.
        let [a, b, c, d] = transpose_words([x[3][i], x[2][i], x[1][i], x[0][i]]);
        (V::load(&batch[i]) ^ a).store(&mut batch[i]);
        (V::load(&batch[8 + i]) ^ b).store(&mut batch[8 + i]);
        (V::load(&batch[16 + i]) ^ c).store(&mut batch[16 + i]);
        (V::load(&batch[24 + i]) ^ d).store(&mut batch[24 + i]);
    }
}

/// The planes of the words of 32 blocks: [`xor_blocks`] backwards.
#[inline(always)]
fn planes(batch: &[Block; BLOCKS]) -> [Word<V>; 4] {
    let eighths: [[V; 4]; 8] =
        array::from_fn(|i| transpose_words(array::from_fn(|m| V::load(&batch[8 * m + i]))));
    array::from_fn(|w| swap_bits(array::from_fn(|i| transpose_bytes(eighths[i][w]))))
}

/// An 8 × 8 transposition in each byte position: bit i of vector b becomes bit b of vector i.
#[inline(always)]
fn swap_bits(a: Word<V>) -> Word<V> {
    // Written out: as loops it went through memory.
    let [a0, a1, a2, a3, a4, a5, a6, a7] = a;
    let [a0, a1] = swap::<1>(a0, a1, 0x55);
    let [a2, a3] = swap::<1>(a2, a3, 0x55);
    let [a4, a5] = swap::<1>(a4, a5, 0x55);
    let [a6, a7] = swap::<1>(a6, a7, 0x55);
    let [a0, a2] = swap::<2>(a0, a2, 0x33);
    let [a1, a3] = swap::<2>(a1, a3, 0x33);
    let [a4, a6] = swap::<2>(a4, a6, 0x33);
    let [a5, a7] = swap::<2>(a5, a7, 0x33);
    let [a0, a4] = swap::<4>(a0, a4, 0x0f);
    let [a1, a5] = swap::<4>(a1, a5, 0x0f);
    let [a2, a6] = swap::<4>(a2, a6, 0x0f);
    let [a3, a7] = swap::<4>(a3, a7, 0x0f);
    [a0, a1, a2, a3, a4, a5, a6, a7]
}

/// Exchanges the bits of `low` that `mask` does not have with those of `high` that it has.
#[inline(always)]
fn swap<const DISTANCE: u32>(low: V, high: V, mask: u8) -> [V; 2] {
    let t = (V(u32x4_shr(low.0, DISTANCE)) ^ high) & V(u8x16_splat(mask));
    [low ^ V(i32x4_shl(t.0, DISTANCE)), high ^ t]
}

/// 4 × 4, of bytes: from byte j of block 8m + i as byte m of lane j, to a word of a block in each
/// lane, and back.
#[inline(always)]
fn transpose_bytes(v: V) -> V {
    V(i8x16_shuffle::<
        0,
        4,
        8,
        12,
        1,
        5,
        9,
        13,
        2,
        6,
        10,
        14,
        3,
        7,
        11,
        15,
    >(v.0, v.0))
}
