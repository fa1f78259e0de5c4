//! SM4 by batches: 64 blocks in byte planes, 16 in words, or both one after the other.

use core::arch::x86_64::{
    __m512i, _mm512_gf2p8affine_epi64_epi8, _mm512_gf2p8affineinv_epi64_epi8, _mm512_set1_epi8,
    _mm512_set1_epi32, _mm512_set1_epi64, _mm512_unpackhi_epi8, _mm512_unpacklo_epi8,
    _mm512_xor_si512,
};
use core::ops::BitXor;

use zeroize::ZeroizeOnDrop;

use super::cpu::Avx512Gfni;
use super::vector::{load, store, xor3};
use super::words;
use crate::ctr::BatchCipher;
use crate::sm4::Block;
use crate::sm4::RoundKeys;
use crate::sm4::byte_planes::{self, Input, Inversion, Keys, Vector};
use crate::sm4::field::{G, G_INVERSE, TO_U, TO_V};

/// Blocks in byte planes.
const BLOCKS: usize = 64;

/// SM4 under one key.
#[derive(ZeroizeOnDrop)]
pub(crate) struct Sm4 {
    #[zeroize(skip)]
    _cpu: Avx512Gfni,
    keys: Keys,
    /// The same as words.
    words: words::Keys,
}

impl Sm4 {
    pub(crate) fn new(cpu: Avx512Gfni, key: &[u8; 16]) -> Self {
        let keys = Keys::new(&RoundKeys::new(key), &G);
        Self {
            _cpu: cpu,
            words: keys.words(),
            keys,
        }
    }

    fn crypt(&self, input: Input<'_>, batch: &mut [Block]) {
        let (whole, few) = batch.split_at_mut(batch.len() / BLOCKS * BLOCKS);
        let after = match input {
            Input::Counters(nonce, first) => {
                Input::Counters(nonce, first.wrapping_add(whole.len() as u32))
            }
            Input::Batch => Input::Batch,
        };
        // SAFETY: a `Sm4` is made with the proof that the features are there.
        unsafe {
            if !whole.is_empty() {
                crypt(&self.keys, &input, whole);
            }
            if !few.is_empty() {
                words::crypt(&self.words, &after, few);
            }
        }
    }
}

impl BatchCipher for Sm4 {
    const SIZES: &'static [usize] = &[words::BLOCKS, BLOCKS, BLOCKS + words::BLOCKS];

    const BULK_BLOCKS: usize = BLOCKS;

    type Nonce = [u8; 12];

    fn nonce(nonce: &[u8; 12]) -> [u8; 12] {
        *nonce
    }

    fn xor_batch(&self, nonce: &[u8; 12], first: u32, batch: &mut [Block]) {
        self.crypt(Input::Counters(nonce, first), batch);
    }

    fn encrypt_batch(&self, batch: &mut [Block]) {
        self.crypt(Input::Batch, batch);
    }
}

#[target_feature(enable = "avx512f,avx512bw,gfni")]
fn crypt(keys: &Keys, input: &Input<'_>, batch: &mut [Block]) {
    byte_planes::crypt::<V, Gfni>(keys, input, batch);
}

/// A vector. It exists only within functions that enable AVX-512 F and BW, and GFNI.
#[derive(Clone, Copy)]
struct V(__m512i);

impl BitXor for V {
    type Output = Self;

    #[inline(always)]
    fn bitxor(self, other: Self) -> Self {
        // SAFETY: a `V` exists only within functions that enable the features.
        Self(unsafe { _mm512_xor_si512(self.0, other.0) })
    }
}

impl Vector for V {
    const LANES: usize = 4;

    #[inline(always)]
    fn splat(byte: u8) -> Self {
        // SAFETY: vectors are made only within functions that enable the features.
        Self(unsafe { _mm512_set1_epi8(byte as i8) })
    }

    #[inline(always)]
    fn splat_key(four_times: u32) -> Self {
        // SAFETY: as above.
        Self(unsafe { _mm512_set1_epi32(four_times as i32) })
    }

    #[inline(always)]
    fn load(blocks: &[Block]) -> Self {
        let quad = blocks.as_flattened().first_chunk().expect("four blocks");
        // SAFETY: as above.
        Self(unsafe { load(quad) })
    }

    #[inline(always)]
    fn store(self, blocks: &mut [Block]) {
        let quad = blocks.as_flattened_mut().first_chunk_mut();
        // SAFETY: as above.
        unsafe { store(self.0, quad.expect("four blocks")) }
    }

    #[inline(always)]
    fn xor3(self, b: Self, c: Self) -> Self {
        // SAFETY: as above.
        Self(unsafe { xor3(self.0, b.0, c.0) })
    }

    #[inline(always)]
    fn interleave(self, other: Self) -> [Self; 2] {
        // SAFETY: as above.
        unsafe {
            [
                Self(_mm512_unpacklo_epi8(self.0, other.0)),
                Self(_mm512_unpackhi_epi8(self.0, other.0)),
            ]
        }
    }
}

/// Inversion by an instruction, in the field of AES.
struct Gfni;

impl Inversion<V> for Gfni {
    #[inline(always)]
    fn to_state(v: V) -> V {
        // SAFETY: a `V` exists only within functions that enable the features.
        unsafe {
            let g = _mm512_set1_epi64(G.to_gfni());
            V(_mm512_gf2p8affine_epi64_epi8::<0>(v.0, g))
        }
    }

    #[inline(always)]
    fn from_state(v: V) -> V {
        // SAFETY: as above.
        unsafe {
            let g = _mm512_set1_epi64(G_INVERSE.to_gfni());
            V(_mm512_gf2p8affine_epi64_epi8::<0>(v.0, g))
        }
    }

    #[inline(always)]
    fn u_and_v(input: V) -> [V; 2] {
        // SAFETY: as above.
        unsafe {
            let (to_u, to_v) = (
                _mm512_set1_epi64(TO_U.to_gfni()),
                _mm512_set1_epi64(TO_V.to_gfni()),
            );
            [
                V(_mm512_gf2p8affineinv_epi64_epi8::<0>(input.0, to_u)),
                V(_mm512_gf2p8affineinv_epi64_epi8::<0>(input.0, to_v)),
            ]
        }
    }
}
