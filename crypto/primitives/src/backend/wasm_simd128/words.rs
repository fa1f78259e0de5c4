//! SM4 in words, 4 blocks to a vector: for tails that do not fill 16 blocks.
//!
//! A lane holds a word of a block as it lies in memory, so nothing is transposed byte by byte, and
//! a batch costs what its blocks cost. Inversion looks nibbles up as `bytes` does; the rotations of
//! L by whole bytes are shifts here, which is why 16 blocks go in byte planes.

use core::arch::wasm32::{
    i16x8_shl, i16x8_shuffle, i32x4_shl, u16x8_shr, u32x4, u32x4_shr, u32x4_splat,
};
use core::array;

use zeroize::ZeroizeOnDrop;

use super::vector::{V, transpose_words};
use crate::sm4::Block;
use crate::sm4::ROUNDS;
use crate::sm4::byte_planes::{Input, Inversion, Keys};
use crate::sm4::tower::Nibbles;

/// Blocks to a vector.
const LANES: usize = 4;

/// The folded round keys in the basis of the state, byte 0 lowest.
#[derive(ZeroizeOnDrop)]
pub(super) struct WordKeys([u32; ROUNDS]);

impl WordKeys {
    pub(super) fn new(keys: &Keys) -> Self {
        Self(keys.words())
    }
}

/// Encrypts 4 · N blocks.
#[inline(never)]
pub(super) fn crypt<const N: usize>(keys: &WordKeys, input: &Input<'_>, batch: &mut [Block]) {
    let (groups, _) = batch.as_chunks_mut::<LANES>();
    let mut x = [[V(u32x4_splat(0)); N]; 4];
    for (n, group) in groups.iter().enumerate().take(N) {
        let words = match input {
            Input::Counters(nonce, first) => {
                counters(nonce, first.wrapping_add((LANES * n) as u32))
            }
            Input::Batch => transpose_words(array::from_fn(|t| V::load(&group[t]))),
        };
        for w in 0..4 {
            x[w][n] = <Nibbles as Inversion<V>>::to_state(words[w]);
        }
    }

    let [mut a, mut b, mut c, mut d] = x;
    for rk in keys.0.as_chunks::<4>().0 {
        // Two rounds share the XOR of the words that they do not change.
        let shared: [V; N] = array::from_fn(|n| c[n] ^ d[n]);
        round(&mut a, &b, &shared, rk[0]);
        round(&mut b, &a, &shared, rk[1]);
        let shared: [V; N] = array::from_fn(|n| a[n] ^ b[n]);
        round(&mut c, &d, &shared, rk[2]);
        round(&mut d, &c, &shared, rk[3]);
    }

    for (n, group) in groups.iter_mut().enumerate().take(N) {
        // The last word comes first.
        let words = [d[n], c[n], b[n], a[n]].map(<Nibbles as Inversion<V>>::from_state);
        for (block, v) in group.iter_mut().zip(transpose_words(words)) {
            match input {
                Input::Counters(..) => (v ^ V::load(block)).store(block),
                Input::Batch => v.store(block),
            }
        }
    }
}

/// The words of four counter blocks from `first` on.
#[inline(always)]
fn counters(nonce: &[u8; 12], first: u32) -> [V; 4] {
    let words = nonce.as_chunks::<4>().0;
    let [a, b, c] = [0, 1, 2].map(|w| V(u32x4_splat(u32::from_le_bytes(words[w]))));
    let [p, q, r, s] = [0, 1, 2, 3].map(|t| first.wrapping_add(t).swap_bytes());
    [a, b, c, V(u32x4(p, q, r, s))]
}

/// `target ⊕= L(τ(one ⊕ others ⊕ rk))`.
#[inline(always)]
fn round<const N: usize>(target: &mut [V; N], one: &[V; N], others: &[V; N], rk: u32) {
    let rk = V(u32x4_splat(rk));
    for n in 0..N {
        let [u, v] = <Nibbles as Inversion<V>>::u_and_v(one[n] ^ others[n] ^ rk);
        // Byte j takes byte j + 3 of u, that is the one before it; lowest first.
        let s = v ^ V(i32x4_shl(u.0, 8)) ^ V(u32x4_shr(u.0, 24));
        // The sum of the four bytes of s, in each byte.
        let pairs = s ^ V(i16x8_shuffle::<1, 0, 3, 2, 5, 4, 7, 6>(s.0, s.0));
        let sum = pairs ^ V(i16x8_shl(pairs.0, 8)) ^ V(u16x8_shr(pairs.0, 8));
        target[n] = target[n] ^ s ^ sum;
    }
}
