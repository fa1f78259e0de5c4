//! SM4 on 16 blocks, a word of each in a vector: for texts too short for byte planes, and for
//! tails.
//!
//! Everything waits for the newest word here, so a round is cut for latency. With bytes in the
//! basis of the state and u, v as in byte planes, byte 0 of a word lowest in its lane:
//!
//! ```text
//! s = v ⊕ (u <<< 8)      L(y) = (s <<< 8) ⊕ (s <<< 16) ⊕ (s <<< 24)
//! ```
//!
//! The S-box's input x is kept twice, also as x <<< 8: u comes out rotated from that one, and since
//! rotations of s are at hand, the next x <<< 8 costs nothing on the way. From x to x: inversion,
//! XOR, rotation, two XORs.

use core::arch::x86_64::{
    __m512i, _mm512_gf2p8affine_epi64_epi8, _mm512_gf2p8affineinv_epi64_epi8, _mm512_or_si512,
    _mm512_rol_epi32, _mm512_set1_epi32, _mm512_set1_epi64, _mm512_unpackhi_epi32,
    _mm512_unpackhi_epi64, _mm512_unpacklo_epi32, _mm512_unpacklo_epi64, _mm512_xor_si512,
};

use super::vector::{load, store, xor3};
use crate::sm4::Block;
use crate::sm4::ROUNDS;
use crate::sm4::byte_planes::Input;
use crate::sm4::field::{G, G_INVERSE, TO_U, TO_V};

/// Blocks that go at once.
pub(super) const BLOCKS: usize = 16;

/// The folded round keys in the basis of the state, byte 0 lowest.
pub(super) type Keys = [u32; ROUNDS];

/// Encrypts 16 blocks.
#[target_feature(enable = "avx512f,avx512bw,gfni")]
pub(super) fn crypt(keys: &Keys, input: &Input<'_>, batch: &mut [Block]) {
    let quads = batch.as_flattened_mut().as_chunks_mut().0;
    let splat = |bytes: [u8; 4]| _mm512_set1_epi32(i32::from_le_bytes(bytes));
    let words = match input {
        Input::Counters(nonce, first) => {
            let word = |i: usize| splat([nonce[i], nonce[i + 1], nonce[i + 2], nonce[i + 3]]);
            // The batch is aligned, so the block's number is the low four bits of its counter.
            let counters = _mm512_or_si512(splat(first.to_be_bytes()), load(&BLOCK_OF_LANE));
            [word(0), word(4), word(8), counters]
        }
        Input::Batch => transpose([
            load(&quads[0]),
            load(&quads[1]),
            load(&quads[2]),
            load(&quads[3]),
        ]),
    };
    for (quad, mut v) in quads.iter_mut().zip(encrypt(keys, words)) {
        if let Input::Counters(..) = input {
            v = _mm512_xor_si512(v, load(quad));
        }
        store(v, quad);
    }
}

/// From words to encrypted blocks, four in each vector.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,gfni")]
fn encrypt(keys: &Keys, words: [__m512i; 4]) -> [__m512i; 4] {
    let to_g = _mm512_set1_epi64(G.to_gfni());
    let from_g = _mm512_set1_epi64(G_INVERSE.to_gfni());
    let [mut a, mut b, mut c, mut d] =
        words.map(|word| _mm512_gf2p8affine_epi64_epi8::<0>(word, to_g));
    let key = |n: usize| _mm512_set1_epi32(keys[n] as i32);
    let x = _mm512_xor_si512(xor3(b, c, d), key(0));
    let mut input = Twice {
        x,
        rotated: _mm512_rol_epi32::<8>(x),
    };
    for n in (0..ROUNDS).step_by(4) {
        // The input after the last round is not used.
        input = round(input, &mut a, [c, d], key(n + 1));
        input = round(input, &mut b, [d, a], key(n + 2));
        input = round(input, &mut c, [a, b], key(n + 3));
        input = round(input, &mut d, [b, c], key((n + 4) % ROUNDS));
    }
    let encrypted = [d, c, b, a].map(|word| _mm512_gf2p8affine_epi64_epi8::<0>(word, from_g));
    transpose(encrypted)
}

/// The input of the S-box, plain and rotated left by 8.
struct Twice {
    x: __m512i,
    rotated: __m512i,
}

/// `a ⊕= L(τ(x))`; then the next input, a ⊕ `others` ⊕ `next_key`.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,gfni")]
fn round(input: Twice, a: &mut __m512i, others: [__m512i; 2], next_key: __m512i) -> Twice {
    let (to_u, to_v) = (
        _mm512_set1_epi64(TO_U.to_gfni()),
        _mm512_set1_epi64(TO_V.to_gfni()),
    );
    // All of the next input that is known before the S-box.
    let known = _mm512_xor_si512(xor3(*a, others[0], others[1]), next_key);
    let known_rotated = _mm512_rol_epi32::<8>(known);

    let s = _mm512_xor_si512(
        _mm512_gf2p8affineinv_epi64_epi8::<0>(input.x, to_v),
        _mm512_gf2p8affineinv_epi64_epi8::<0>(input.rotated, to_u),
    );
    let [s8, s16, s24] = [
        _mm512_rol_epi32::<8>(s),
        _mm512_rol_epi32::<16>(s),
        _mm512_rol_epi32::<24>(s),
    ];
    let x = _mm512_xor_si512(xor3(known, s8, s16), s24);
    let rotated = xor3(_mm512_xor_si512(known_rotated, s), s16, s24);
    *a = xor3(*a, x, known);
    Twice { x, rotated }
}

/// 4 × 4, of words: from block 4t + q in lane q of vector t, to a word of it in place t of lane q;
/// and back.
#[inline]
#[target_feature(enable = "avx512f")]
fn transpose([a, b, c, d]: [__m512i; 4]) -> [__m512i; 4] {
    let ab = _mm512_unpacklo_epi32(a, b);
    let cd = _mm512_unpacklo_epi32(c, d);
    let ab_high = _mm512_unpackhi_epi32(a, b);
    let cd_high = _mm512_unpackhi_epi32(c, d);
    [
        _mm512_unpacklo_epi64(ab, cd),
        _mm512_unpackhi_epi64(ab, cd),
        _mm512_unpacklo_epi64(ab_high, cd_high),
        _mm512_unpackhi_epi64(ab_high, cd_high),
    ]
}

/// Place t of lane q belongs to block 4t + q: its number as the last byte of a counter.
const BLOCK_OF_LANE: [u8; 64] = {
    let (mut blocks, mut i) = ([0; 64], 0);
    while i < 16 {
        blocks[4 * i + 3] = (4 * (i % 4) + i / 4) as u8;
        i += 1;
    }
    blocks
};
