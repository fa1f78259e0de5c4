//! A vector of 256 bits: two bit planes side by side, or 32 bytes.

use core::arch::x86_64::{
    __m256i, _mm256_and_si256, _mm256_broadcastsi128_si256, _mm256_shuffle_epi32, _mm256_xor_si256,
};
use core::array;
use core::ops::{BitAnd, BitXor};

use zeroize::Zeroize;

use crate::backend::x86_clmul;
use crate::sm4::bitslice::{Plane, Word};

/// A vector. It exists only within functions that enable AVX2.
#[derive(Clone, Copy)]
pub(crate) struct V(pub(super) __m256i);

/// A plane at rest, where both halves are the same.
#[derive(Clone, Copy, Default, Zeroize)]
#[repr(C, align(16))]
pub(crate) struct Half(pub(super) [u8; 16]);

impl BitXor for V {
    type Output = Self;

    #[inline(always)]
    fn bitxor(self, other: Self) -> Self {
        // SAFETY: a `V` exists only within functions that enable AVX2.
        Self(unsafe { _mm256_xor_si256(self.0, other.0) })
    }
}

impl BitAnd for V {
    type Output = Self;

    #[inline(always)]
    fn bitand(self, other: Self) -> Self {
        // SAFETY: a `V` exists only within functions that enable AVX2.
        Self(unsafe { _mm256_and_si256(self.0, other.0) })
    }
}

impl Plane for V {
    type Stored = Half;

    #[inline(always)]
    fn load(stored: &Half) -> Self {
        // SAFETY: planes are loaded only within functions that enable AVX2.
        Self(unsafe { _mm256_broadcastsi128_si256(x86_clmul::load(&stored.0)) })
    }

    fn of_word(word: u32) -> Word<Half> {
        let bytes = word.to_be_bytes();
        array::from_fn(|b| {
            let mut half = Half::default();
            for (lane, byte) in half.0.as_chunks_mut::<4>().0.iter_mut().zip(bytes) {
                *lane = [(byte >> b & 1).wrapping_neg(); 4];
            }
            half
        })
    }

    #[inline(always)]
    fn rotate_by_three(self) -> Self {
        // SAFETY: a `V` exists only within functions that enable AVX2.
        Self(unsafe { _mm256_shuffle_epi32::<0b10_01_00_11>(self.0) })
    }

    #[inline(always)]
    fn rotate_by_two(self) -> Self {
        // SAFETY: a `V` exists only within functions that enable AVX2.
        Self(unsafe { _mm256_shuffle_epi32::<0b01_00_11_10>(self.0) })
    }
}
