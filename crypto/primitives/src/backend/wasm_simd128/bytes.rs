//! SM4 in byte planes, 16 blocks: by look-ups of nibbles, for short texts and tails.

use core::arch::wasm32::{u8x16_splat, u32x4_splat};

use super::vector::{V, interleave_bytes, nibbles, swizzle};
use crate::sm4::Block;
use crate::sm4::byte_planes::{self, Input, Keys, Vector};
use crate::sm4::tower::{LookUp, Nibbles, Table};

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

impl LookUp for V {
    #[inline(always)]
    fn nibbles(self) -> (Self, Self) {
        nibbles(self)
    }

    #[inline(always)]
    fn look_up(table: &Table, indices: Self) -> Self {
        swizzle(Self::load(table), indices)
    }
}
