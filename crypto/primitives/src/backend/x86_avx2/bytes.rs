//! SM4 in byte planes, 32 blocks: by look-ups of nibbles for short texts without GFNI, by GFNI with
//! it.

use core::arch::x86_64::{
    _mm256_and_si256, _mm256_broadcastsi128_si256, _mm256_gf2p8affine_epi64_epi8,
    _mm256_gf2p8affineinv_epi64_epi8, _mm256_loadu_si256, _mm256_set1_epi8, _mm256_set1_epi32,
    _mm256_set1_epi64x, _mm256_shuffle_epi8, _mm256_srli_epi16, _mm256_storeu_si256,
    _mm256_unpackhi_epi8, _mm256_unpacklo_epi8,
};

use super::vector::V;
use crate::backend::x86_clmul;
use crate::sm4::Block;
use crate::sm4::byte_planes::{self, Input, Inversion, Keys, Vector};
use crate::sm4::field;
use crate::sm4::tower::{LookUp, Nibbles, Table};

/// Blocks that go at once.
pub(super) const BLOCKS: usize = 32;

/// Encrypts 32 blocks.
#[target_feature(enable = "avx2")]
pub(super) fn crypt_by_nibbles(keys: &Keys, input: &Input<'_>, batch: &mut [Block]) {
    byte_planes::crypt::<V, Nibbles>(keys, input, batch);
}

/// Encrypts 32 blocks.
#[target_feature(enable = "avx2,gfni")]
pub(super) fn crypt_by_gfni(keys: &Keys, input: &Input<'_>, batch: &mut [Block]) {
    byte_planes::crypt::<V, Gfni>(keys, input, batch);
}

impl Vector for V {
    const LANES: usize = 2;

    #[inline(always)]
    fn splat(byte: u8) -> Self {
        // SAFETY: vectors are made only within functions that enable AVX2.
        Self(unsafe { _mm256_set1_epi8(byte as i8) })
    }

    #[inline(always)]
    fn splat_key(four_times: u32) -> Self {
        // SAFETY: as above.
        Self(unsafe { _mm256_set1_epi32(four_times as i32) })
    }

    #[inline(always)]
    fn load(blocks: &[Block]) -> Self {
        let pair: &[u8; 32] = blocks.as_flattened().first_chunk().expect("two blocks");
        // SAFETY: the reference covers the 32 bytes that are read; no alignment is asked for.
        Self(unsafe { _mm256_loadu_si256(pair.as_ptr().cast()) })
    }

    #[inline(always)]
    fn store(self, blocks: &mut [Block]) {
        let pair: &mut [u8; 32] = blocks
            .as_flattened_mut()
            .first_chunk_mut()
            .expect("two blocks");
        // SAFETY: the reference covers the 32 bytes that are written; no alignment is asked for.
        unsafe { _mm256_storeu_si256(pair.as_mut_ptr().cast(), self.0) }
    }

    #[inline(always)]
    fn interleave(self, other: Self) -> [Self; 2] {
        // SAFETY: a `V` exists only within functions that enable AVX2.
        unsafe {
            [
                Self(_mm256_unpacklo_epi8(self.0, other.0)),
                Self(_mm256_unpackhi_epi8(self.0, other.0)),
            ]
        }
    }
}

impl LookUp for V {
    #[inline(always)]
    fn nibbles(self) -> (Self, Self) {
        // SAFETY: a `V` exists only within functions that enable AVX2.
        unsafe {
            let mask = _mm256_set1_epi8(0x0f);
            let high = _mm256_srli_epi16::<4>(self.0);
            (
                Self(_mm256_and_si256(self.0, mask)),
                Self(_mm256_and_si256(high, mask)),
            )
        }
    }

    #[inline(always)]
    fn look_up(table: &Table, indices: Self) -> Self {
        // SAFETY: as above.
        unsafe {
            let table = _mm256_broadcastsi128_si256(x86_clmul::load(table));
            Self(_mm256_shuffle_epi8(table, indices.0))
        }
    }
}

/// Inversion by an instruction, in the field of AES. Used only within functions that enable GFNI
/// too.
struct Gfni;

impl Inversion<V> for Gfni {
    #[inline(always)]
    fn to_state(v: V) -> V {
        // SAFETY: as the type says.
        unsafe {
            let g = _mm256_set1_epi64x(field::G.to_gfni());
            V(_mm256_gf2p8affine_epi64_epi8::<0>(v.0, g))
        }
    }

    #[inline(always)]
    fn from_state(v: V) -> V {
        // SAFETY: as the type says.
        unsafe {
            let g = _mm256_set1_epi64x(field::G_INVERSE.to_gfni());
            V(_mm256_gf2p8affine_epi64_epi8::<0>(v.0, g))
        }
    }

    #[inline(always)]
    fn u_and_v(input: V) -> [V; 2] {
        // SAFETY: as the type says.
        unsafe {
            let (to_u, to_v) = (
                _mm256_set1_epi64x(field::TO_U.to_gfni()),
                _mm256_set1_epi64x(field::TO_V.to_gfni()),
            );
            [
                V(_mm256_gf2p8affineinv_epi64_epi8::<0>(input.0, to_u)),
                V(_mm256_gf2p8affineinv_epi64_epi8::<0>(input.0, to_v)),
            ]
        }
    }
}
