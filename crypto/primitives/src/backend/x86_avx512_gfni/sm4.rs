//! SM4 in counter mode, 64 blocks at a time, one byte of a word of each in a vector.
//!
//! Bytes of a word sit in four vectors, so the rotations of L by 8, 16 and 24 are which vector is meant;
//! u and v, the two ways in which the rotation by 2 cuts a byte, come out of the inversion itself:
//!
//! ```text
//! u = y ⊕ (y << 2)   v = y ⊕ (y >> 6)   s_j = v_j ⊕ u_{j+3}   L(y)_j = s_j ⊕ s_0 ⊕ s_1 ⊕ s_2 ⊕ s_3
//! ```

use core::arch::x86_64::{
    __m512i, _mm_gf2p8affine_epi64_epi8, _mm_loadu_si128, _mm_set1_epi64x, _mm_storeu_si128,
    _mm512_gf2p8affine_epi64_epi8, _mm512_gf2p8affineinv_epi64_epi8, _mm512_or_si512,
    _mm512_set1_epi8, _mm512_set1_epi32, _mm512_set1_epi64, _mm512_setzero_si512,
    _mm512_ternarylogic_epi32, _mm512_unpackhi_epi8, _mm512_unpacklo_epi8, _mm512_xor_si512,
};

use zeroize::{Zeroize, ZeroizeOnDrop};

use super::{Avx512Gfni, load, store};
use crate::ctr::{BatchCipher, Block};
use crate::sm4::field::{G, G_INVERSE, TO_U, TO_V};
use crate::sm4::{ROUNDS, RoundKeys};

/// SM4 under one key.
#[derive(ZeroizeOnDrop)]
pub(crate) struct Sm4 {
    #[zeroize(skip)]
    _cpu: Avx512Gfni,
    /// The folded round keys in the basis of the state; each byte four times over.
    round_keys: [[u32; 4]; ROUNDS],
}

impl Sm4 {
    pub(crate) fn new(cpu: Avx512Gfni, key: &[u8; 16]) -> Self {
        let mut folded = RoundKeys::new(key).with_constants_folded();
        let mut round_keys = [[0; 4]; ROUNDS];
        for (four, planes) in folded
            .0
            .as_chunks::<4>()
            .0
            .iter()
            .zip(round_keys.as_chunks_mut::<4>().0)
        {
            let mut bytes = [0; 16];
            for (bytes, word) in bytes.as_chunks_mut::<4>().0.iter_mut().zip(four) {
                *bytes = word.to_be_bytes();
            }
            // SAFETY: `cpu` proves that the features are there.
            unsafe { to_state_basis(&mut bytes) };
            for (plane, byte) in planes.as_flattened_mut().iter_mut().zip(bytes) {
                *plane = u32::from(byte) * 0x0101_0101;
            }
            bytes.zeroize();
        }
        folded.zeroize();
        Self {
            _cpu: cpu,
            round_keys,
        }
    }
}

impl BatchCipher for Sm4 {
    const SIZES: &'static [usize] = &[64];

    const BULK_BLOCKS: usize = 64;

    type Nonce = [u8; 12];

    fn nonce(nonce: &[u8; 12]) -> [u8; 12] {
        *nonce
    }

    fn xor_batch(&self, nonce: &[u8; 12], first: u32, batch: &mut [Block]) {
        // SAFETY: a `Sm4` is made with the proof that the features are there.
        unsafe { xor_batch(&self.round_keys, nonce, first, batch) }
    }

    fn encrypt_batch(&self, batch: &mut [Block]) {
        // SAFETY: as above.
        unsafe { encrypt_batch(&self.round_keys, batch) }
    }
}

#[target_feature(enable = "avx512f,avx512bw,gfni")]
fn xor_batch(round_keys: &[[u32; 4]; ROUNDS], nonce: &[u8; 12], first: u32, batch: &mut [Block]) {
    let to_g = _mm512_set1_epi64(G.to_gfni());
    let splat = |byte: u8| _mm512_gf2p8affine_epi64_epi8::<0>(_mm512_set1_epi8(byte as i8), to_g);
    let nonce = nonce.map(splat);
    let [mut a, mut b, mut c] =
        [0, 4, 8].map(|i| [nonce[i], nonce[i + 1], nonce[i + 2], nonce[i + 3]]);
    // The batch is aligned, so the block's number is the low six bits of its counter.
    let [d0, d1, d2, d3] = first.to_be_bytes();
    let counters = _mm512_or_si512(_mm512_set1_epi8(d3 as i8), load(&BLOCK_OF_BYTE));
    let mut d = [
        splat(d0),
        splat(d1),
        splat(d2),
        _mm512_gf2p8affine_epi64_epi8::<0>(counters, to_g),
    ];

    rounds(round_keys, [&mut a, &mut b, &mut c, &mut d]);
    for (quad, keystream) in quads(batch).iter_mut().zip(blocks([d, c, b, a])) {
        store(_mm512_xor_si512(load(quad), keystream), quad);
    }
}

#[target_feature(enable = "avx512f,avx512bw,gfni")]
fn encrypt_batch(round_keys: &[[u32; 4]; ROUNDS], batch: &mut [Block]) {
    let to_g = _mm512_set1_epi64(G.to_gfni());
    let quads = quads(batch);
    let mut planes = [_mm512_setzero_si512(); 16];
    for (plane, quad) in planes.iter_mut().zip(&*quads) {
        *plane = load(quad);
    }
    let planes = transpose(planes).map(|plane| _mm512_gf2p8affine_epi64_epi8::<0>(plane, to_g));
    let [mut a, mut b, mut c, mut d] =
        [0, 4, 8, 12].map(|i| [planes[i], planes[i + 1], planes[i + 2], planes[i + 3]]);
    rounds(round_keys, [&mut a, &mut b, &mut c, &mut d]);
    for (quad, encrypted) in quads.iter_mut().zip(blocks([d, c, b, a])) {
        store(encrypted, quad);
    }
}

fn quads(batch: &mut [Block]) -> &mut [[u8; 64]] {
    batch.as_flattened_mut().as_chunks_mut().0
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,gfni")]
fn rounds(round_keys: &[[u32; 4]; ROUNDS], [a, b, c, d]: [&mut [__m512i; 4]; 4]) {
    for rk in round_keys.as_chunks::<4>().0 {
        round(a, b, c, d, &rk[0]);
        round(b, c, d, a, &rk[1]);
        round(c, d, a, b, &rk[2]);
        round(d, a, b, c, &rk[3]);
    }
}

/// Out of the basis of the state, and from planes to blocks.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,gfni")]
fn blocks(words: [[__m512i; 4]; 4]) -> [__m512i; 16] {
    let from_g = _mm512_set1_epi64(G_INVERSE.to_gfni());
    transpose(core::array::from_fn(|byte| {
        _mm512_gf2p8affine_epi64_epi8::<0>(words[byte / 4][byte % 4], from_g)
    }))
}

/// `a ⊕= L(τ(b ⊕ c ⊕ d ⊕ rk))`.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,gfni")]
fn round(
    a: &mut [__m512i; 4],
    b: &[__m512i; 4],
    c: &[__m512i; 4],
    d: &[__m512i; 4],
    rk: &[u32; 4],
) {
    let (to_u, to_v) = (
        _mm512_set1_epi64(TO_U.to_gfni()),
        _mm512_set1_epi64(TO_V.to_gfni()),
    );
    let input =
        |j: usize| _mm512_xor_si512(xor3(b[j], c[j], d[j]), _mm512_set1_epi32(rk[j] as i32));
    let input = [input(0), input(1), input(2), input(3)];
    let u = input.map(|x| _mm512_gf2p8affineinv_epi64_epi8::<0>(x, to_u));
    let v = input.map(|x| _mm512_gf2p8affineinv_epi64_epi8::<0>(x, to_v));
    let s = [
        _mm512_xor_si512(v[0], u[3]),
        _mm512_xor_si512(v[1], u[0]),
        _mm512_xor_si512(v[2], u[1]),
        _mm512_xor_si512(v[3], u[2]),
    ];
    let sum = _mm512_xor_si512(xor3(s[0], s[1], s[2]), s[3]);
    for j in 0..4 {
        a[j] = xor3(a[j], s[j], sum);
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn xor3(a: __m512i, b: __m512i, c: __m512i) -> __m512i {
    _mm512_ternarylogic_epi32::<0x96>(a, b, c)
}

/// From planes (vector k, byte t of lane q: byte k of block 4t + q) to blocks (vector t, lane q: block
/// 4t + q), and back. Each step interleaves vector i with vector i + 8.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn transpose(planes: [__m512i; 16]) -> [__m512i; 16] {
    let mut v = planes;
    for _ in 0..4 {
        let from = v;
        for i in 0..8 {
            v[2 * i] = _mm512_unpacklo_epi8(from[i], from[i + 8]);
            v[2 * i + 1] = _mm512_unpackhi_epi8(from[i], from[i + 8]);
        }
    }
    v
}

#[target_feature(enable = "avx512f,avx512bw,gfni")]
fn to_state_basis(bytes: &mut [u8; 16]) {
    // SAFETY: the reference covers the 16 bytes that are read and written; no alignment is asked for.
    unsafe {
        let v = _mm_loadu_si128(bytes.as_ptr().cast());
        let v = _mm_gf2p8affine_epi64_epi8::<0>(v, _mm_set1_epi64x(G.to_gfni()));
        _mm_storeu_si128(bytes.as_mut_ptr().cast(), v);
    }
}

/// Byte t of lane q belongs to block 4t + q.
const BLOCK_OF_BYTE: [u8; 64] = {
    let (mut blocks, mut i) = ([0; 64], 0);
    while i < 64 {
        blocks[i] = (4 * (i % 16) + i / 16) as u8;
        i += 1;
    }
    blocks
};
