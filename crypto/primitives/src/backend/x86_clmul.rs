//! What the GHASH kernels of x86-64 share: powers of H, byte order, reduction.
#![allow(
    unsafe_code,
    reason = "loads and stores of vectors, each of a whole array behind a reference"
)]

use core::arch::x86_64::{
    __m128i, _mm_clmulepi64_si128, _mm_loadu_si128, _mm_set_epi64x, _mm_shuffle_epi8,
    _mm_shuffle_epi32, _mm_slli_si128, _mm_srli_si128, _mm_storeu_si128, _mm_xor_si128,
};

use crate::backend::bmul::{self, Element};
use crate::gcm::hash_input::QUAD_BYTES;
use crate::sm4::BLOCK_BYTES;

/// H^{4·QUADS} to H, each times x, least significant byte first.
pub(super) fn powers<const QUADS: usize>(h: &[u8; BLOCK_BYTES]) -> [[u8; QUAD_BYTES]; QUADS] {
    let h = Element::from_bytes(h);
    let mut powers = [[0; QUAD_BYTES]; QUADS];
    let mut power = h;
    let slots = powers.as_flattened_mut().as_chunks_mut::<BLOCK_BYTES>().0;
    for slot in slots.iter_mut().rev() {
        *slot = power.times_x().to_bytes();
        slot.reverse();
        power = bmul::multiply(power, h);
    }
    powers
}

/// The sum low + middle·x^64 + high·x^128, reflected, modulo GHASH's polynomial: folds the low half
/// upward, 64 bits at a time (`docs/ghash.md`).
#[inline]
#[target_feature(enable = "pclmulqdq,sse2")]
pub(super) fn reduce(low: __m128i, middle: __m128i, high: __m128i) -> __m128i {
    let polynomial = _mm_set_epi64x(0, 0xC200_0000_0000_0000_u64 as i64);
    let mut low = _mm_xor_si128(low, _mm_slli_si128::<8>(middle));
    let high = _mm_xor_si128(high, _mm_srli_si128::<8>(middle));
    for _ in 0..2 {
        let folded = _mm_clmulepi64_si128::<0x00>(low, polynomial);
        low = _mm_xor_si128(_mm_shuffle_epi32::<0x4e>(low), folded);
    }
    _mm_xor_si128(low, high)
}

/// The shuffle that reverses the bytes of a block.
#[inline]
#[target_feature(enable = "sse2")]
pub(super) fn reversal() -> __m128i {
    load(&[15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0])
}

/// The block of a reversed state.
#[inline]
#[target_feature(enable = "ssse3")]
pub(super) fn to_bytes(y: __m128i) -> [u8; BLOCK_BYTES] {
    let mut bytes = [0; BLOCK_BYTES];
    store(_mm_shuffle_epi8(y, reversal()), &mut bytes);
    bytes
}

#[inline]
#[target_feature(enable = "sse2")]
pub(super) fn load(bytes: &[u8; BLOCK_BYTES]) -> __m128i {
    // SAFETY: the reference covers the 16 bytes that are read; no alignment is asked for.
    unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "sse2")]
pub(super) fn store(v: __m128i, bytes: &mut [u8; BLOCK_BYTES]) {
    // SAFETY: the reference covers the 16 bytes that are written; no alignment is asked for.
    unsafe { _mm_storeu_si128(bytes.as_mut_ptr().cast(), v) }
}
