//! GHASH by swizzles.
//!
//! To multiply by a constant of the key, each nibble of the other factor picks its product from a
//! table of 16 bytes that sits in a vector: a swizzle looks sixteen of them up at once, in
//! registers. The tables hold multiples of powers of H; what picks from them never becomes an
//! address.
//!
//! Four chains run side by side, chain i on block i of each quad, so that a vector can hold the
//! same 32 bits of four field elements; a product of 128 bits is 9 products of 32 bits (Karatsuba,
//! twice). Up to eight quads are multiplied by H^4, H^8, … H^32 and added before one reduction. The
//! last quad goes by H^4, H^3, H^2 and H, which joins the chains. `docs/ghash.md` draws it.

use core::arch::wasm32::{
    i8x16_eq, i8x16_shuffle, i32x4_shl, u8x16, u8x16_splat, u16x8_shr, u32x4_shr, u64x2_splat,
    v128_and,
};
use core::array;

use zeroize::Zeroize;

use super::vector::{Stored, V, nibbles, swizzle, transpose_words};
use crate::backend::bmul::{self, Element};
use crate::gcm;
use crate::gcm::hash_input::{HashInput, QUAD_BYTES};
use crate::sm4::BLOCK_BYTES;

/// Quads added up before a reduction.
const GROUP_QUADS: usize = 8;

/// 32-bit factors of a 128-bit product, by Karatsuba twice.
const FORMS: usize = 9;

/// Byte offsets of a 36-bit product of a nibble and a 32-bit constant.
const NARROW_OFFSETS: usize = 5;

/// Byte offsets of a 132-bit product of a nibble and a 128-bit constant.
const WIDE_OFFSETS: usize = 17;

/// A pair of tables for each byte offset: what a low nibble and what a high nibble gives there.
type Tables<const OFFSETS: usize> = [[Stored; 2]; OFFSETS];

/// Multiples of the powers of H.
pub(crate) struct Ghash {
    /// For each of the nine forms, that of H^32, H^28, … H^4.
    chained: [[Tables<NARROW_OFFSETS>; GROUP_QUADS]; FORMS],
    /// 0x0f in every place.
    low_nibble: Stored,
    /// For H^4, H^3, H^2, H.
    last: [Tables<WIDE_OFFSETS>; 4],
}

impl gcm::Ghash for Ghash {
    fn new(h: &[u8; BLOCK_BYTES]) -> Self {
        let h = Element::from_bytes(h);
        let h2 = bmul::multiply(h, h);
        let h3 = bmul::multiply(h2, h);
        let h4 = bmul::multiply(h2, h2);
        let mut power = h4;
        let mut ghash = Self {
            chained: [[Tables::default(); GROUP_QUADS]; FORMS],
            low_nibble: Stored::of(V(u8x16_splat(0x0f))),
            last: [h4, h3, h2, h].map(|power| wide_tables(power.times_x())),
        };
        for k in (0..GROUP_QUADS).rev() {
            let words = dwords(power.times_x());
            for (tables, form) in ghash.chained.iter_mut().zip(forms(words)) {
                tables[k] = narrow_tables(form);
            }
            power = bmul::multiply(power, h4);
        }
        ghash
    }

    fn hash(&self, input: &HashInput<'_>) -> [u8; BLOCK_BYTES] {
        let mut scratch = [0; QUAD_BYTES];
        let mut chains = [V(u8x16_splat(0)); 4];
        let mut factors = [[V(u8x16_splat(0)); GROUP_QUADS]; FORMS];
        let chained = input.quads() - 1;
        let mut done = 0;
        while done < chained {
            // The short group comes first, so that the others are whole.
            let count = match (chained - done) % GROUP_QUADS {
                0 => GROUP_QUADS,
                rest => rest,
            };
            for k in 0..count {
                let mut words = quad_words(input.quad(done + k, &mut scratch));
                if k == 0 {
                    words = array::from_fn(|q| words[q] ^ chains[q]);
                }
                for (factor, form) in factors.iter_mut().zip(forms(words)) {
                    factor[k] = form;
                }
            }
            chains = self.multiply_group(&factors, count);
            done += count;
        }
        let quad = input.quad(chained, &mut scratch);
        self.multiply_last(chains, quad).to_bytes()
    }
}

impl Ghash {
    /// The sum over k of quad k times H^{4(count − k)}, in four chains of 32-bit words.
    #[inline(never)]
    fn multiply_group(&self, factors: &[[V; GROUP_QUADS]; FORMS], count: usize) -> [V; 4] {
        let mut low = [V(u8x16_splat(0)); FORMS];
        let mut high = low;
        for form in 0..FORMS {
            let powers = &self.chained[form][GROUP_QUADS - count..];
            let sums = sum_products(powers, &factors[form][..count], &self.low_nibble);
            // What is found at offset d belongs d bytes higher, in the low word or in the high one.
            let [s0, s1, s2, s3, s4] = sums.map(|sum| sum.0);
            let (up, down) = (|x, n| V(i32x4_shl(x, n)), |x, n| V(u32x4_shr(x, n)));
            low[form] = V(s0) ^ up(s1, 8) ^ up(s2, 16) ^ up(s3, 24);
            high[form] = V(s4) ^ down(s3, 8) ^ down(s2, 16) ^ down(s1, 24);
        }
        // Karatsuba, inner: four words of each of the three 64-bit products.
        let product = |i: usize| {
            let middle_low = low[i] ^ low[i + 1] ^ low[i + 2];
            let middle_high = high[i] ^ high[i + 1] ^ high[i + 2];
            [
                low[i],
                high[i] ^ middle_low,
                low[i + 1] ^ middle_high,
                high[i + 1],
            ]
        };
        // Karatsuba, outer.
        let (l, h, m) = (product(0), product(3), product(6));
        let m: [V; 4] = array::from_fn(|i| m[i] ^ l[i] ^ h[i]);
        fold([
            l[0],
            l[1],
            l[2] ^ m[0],
            l[3] ^ m[1],
            h[0] ^ m[2],
            h[1] ^ m[3],
            h[2],
            h[3],
        ])
    }

    /// The sum of the four blocks of `quad` ⊕ `chains` times H^4, H^3, H^2 and H.
    #[inline(never)]
    fn multiply_last(&self, chains: [V; 4], quad: &[u8; QUAD_BYTES]) -> Element {
        let zero = V(u8x16_splat(0));
        let blocks = quad.as_chunks::<BLOCK_BYTES>().0;
        let chains = transpose_words(chains);
        let factors: [V; 4] = array::from_fn(|i| reverse_bytes(chains[i]) ^ V::load(&blocks[i]));
        // Horner over the byte offsets, highest first: shift (high ‖ low) up by a byte, add the
        // next. Bytes of a block stand most significant first.
        let (mut high, mut low) = (zero, zero);
        for offset in (0..WIDE_OFFSETS).rev() {
            high = shift_up_a_byte(high, low);
            low = shift_up_a_byte(low, zero);
            for (factor, tables) in factors.iter().zip(&self.last) {
                let (low_nibbles, high_nibbles) = nibbles(*factor);
                let [for_low, for_high] = &tables[offset];
                low = low
                    ^ swizzle(for_low.load(), low_nibbles)
                    ^ swizzle(for_high.load(), high_nibbles);
            }
        }
        let [low, high] = [low, high].map(|v| {
            let mut bytes = [0; BLOCK_BYTES];
            v.store(&mut bytes);
            Element::from_bytes(&bytes)
        });
        bmul::fold([low.low, low.high, high.low, high.high])
    }
}

impl Drop for Ghash {
    fn drop(&mut self) {
        let chained = self.chained.as_flattened_mut().iter_mut().flatten();
        let last = self.last.as_flattened_mut().iter_mut();
        chained.chain(last).for_each(Zeroize::zeroize);
    }
}

/// The words of a field element, least significant first.
fn dwords(element: Element) -> [u32; 4] {
    let Element { high, low } = element;
    [
        low as u32,
        (low >> 32) as u32,
        high as u32,
        (high >> 32) as u32,
    ]
}

/// The nine factors of Karatsuba, twice: of the low half, of the high half, of their sum.
#[inline(always)]
fn forms<W: Copy + core::ops::BitXor<Output = W>>([a, b, c, d]: [W; 4]) -> [W; FORMS] {
    [a, b, a ^ b, c, d, c ^ d, a ^ c, b ^ d, a ^ c ^ b ^ d]
}

/// Tables of the products of 32 bits with each nibble.
#[inline(always)]
fn narrow_tables(constant: u32) -> Tables<NARROW_OFFSETS> {
    // The constant shifted up by 0 to 7 bits; a table sums four of them, at its byte.
    let shifted: [V; 8] = array::from_fn(|shift| V(u64x2_splat(u64::from(constant) << shift)));
    let (for_low, for_high) = shifted.split_at(4);
    let for_low = byte_splats(for_low);
    let for_high = byte_splats(for_high);
    array::from_fn(|offset| [for_low[offset], for_high[offset]].map(sums_of_subsets))
}

/// For each byte offset, four vectors of the byte of each of `four` there.
#[inline(always)]
fn byte_splats(four: &[V]) -> [[V; 4]; NARROW_OFFSETS] {
    let at = |splat: fn(V) -> V| array::from_fn(|b| splat(four[b]));
    [
        at(splat_byte::<0>),
        at(splat_byte::<1>),
        at(splat_byte::<2>),
        at(splat_byte::<3>),
        at(splat_byte::<4>),
    ]
}

/// Byte N of `v` in every place.
#[inline(always)]
fn splat_byte<const N: usize>(v: V) -> V {
    V(i8x16_shuffle::<
        N,
        N,
        N,
        N,
        N,
        N,
        N,
        N,
        N,
        N,
        N,
        N,
        N,
        N,
        N,
        N,
    >(v.0, v.0))
}

/// Tables of the products of 128 bits with each nibble.
fn wide_tables(constant: Element) -> Tables<WIDE_OFFSETS> {
    let Element { high, low } = constant;
    let shifted: [[u64; 3]; 8] = array::from_fn(|shift| {
        [
            low << shift,
            high << shift | low >> 1 >> (63 - shift),
            high >> 1 >> (63 - shift),
        ]
    });
    array::from_fn(|offset| {
        let byte = |shift: usize| {
            V(u8x16_splat(
                (shifted[shift][offset / 8] >> (8 * (offset % 8))) as u8,
            ))
        };
        [0, 4].map(|first| sums_of_subsets(array::from_fn(|b| byte(first + b))))
    })
}

/// The 16 sums of subsets of four bytes, each given in every place: byte n is the sum of those
/// whose bit is set in n.
#[inline(always)]
fn sums_of_subsets(bytes: [V; 4]) -> Stored {
    let n = u8x16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    let sum = (0..4).fold(V(u8x16_splat(0)), |sum, b| {
        let bit = u8x16_splat(1 << b);
        let is_set = V(i8x16_eq(v128_and(n, bit), bit));
        sum ^ (is_set & bytes[b])
    });
    Stored::of(sum)
}

/// The sum of the products of each factor with its constant, at each byte offset.
///
/// Not inlined, and the mask from memory, so that engines get a short loop and keep the mask in a
/// register: where the compiler sees how long the loop can be, it writes it out; and a constant is
/// made anew in each turn.
#[inline(never)]
fn sum_products(
    constants: &[Tables<NARROW_OFFSETS>],
    factors: &[V],
    low_nibble: &Stored,
) -> [V; NARROW_OFFSETS] {
    let mask = low_nibble.load();
    let mut sums = [V(u8x16_splat(0)); NARROW_OFFSETS];
    for (tables, factor) in constants.iter().zip(factors) {
        let low_nibbles = *factor & mask;
        let high_nibbles = V(u16x8_shr(factor.0, 4)) & mask;
        for (sum, [for_low, for_high]) in sums.iter_mut().zip(tables) {
            *sum = *sum
                ^ swizzle(for_low.load(), low_nibbles)
                ^ swizzle(for_high.load(), high_nibbles);
        }
    }
    sums
}

/// Word q of the result holds word q of the four blocks, as little-endian field elements.
#[inline(always)]
fn quad_words(quad: &[u8; QUAD_BYTES]) -> [V; 4] {
    let blocks = quad.as_chunks::<BLOCK_BYTES>().0;
    transpose_words(array::from_fn(|i| reverse_bytes(V::load(&blocks[i]))))
}

#[inline(always)]
fn reverse_bytes(v: V) -> V {
    V(i8x16_shuffle::<
        15,
        14,
        13,
        12,
        11,
        10,
        9,
        8,
        7,
        6,
        5,
        4,
        3,
        2,
        1,
        0,
    >(v.0, v.0))
}

/// The bytes of `v` one place up, towards byte 0; the place that falls free gets byte 0 of `below`.
#[inline(always)]
fn shift_up_a_byte(v: V, below: V) -> V {
    V(i8x16_shuffle::<
        1,
        2,
        3,
        4,
        5,
        6,
        7,
        8,
        9,
        10,
        11,
        12,
        13,
        14,
        15,
        16,
    >(v.0, below.0))
}

/// `bmul::fold` on four chains: reduces eight words, least significant first, to four.
#[inline(always)]
fn fold(w: [V; 8]) -> [V; 4] {
    let [w0, w1, w2, w3, w4, w5, w6, w7] = w;
    let up = |a: V| V(i32x4_shl(a.0, 31)) ^ V(i32x4_shl(a.0, 30)) ^ V(i32x4_shl(a.0, 25));
    let down = |a: V| a ^ V(u32x4_shr(a.0, 1)) ^ V(u32x4_shr(a.0, 2)) ^ V(u32x4_shr(a.0, 7));
    let w3 = w3 ^ up(w0);
    let w4 = w4 ^ down(w0) ^ up(w1);
    let w5 = w5 ^ down(w1) ^ up(w2);
    let w6 = w6 ^ down(w2) ^ up(w3);
    let w7 = w7 ^ down(w3);
    [w4, w5, w6, w7]
}
