//! The S-box of SM4 as a circuit of XOR and AND gates. Written by `examples/derive_sbox.rs`.
//!
//! It serves every back end: a gate works on whatever holds a bit of each block, from `u32` to a
//! vector register. It branches on nothing and indexes nothing, so it is constant time by
//! construction. 111 gates, 34 of them AND; `docs/sbox.md` tells how it was found.

use core::ops::{BitAnd, BitXor};

/// What is XORed to the input of [`inverse_map`] to make it the S-box: A⁻¹·0xD3.
pub(crate) const INPUT_CONSTANT: u8 = 0x75;

/// What is XORed to the output of [`inverse_map`] to make it the S-box.
pub(crate) const OUTPUT_CONSTANT: u8 = 0xD3;

/// The S-box without its constants: `S(x) = inverse_map(x ^ 0x75) ^ 0xD3`.
///
/// Bit b of the input is `input[b]`, the least significant first. The constants are left out
/// because the round keys carry them for nothing (`docs/sbox.md`).
#[inline(always)]
#[rustfmt::skip]
pub(crate) fn inverse_map<B>(input: [B; 8]) -> [B; 8]
where
    B: Copy + BitXor<Output = B> + BitAnd<Output = B>,
{
    let [i0, i1, i2, i3, i4, i5, i6, i7] = input;
    // Linear: the coordinates of the tower field.
    let a0 = i2 ^ i6;
    let a1 = i7 ^ a0;
    let a2 = i1 ^ a0;
    let a3 = i0 ^ i4;
    let a4 = i6 ^ a3;
    let a5 = a2 ^ a4;
    let a6 = i5 ^ a4;
    let a7 = i6 ^ a5;
    let a8 = a1 ^ a5;
    let a9 = i3 ^ i5;
    let a10 = i0 ^ a9;
    let a11 = i6 ^ a9;
    let a12 = a1 ^ a11;
    let a13 = a6 ^ a12;
    let a14 = i1 ^ a10;
    let a15 = a13 ^ a14;
    let a16 = a1 ^ a9;
    let a17 = a7 ^ a11;
    let a18 = a0 ^ a13;
    let a19 = a10 ^ a18;
    let a20 = a11 ^ a14;
    // Inversion in GF(2^8) as a tower over GF(2^4).
    let b0 = a10 & a17;
    let b1 = a19 & a8;
    let b2 = i2 ^ b0;
    let b3 = a18 & a16;
    let b4 = b3 ^ b0;
    let b5 = a14 & a11;
    let b6 = a15 & a1;
    let b7 = a20 ^ b5;
    let b8 = a13 & a12;
    let b9 = b8 ^ b5;
    let b10 = a0 & i6;
    let b11 = i1 & a7;
    let b12 = b11 ^ b10;
    let b13 = a2 & a5;
    let b14 = b13 ^ b10;
    let b15 = b2 ^ b1;
    let b16 = b4 ^ a4;
    let b17 = b7 ^ b6;
    let b18 = b9 ^ b14;
    let b19 = b15 ^ b12;
    let b20 = b16 ^ b14;
    let b21 = b17 ^ b12;
    let b22 = b18 ^ a6;
    let b23 = b21 ^ b22;
    let b24 = b21 & b19;
    let b25 = b20 ^ b24;
    let b26 = b19 ^ b20;
    let b27 = b22 ^ b24;
    let b28 = b27 & b26;
    let b29 = b25 & b23;
    let b30 = b19 & b22;
    let b31 = b26 & b30;
    let b32 = b26 ^ b24;
    let b33 = b20 & b21;
    let b34 = b23 & b33;
    let b35 = b23 ^ b24;
    let b36 = b20 ^ b28;
    let b37 = b31 ^ b32;
    let b38 = b22 ^ b29;
    let b39 = b34 ^ b35;
    let b40 = b37 ^ b39;
    let b41 = b36 ^ b38;
    let b42 = b36 ^ b37;
    let b43 = b38 ^ b39;
    let b44 = b41 ^ b40;
    // Products of the inverse with the coordinates.
    let n0 = b37 & a1;
    let n1 = b36 & a12;
    let n2 = b41 & i6;
    let n3 = b44 & a7;
    let n4 = b40 & a5;
    let n5 = b43 & a10;
    let n6 = b39 & a19;
    let n7 = b38 & a18;
    let n8 = b42 & a14;
    let n9 = b37 & a15;
    let n10 = b36 & a13;
    let n11 = b41 & a0;
    let n12 = b44 & i1;
    let n13 = b40 & a2;
    let n14 = b43 & a17;
    let n15 = b39 & a8;
    let n16 = b38 & a16;
    let n17 = b42 & a11;
    // Linear: back to the standard basis, and the affine map.
    let c0 = n16 ^ n14;
    let c1 = n4 ^ c0;
    let c2 = n3 ^ c1;
    let c3 = n0 ^ c2;
    let c4 = c3 ^ n17;
    let c5 = n9 ^ n10;
    let c6 = c5 ^ c4;
    let c7 = n6 ^ c6;
    let c8 = n7 ^ c7;
    let c9 = n8 ^ n10;
    let c10 = n5 ^ c9;
    let c11 = n12 ^ c6;
    let c12 = c11 ^ n13;
    let c13 = n11 ^ c9;
    let c14 = c13 ^ n13;
    let c15 = n2 ^ c1;
    let c16 = c15 ^ c7;
    let c17 = c16 ^ c10;
    let c18 = n7 ^ c10;
    let c19 = n1 ^ c0;
    let c20 = c19 ^ n17;
    let c21 = c20 ^ c12;
    let c22 = n15 ^ n14;
    let c23 = c22 ^ c2;
    let c24 = c23 ^ c8;
    let c25 = c12 ^ c17;
    let c26 = c4 ^ c14;
    [c17, c26, c25, c14, c8, c24, c21, c18]
}
