//! SM4 in counter mode, 64 blocks at a time.
//!
//! A vector is two halves of 128 bits that go side by side: a plane's four lanes have 32 bits in
//! each half, blocks 0 to 31 in the lower and 32 to 63 in the upper.

use core::arch::x86_64::{
    _mm_xor_si128, _mm256_castsi256_si128, _mm256_extracti128_si256, _mm256_loadu_si256,
    _mm256_set_m128i, _mm256_set1_epi8, _mm256_setzero_si256, _mm256_shuffle_epi8,
    _mm256_slli_epi32, _mm256_srli_epi32, _mm256_unpackhi_epi32, _mm256_unpackhi_epi64,
    _mm256_unpacklo_epi32, _mm256_unpacklo_epi64,
};
use core::array;

use super::bytes;
use super::cpu::Avx2;
use super::vector::{Half, V};
use crate::backend::x86_clmul;
use crate::ctr::BatchCipher;
use crate::sm4::bitslice::{Plane, RoundKeyPlanes, Word};
use crate::sm4::byte_planes::{Input, Keys};
use crate::sm4::{BLOCK_BYTES, Block, RoundKeys, tower};

/// Blocks in bit planes.
const BLOCKS: usize = 64;

/// SM4 under one key.
pub(crate) struct Sm4 {
    _cpu: Avx2,
    round_keys: RoundKeyPlanes<V>,
    /// The same for short texts.
    keys: Keys,
}

impl Sm4 {
    pub(crate) fn new(cpu: Avx2, key: &[u8; 16]) -> Self {
        let round_keys = RoundKeys::new(key);
        Self {
            _cpu: cpu,
            keys: Keys::new(&round_keys, &tower::TO_STATE),
            round_keys: RoundKeyPlanes::new(&round_keys),
        }
    }
}

impl BatchCipher for Sm4 {
    const SIZES: &'static [usize] = &[bytes::BLOCKS, BLOCKS, BLOCKS + bytes::BLOCKS];

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
        let (whole, few) = part(batch);
        let after = Input::Counters(&nonce.bytes, first.wrapping_add(whole.len() as u32));
        // SAFETY: a `Sm4` is made with the proof that the features are there.
        unsafe {
            if !whole.is_empty() {
                xor_batch(&self.round_keys, &nonce.planes, first, whole);
            }
            if !few.is_empty() {
                bytes::crypt_by_nibbles(&self.keys, &after, few);
            }
        }
    }

    fn encrypt_batch(&self, batch: &mut [Block]) {
        let (whole, few) = part(batch);
        // SAFETY: as above.
        unsafe {
            if !whole.is_empty() {
                encrypt_batch(&self.round_keys, whole);
            }
            if !few.is_empty() {
                bytes::crypt_by_nibbles(&self.keys, &Input::Batch, few);
            }
        }
    }
}

/// A nonce, and its planes.
pub(crate) struct Nonce {
    bytes: [u8; 12],
    planes: [Word<Half>; 3],
}

/// What goes by bit planes, and what by byte planes.
fn part(batch: &mut [Block]) -> (&mut [Block], &mut [Block]) {
    batch.split_at_mut(batch.len() / BLOCKS * BLOCKS)
}

#[target_feature(enable = "avx2")]
fn xor_batch(
    round_keys: &RoundKeyPlanes<V>,
    nonce: &[Word<Half>; 3],
    first: u32,
    batch: &mut [Block],
) {
    let mut x = [counters(first); 4];
    for (word, planes) in x.iter_mut().zip(nonce) {
        for (to, plane) in word.iter_mut().zip(planes) {
            *to = V::load(plane);
        }
    }
    encrypt(round_keys, &mut x);
    xor_blocks(&x, batch);
}

#[target_feature(enable = "avx2")]
fn encrypt_batch(round_keys: &RoundKeyPlanes<V>, batch: &mut [Block]) {
    let mut x = planes(batch);
    encrypt(round_keys, &mut x);
    batch.fill([0; BLOCK_BYTES]);
    xor_blocks(&x, batch);
}

#[inline(never)]
#[target_feature(enable = "avx2")]
fn encrypt(round_keys: &RoundKeyPlanes<V>, x: &mut [Word<V>; 4]) {
    round_keys.encrypt(x);
}

/// The planes of the counters `first` to `first + 63`, where `first` is a multiple of 64.
#[inline]
#[target_feature(enable = "avx2")]
fn counters(first: u32) -> Word<V> {
    /// Bit b of block t's number t, in the lower half and in the upper one.
    const LOW_BITS: [[u32; 2]; 6] = [
        [0xaaaa_aaaa; 2],
        [0xcccc_cccc; 2],
        [0xf0f0_f0f0; 2],
        [0xff00_ff00; 2],
        [0xffff_0000; 2],
        [0, 0xffff_ffff],
    ];
    let mut halves = V::of_word(first).map(|plane| [plane.0; 2]);
    for (halves, low_bits) in halves.iter_mut().zip(LOW_BITS) {
        for (half, low_bits) in halves.iter_mut().zip(low_bits) {
            half[12..].copy_from_slice(&low_bits.to_le_bytes());
        }
    }
    halves.map(|halves| {
        load(
            halves
                .as_flattened()
                .try_into()
                .expect("two halves of 16 bytes"),
        )
    })
}

/// XORs the blocks in the planes, last word first as SM4 has it, to `batch`.
#[inline]
#[target_feature(enable = "avx2")]
fn xor_blocks(x: &[Word<V>; 4], batch: &mut [Block]) {
    let words = [
        transpose_bytes(swap_bits(x[0])),
        transpose_bytes(swap_bits(x[1])),
        transpose_bytes(swap_bits(x[2])),
        transpose_bytes(swap_bits(x[3])),
    ];
    for i in 0..8 {
        // Lane m of each has a word of block 8m + i, or 32 + 8m + i in the upper half.
        let keystream = transpose_words([words[3][i], words[2][i], words[1][i], words[0][i]]);
        for (m, keystream) in keystream.into_iter().enumerate() {
            let halves = [
                _mm256_castsi256_si128(keystream.0),
                _mm256_extracti128_si256::<1>(keystream.0),
            ];
            for (half, keystream) in halves.into_iter().enumerate() {
                let block = &mut batch[32 * half + 8 * m + i];
                x86_clmul::store(_mm_xor_si128(x86_clmul::load(block), keystream), block);
            }
        }
    }
}

/// The planes of the words of 64 blocks: [`xor_blocks`] backwards.
#[inline]
#[target_feature(enable = "avx2")]
fn planes(batch: &[Block]) -> [Word<V>; 4] {
    let zero = V(_mm256_setzero_si256());
    let mut words = [[zero; 8]; 4];
    for i in 0..8 {
        let mut blocks = [zero; 4];
        for (m, block) in blocks.iter_mut().enumerate() {
            let [low, high] = [0, 32].map(|half| &batch[half + 8 * m + i]);
            *block = V(_mm256_set_m128i(
                x86_clmul::load(high),
                x86_clmul::load(low),
            ));
        }
        for (w, word) in transpose_words(blocks).into_iter().enumerate() {
            words[w][i] = word;
        }
    }
    [
        swap_bits(transpose_bytes(words[0])),
        swap_bits(transpose_bytes(words[1])),
        swap_bits(transpose_bytes(words[2])),
        swap_bits(transpose_bytes(words[3])),
    ]
}

/// 4 × 4, of 32-bit words, in each half.
#[inline]
#[target_feature(enable = "avx2")]
fn transpose_words([a, b, c, d]: [V; 4]) -> [V; 4] {
    let ab = _mm256_unpacklo_epi32(a.0, b.0);
    let cd = _mm256_unpacklo_epi32(c.0, d.0);
    let ab_high = _mm256_unpackhi_epi32(a.0, b.0);
    let cd_high = _mm256_unpackhi_epi32(c.0, d.0);
    [
        V(_mm256_unpacklo_epi64(ab, cd)),
        V(_mm256_unpackhi_epi64(ab, cd)),
        V(_mm256_unpacklo_epi64(ab_high, cd_high)),
        V(_mm256_unpackhi_epi64(ab_high, cd_high)),
    ]
}

/// An 8 × 8 transposition in each byte position: bit i of vector b becomes bit b of vector i.
#[inline]
#[target_feature(enable = "avx2")]
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

/// 4 × 4 in each half of each vector, of bytes: from byte j of block 8m + i as byte m of lane j, to
/// a word of a block in each lane, and back.
#[inline]
#[target_feature(enable = "avx2")]
fn transpose_bytes(words: [V; 8]) -> [V; 8] {
    const GATHER: [u8; 32] = {
        let (mut gather, mut i) = ([0; 32], 0);
        while i < 32 {
            gather[i] = (4 * (i % 4) + i / 4 % 4) as u8;
            i += 1;
        }
        gather
    };
    let gather = load(&GATHER);
    let mut gathered = words;
    for v in &mut gathered {
        *v = V(_mm256_shuffle_epi8(v.0, gather.0));
    }
    gathered
}

/// Exchanges the bits of `low` that `mask` does not have with those of `high` that it has.
#[inline]
#[target_feature(enable = "avx2")]
fn swap<const DISTANCE: i32>(low: V, high: V, mask: i8) -> [V; 2] {
    let mask = V(_mm256_set1_epi8(mask));
    let t = (V(_mm256_srli_epi32::<DISTANCE>(low.0)) ^ high) & mask;
    [low ^ V(_mm256_slli_epi32::<DISTANCE>(t.0)), high ^ t]
}

#[inline]
#[target_feature(enable = "avx2")]
fn load(bytes: &[u8; 32]) -> V {
    // SAFETY: the reference covers the 32 bytes that are read; no alignment is asked for.
    V(unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) })
}
