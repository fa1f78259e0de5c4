//! A vector of 128 bits, and what the kernels do with it.

use core::arch::wasm32::{
    i8x16_shuffle, i32x4_shuffle, i64x2_shuffle, u8x16_splat, u16x8_shr, v128, v128_and, v128_load,
    v128_store, v128_xor,
};
use core::ops::{BitAnd, BitXor};

use zeroize::Zeroize;

/// A vector.
#[derive(Clone, Copy)]
pub(super) struct V(pub(super) v128);

impl V {
    #[inline(always)]
    pub(super) fn load(bytes: &[u8; 16]) -> Self {
        // SAFETY: the reference covers the 16 bytes that are read; no alignment is asked for.
        Self(unsafe { v128_load(bytes.as_ptr().cast()) })
    }

    #[inline(always)]
    pub(super) fn store(self, bytes: &mut [u8; 16]) {
        // SAFETY: the reference covers the 16 bytes that are written; no alignment is asked for.
        unsafe { v128_store(bytes.as_mut_ptr().cast(), self.0) }
    }
}

impl BitXor for V {
    type Output = Self;

    #[inline(always)]
    fn bitxor(self, other: Self) -> Self {
        Self(v128_xor(self.0, other.0))
    }
}

impl BitAnd for V {
    type Output = Self;

    #[inline(always)]
    fn bitand(self, other: Self) -> Self {
        Self(v128_and(self.0, other.0))
    }
}

/// 4 × 4, of 32-bit words.
#[inline(always)]
pub(super) fn transpose_words([a, b, c, d]: [V; 4]) -> [V; 4] {
    let ab = i32x4_shuffle::<0, 4, 1, 5>(a.0, b.0);
    let ab_high = i32x4_shuffle::<2, 6, 3, 7>(a.0, b.0);
    let cd = i32x4_shuffle::<0, 4, 1, 5>(c.0, d.0);
    let cd_high = i32x4_shuffle::<2, 6, 3, 7>(c.0, d.0);
    [
        V(i64x2_shuffle::<0, 2>(ab, cd)),
        V(i64x2_shuffle::<1, 3>(ab, cd)),
        V(i64x2_shuffle::<0, 2>(ab_high, cd_high)),
        V(i64x2_shuffle::<1, 3>(ab_high, cd_high)),
    ]
}

/// The low nibbles and the high ones.
#[inline(always)]
pub(super) fn nibbles(bytes: V) -> (V, V) {
    let mask = V(u8x16_splat(0x0f));
    (bytes & mask, V(u16x8_shr(bytes.0, 4)) & mask)
}

/// Byte i is byte `indices[i]` of `table` for an index below 16, and 0 for one with its top bit
/// set.
#[inline(always)]
pub(super) fn swizzle(table: V, indices: V) -> V {
    #[cfg(target_feature = "relaxed-simd")]
    use core::arch::wasm32::i8x16_relaxed_swizzle as swizzle;
    #[cfg(not(target_feature = "relaxed-simd"))]
    use core::arch::wasm32::i8x16_swizzle as swizzle;
    V(swizzle(table.0, indices.0))
}

/// The bytes of the low halves in turns, and those of the high halves.
#[inline(always)]
pub(super) fn interleave_bytes(a: V, b: V) -> [V; 2] {
    [
        V(i8x16_shuffle::<
            0,
            16,
            1,
            17,
            2,
            18,
            3,
            19,
            4,
            20,
            5,
            21,
            6,
            22,
            7,
            23,
        >(a.0, b.0)),
        V(i8x16_shuffle::<
            8,
            24,
            9,
            25,
            10,
            26,
            11,
            27,
            12,
            28,
            13,
            29,
            14,
            30,
            15,
            31,
        >(a.0, b.0)),
    ]
}

/// A vector at rest: aligned, and wiped when its owner is.
#[derive(Clone, Copy, Default, Zeroize)]
#[repr(C, align(16))]
pub(crate) struct Stored(pub(super) [u8; 16]);

impl Stored {
    #[inline(always)]
    pub(super) fn load(&self) -> V {
        V::load(&self.0)
    }

    #[inline(always)]
    pub(super) fn of(vector: V) -> Self {
        let mut stored = Self::default();
        vector.store(&mut stored.0);
        stored
    }
}
