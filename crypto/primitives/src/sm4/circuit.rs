//! The S-box of SM4 as a circuit of XOR and AND gates.
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
    let a6 = i6 ^ a5;
    let a7 = a1 ^ a5;
    let a8 = i5 ^ a4;
    let a9 = i3 ^ i5;
    let a10 = i0 ^ a9;
    let a11 = i6 ^ a9;
    let a12 = i1 ^ a10;
    let a13 = a1 ^ a11;
    let a14 = a8 ^ a13;
    let a15 = a12 ^ a14;
    let a16 = a11 ^ a12;
    let a17 = i6 ^ a13;
    let a18 = a6 ^ a11;
    let a19 = a0 ^ a14;
    let a20 = a2 ^ a15;
    // Inversion in GF(2^8) as a tower over GF(2^4).
    let b1 = a10 & a18;
    let b2 = a20 & a7;
    let b3 = i2 ^ b1;
    let b4 = a19 & a17;
    let b5 = b4 ^ b1;
    let b6 = a12 & a11;
    let b7 = a15 & a1;
    let b8 = a16 ^ b6;
    let b9 = a14 & a13;
    let b10 = b9 ^ b6;
    let b11 = a0 & i6;
    let b12 = i1 & a6;
    let b13 = b12 ^ b11;
    let b14 = a2 & a5;
    let b15 = b14 ^ b11;
    let b16 = b3 ^ b2;
    let b17 = b5 ^ a4;
    let b18 = b8 ^ b7;
    let b19 = b10 ^ b15;
    let b20 = b16 ^ b13;
    let b21 = b17 ^ b15;
    let b22 = b18 ^ b13;
    let b23 = b19 ^ a8;
    let b24 = b22 ^ b23;
    let b25 = b22 & b20;
    let b26 = b21 ^ b25;
    let b27 = b20 ^ b21;
    let b28 = b23 ^ b25;
    let b29 = b28 & b27;
    let b30 = b26 & b24;
    let b31 = b20 & b23;
    let b32 = b27 & b31;
    let b33 = b27 ^ b25;
    let b34 = b21 & b22;
    let b35 = b24 & b34;
    let b36 = b24 ^ b25;
    let b37 = b21 ^ b29;
    let b38 = b32 ^ b33;
    let b39 = b23 ^ b30;
    let b40 = b35 ^ b36;
    let b41 = b38 ^ b40;
    let b42 = b37 ^ b39;
    let b43 = b37 ^ b38;
    let b44 = b39 ^ b40;
    let b45 = b42 ^ b41;
    // Products of the inverse with the coordinates.
    let n0 = b38 & a1;
    let n1 = b37 & a13;
    let n2 = b42 & i6;
    let n3 = b45 & a6;
    let n4 = b41 & a5;
    let n5 = b44 & a10;
    let n6 = b40 & a20;
    let n7 = b39 & a19;
    let n8 = b43 & a12;
    let n9 = b38 & a15;
    let n10 = b37 & a14;
    let n11 = b42 & a0;
    let n12 = b45 & i1;
    let n13 = b41 & a2;
    let n14 = b44 & a18;
    let n15 = b40 & a7;
    let n16 = b39 & a17;
    let n17 = b43 & a11;
    // Linear: back to the standard basis, and the affine map.
    let c0 = n14 ^ n16;
    let c1 = n7 ^ n10;
    let c2 = n17 ^ c0;
    let c3 = n3 ^ n4;
    let c4 = n0 ^ c2;
    let c5 = c4 ^ c3;
    let c6 = n9 ^ c5;
    let c7 = n6 ^ c6;
    let c8 = c1 ^ c7;
    let c9 = n13 ^ n10;
    let c10 = n5 ^ n8;
    let c11 = n11 ^ n8;
    let c12 = c11 ^ c9;
    let c13 = n12 ^ c6;
    let c14 = c13 ^ c9;
    let c15 = n2 ^ c0;
    let c16 = c15 ^ n4;
    let c17 = c16 ^ c7;
    let c18 = c17 ^ c10;
    let c19 = c1 ^ c10;
    let c20 = n1 ^ c2;
    let c21 = c20 ^ c14;
    let c22 = n15 ^ n16;
    let c23 = c22 ^ c3;
    let c24 = c23 ^ c8;
    let c25 = c14 ^ c18;
    let c26 = c5 ^ c12;
    [c18, c26, c25, c12, c8, c24, c21, c19]
}
