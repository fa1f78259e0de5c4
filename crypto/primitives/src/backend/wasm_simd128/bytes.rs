//! SM4 in byte planes, 16 blocks: by look-ups of nibbles, for short texts and tails.

use core::arch::wasm32::{u8x16_splat, u32x4_splat};

use super::{V, interleave_bytes, nibbles, swizzle};
use crate::ctr::Block;
use crate::sm4::byte_planes::{self, Input, Inversion, Keys, Vector};
use crate::sm4::tower::{self, Table};

/// Blocks that go at once.
pub(super) const BLOCKS: usize = 16;

/// Encrypts 16 blocks.
#[inline(never)]
pub(super) fn crypt(keys: &Keys, input: &Input<'_>, batch: &mut [Block]) {
    byte_planes::crypt::<V, Nibbles>(keys, input, batch);
}

impl Vector for V {
    const LANES: usize = 1;

    #[inline(always)]
    fn splat(byte: u8) -> Self {
        Self(u8x16_splat(byte))
    }

    #[inline(always)]
    fn splat_key(four_times: u32) -> Self {
        Self(u32x4_splat(four_times))
    }

    #[inline(always)]
    fn load(blocks: &[Block]) -> Self {
        Self::load(&blocks[0])
    }

    #[inline(always)]
    fn store(self, blocks: &mut [Block]) {
        self.store(&mut blocks[0]);
    }

    #[inline(always)]
    fn interleave(self, other: Self) -> [Self; 2] {
        interleave_bytes(self, other)
    }
}

/// Inversion by looking nibbles up in registers.
struct Nibbles;

impl Inversion<V> for Nibbles {
    #[inline(always)]
    fn to_state(v: V) -> V {
        look_up_both(&tower::TO, v)
    }

    #[inline(always)]
    fn from_state(v: V) -> V {
        look_up_both(&tower::FROM, v)
    }

    #[inline(always)]
    fn u_and_v(input: V) -> [V; 2] {
        let (k, i) = nibbles(input);
        let j = i ^ k;
        let a_over_k = look_up(&tower::INVERSES_TIMES_A, k);
        let one = look_up(&tower::INVERSES, look_up(&tower::INVERSES, i) ^ a_over_k) ^ j;
        let two = look_up(&tower::INVERSES, look_up(&tower::INVERSES, j) ^ a_over_k) ^ i;
        [
            look_up(&tower::TO_U[0], one) ^ look_up(&tower::TO_U[1], two),
            look_up(&tower::TO_V[0], one) ^ look_up(&tower::TO_V[1], two),
        ]
    }
}

#[inline(always)]
fn look_up(table: &Table, indices: V) -> V {
    swizzle(V::load(table), indices)
}

#[inline(always)]
fn look_up_both(tables: &[Table; 2], v: V) -> V {
    let (low, high) = nibbles(v);
    look_up(&tables[0], low) ^ look_up(&tables[1], high)
}
