//! SM4 on byte planes: a vector holds one byte of one word of each block; four vectors hold a word.
//!
//! ```text
//! plane j of word w:  byte j of w, of block 0, of block 1, …      (in lanes of 16 bytes, see `Vector`)
//! ```
//!
//! Bytes of a word sit in four vectors, so the rotations of L by 8, 16 and 24 are which vector is
//! meant; u and v, the two ways in which the rotation by 2 cuts a byte, come out of the inversion
//! itself:
//!
//! ```text
//! u = y ⊕ (y << 2)   v = y ⊕ (y >> 6)   s_j = v_j ⊕ u_{j+3}   L(y)_j = s_j ⊕ s_0 ⊕ s_1 ⊕ s_2 ⊕ s_3
//! ```
//!
//! How to invert is the machine's: by an instruction, or by looking nibbles up in registers. Each
//! way has a basis of the bytes that it likes best. The state is kept in it, so that nothing comes
//! before the inversion; counters and keys go into it, keystream out of it.
//!
//! With loops and not closures: what is called here must come to lie within the caller, which alone
//! has the vector instructions.

use core::ops::BitXor;

use zeroize::{Zeroize, ZeroizeOnDrop};

use super::field::Matrix;
use super::{BLOCK_BYTES, Block, ROUNDS, RoundKeys};

/// Lanes of 16 bytes.
pub(crate) trait Vector: Copy + BitXor<Output = Self> {
    /// How many; at most 4.
    const LANES: usize;

    fn splat(byte: u8) -> Self;

    /// `four_times` has the same byte four times.
    fn splat_key(four_times: u32) -> Self;

    /// Of as many blocks as there are lanes.
    fn load(blocks: &[Block]) -> Self;

    fn store(self, blocks: &mut [Block]);

    #[inline(always)]
    fn xor3(self, b: Self, c: Self) -> Self {
        self ^ b ^ c
    }

    /// In each lane, the bytes of the low halves in turns, and those of the high halves.
    fn interleave(self, other: Self) -> [Self; 2];
}

/// A way to invert, with its basis of bytes.
pub(crate) trait Inversion<V> {
    /// From bytes of the standard to the basis of the state.
    fn to_state(v: V) -> V;

    /// Back.
    fn from_state(v: V) -> V;

    /// u and v of the inverse; see the module.
    fn u_and_v(input: V) -> [V; 2];
}

/// The folded round keys in the basis of the state; each byte four times over.
#[derive(ZeroizeOnDrop)]
pub(crate) struct Keys([[u32; 4]; ROUNDS]);

impl Keys {
    pub(crate) fn new(round_keys: &RoundKeys, to_state: &Matrix) -> Self {
        let mut folded = round_keys.with_constants_folded();
        let keys = Self(folded.0.map(|key| {
            let bytes = to_state.apply_to_bytes(key).to_be_bytes();
            bytes.map(|byte| u32::from(byte) * 0x0101_0101)
        }));
        folded.zeroize();
        keys
    }

    /// As words with byte 0 lowest.
    #[cfg(any(
        target_arch = "x86_64",
        all(target_arch = "wasm32", target_feature = "simd128")
    ))]
    pub(crate) fn words(&self) -> [u32; ROUNDS] {
        self.0
            .map(|bytes| u32::from_le_bytes(bytes.map(|byte| byte as u8)))
    }
}

/// What to encrypt.
pub(crate) enum Input<'a> {
    /// This nonce with this counter and those after it. The low bits of the counter that count the
    /// blocks of a batch are 0. The keystream is XORed to the batch.
    Counters(&'a [u8; 12], u32),
    /// What the batch holds, in place.
    Batch,
}

/// Encrypts 16 blocks for each lane.
#[inline(always)]
pub(crate) fn crypt<V: Vector, I: Inversion<V>>(
    keys: &Keys,
    input: &Input<'_>,
    batch: &mut [Block],
) {
    let mut x = [[V::splat(0); 4]; 4];
    match input {
        Input::Counters(nonce, first) => {
            for w in 0..3 {
                for j in 0..4 {
                    x[w][j] = I::to_state(V::splat(nonce[4 * w + j]));
                }
            }
            let first = first.to_be_bytes();
            for j in 0..3 {
                x[3][j] = I::to_state(V::splat(first[j]));
            }
            let numbers = V::load(const { &numbers(V::LANES) });
            x[3][3] = I::to_state(V::splat(first[3]) ^ numbers);
        }
        Input::Batch => {
            let mut planes = [V::splat(0); BLOCK_BYTES];
            for (t, plane) in planes.iter_mut().enumerate() {
                *plane = V::load(&batch[t * V::LANES..][..V::LANES]);
            }
            planes = transpose(planes);
            for w in 0..4 {
                for j in 0..4 {
                    x[w][j] = I::to_state(planes[4 * w + j]);
                }
            }
        }
    }

    let [mut a, mut b, mut c, mut d] = x;
    for rk in keys.0.as_chunks::<4>().0 {
        // Two rounds share the XOR of the words that they do not change.
        let shared = xor(&c, &d);
        round::<V, I>(&mut a, &b, &shared, &rk[0]);
        round::<V, I>(&mut b, &a, &shared, &rk[1]);
        let shared = xor(&a, &b);
        round::<V, I>(&mut c, &d, &shared, &rk[2]);
        round::<V, I>(&mut d, &c, &shared, &rk[3]);
    }

    // The last word comes first.
    let mut planes = [V::splat(0); BLOCK_BYTES];
    for (w, word) in [d, c, b, a].into_iter().enumerate() {
        for j in 0..4 {
            planes[4 * w + j] = I::from_state(word[j]);
        }
    }
    for (t, v) in transpose(planes).into_iter().enumerate() {
        let blocks = &mut batch[t * V::LANES..][..V::LANES];
        match input {
            Input::Counters(..) => (v ^ V::load(blocks)).store(blocks),
            Input::Batch => v.store(blocks),
        }
    }
}

/// `target ⊕= L(τ(one ⊕ others ⊕ rk))`.
#[inline(always)]
fn round<V: Vector, I: Inversion<V>>(
    target: &mut [V; 4],
    one: &[V; 4],
    others: &[V; 4],
    rk: &[u32; 4],
) {
    let (mut u, mut v) = (*one, *one);
    for j in 0..4 {
        let input = one[j].xor3(others[j], V::splat_key(rk[j]));
        [u[j], v[j]] = I::u_and_v(input);
    }
    let s = [v[0] ^ u[3], v[1] ^ u[0], v[2] ^ u[1], v[3] ^ u[2]];
    let sum = s[0].xor3(s[1], s[2]) ^ s[3];
    for j in 0..4 {
        target[j] = target[j].xor3(s[j], sum);
    }
}

#[inline(always)]
fn xor<V: Vector>(a: &[V; 4], b: &[V; 4]) -> [V; 4] {
    [a[0] ^ b[0], a[1] ^ b[1], a[2] ^ b[2], a[3] ^ b[3]]
}

/// Of the 16 × 16 bytes in each lane: from planes (vector k, byte t of lane q: byte k of block
/// LANES·t + q) to blocks (vector t, lane q: block LANES·t + q), and back.
#[inline(always)]
fn transpose<V: Vector>(v: [V; 16]) -> [V; 16] {
    step(step(step(step(v))))
}

/// Interleaves vector i with vector i + 8.
#[inline(always)]
fn step<V: Vector>(v: [V; 16]) -> [V; 16] {
    let [a0, a1] = v[0].interleave(v[8]);
    let [b0, b1] = v[1].interleave(v[9]);
    let [c0, c1] = v[2].interleave(v[10]);
    let [d0, d1] = v[3].interleave(v[11]);
    let [e0, e1] = v[4].interleave(v[12]);
    let [f0, f1] = v[5].interleave(v[13]);
    let [g0, g1] = v[6].interleave(v[14]);
    let [h0, h1] = v[7].interleave(v[15]);
    [
        a0, a1, b0, b1, c0, c1, d0, d1, e0, e1, f0, f1, g0, g1, h0, h1,
    ]
}

/// The number of the block that byte t of lane q belongs to: `lanes`·t + q.
const fn numbers(lanes: usize) -> [Block; 4] {
    let (mut numbers, mut q) = ([[0; BLOCK_BYTES]; 4], 0);
    while q < 4 {
        let mut t = 0;
        while t < BLOCK_BYTES {
            numbers[q][t] = (lanes * t + q) as u8;
            t += 1;
        }
        q += 1;
    }
    numbers
}
