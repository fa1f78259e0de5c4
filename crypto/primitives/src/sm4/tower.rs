//! Inversion by nibbles, for kernels that look them up in registers; its tables are computed at
//! compile time.
//!
//! SM4's field is GF(16)², with w and w̄ = w^16 for a basis, w + w̄ = 1. For x = i·w + j·w̄, k =
//! i + j and a = 1/(w·w̄),
//!
//! ```text
//! i' = 1/(1/i + a/k) + j     j' = 1/(1/j + a/k) + i     1/x = C₁/i' + C₂/j'
//! ```
//!
//! with two constants of GF(256): five look-ups in tables of 16, and whatever linear map follows
//! comes out of two more for nothing. (Mike Hamburg, *Accelerating AES with vector permute
//! instructions*, CHES 2009.) 1/0 is *infinity*, a byte with its top bit set: it stays so under XOR
//! of nibbles, and a look-up by it finds 0.
//!
//! A byte in this basis is i ‖ k, and the state is kept in it after A: the S-box has no map to
//! apply before it.

use super::BLOCK_BYTES;
use super::byte_planes::{Inversion, Vector};
use super::field::{A, Matrix, multiply_modulo};

/// What a nibble gives.
pub(crate) type Table = [u8; BLOCK_BYTES];

/// A vector of bytes whose nibbles are looked up in registers.
pub(crate) trait LookUp: Vector {
    /// The low nibbles and the high ones.
    fn nibbles(self) -> (Self, Self);

    /// What `table` has for each byte of `indices` below 16, and 0 for one with its top bit set.
    fn look_up(table: &Table, indices: Self) -> Self;
}

/// Inversion by looking nibbles up in registers.
pub(crate) struct Nibbles;

impl<V: LookUp> Inversion<V> for Nibbles {
    #[inline(always)]
    fn to_state(v: V) -> V {
        look_up_both(&TO, v)
    }

    #[inline(always)]
    fn from_state(v: V) -> V {
        look_up_both(&FROM, v)
    }

    #[inline(always)]
    fn u_and_v(input: V) -> [V; 2] {
        let (k, i) = input.nibbles();
        let j = i ^ k;
        let a_over_k = V::look_up(&INVERSES_TIMES_A, k);
        let one = V::look_up(&INVERSES, V::look_up(&INVERSES, i) ^ a_over_k) ^ j;
        let two = V::look_up(&INVERSES, V::look_up(&INVERSES, j) ^ a_over_k) ^ i;
        [
            V::look_up(&TO_U[0], one) ^ V::look_up(&TO_U[1], two),
            V::look_up(&TO_V[0], one) ^ V::look_up(&TO_V[1], two),
        ]
    }
}

/// A linear map of each byte.
#[inline(always)]
fn look_up_both<V: LookUp>(tables: &[Table; 2], v: V) -> V {
    let (low, high) = v.nibbles();
    V::look_up(&tables[0], low) ^ V::look_up(&tables[1], high)
}

/// From bytes of the standard to the basis.
pub(crate) const TO_STATE: Matrix = FROM_BASIS.inverse().after(&A);

/// A linear map: tables for the low nibble and for the high one.
const TO: [Table; 2] = by_nibbles(&TO_STATE);

/// Back.
const FROM: [Table; 2] = by_nibbles(&TO_STATE.inverse());

/// 1/n.
const INVERSES: Table = inverses(1);

/// a/n.
const INVERSES_TIMES_A: Table = inverses(a());

/// u of y = A(1/x): what i' gives, and what j' gives.
const TO_U: [Table; 2] = [after_inversion(C.0, false), after_inversion(C.1, false)];

/// v of it.
const TO_V: [Table; 2] = [after_inversion(C.0, true), after_inversion(C.1, true)];

/// What 1/0 is.
const INFINITY: u8 = 0x80;

/// The modulus of SM4's field.
const MODULUS: u16 = 0x1F5;

const fn multiply(a: u8, b: u8) -> u8 {
    multiply_modulo(a, b, MODULUS)
}

/// x^n.
const fn power(x: u8, n: usize) -> u8 {
    let (mut y, mut i) = (1, 0);
    while i < n {
        y = multiply(y, x);
        i += 1;
    }
    y
}

/// GF(16) within the field: nibble n, in powers of a root of z^4 + z + 1.
const NIBBLES: Table = {
    let mut z = 2;
    while power(z, 4) != z ^ 1 {
        z += 1;
    }
    let (mut nibbles, mut n) = ([0; BLOCK_BYTES], 0);
    while n < BLOCK_BYTES {
        let mut bit = 0;
        while bit < 4 {
            nibbles[n] ^= power(z, bit) * (n >> bit & 1) as u8;
            bit += 1;
        }
        n += 1;
    }
    nibbles
};

/// The nibble that is `x`.
const fn nibble(x: u8) -> u8 {
    let mut n = 0;
    while NIBBLES[n] != x {
        n += 1;
    }
    n as u8
}

/// w, with w + w^16 = 1.
const W: u8 = {
    let mut w = 2;
    while w ^ power(w, 16) != 1 {
        w += 1;
    }
    w
};

const W_BAR: u8 = power(W, 16);

/// From i ‖ k to the field: i·w + (i + k)·w̄ = i + k·w̄.
const FROM_BASIS: Matrix = {
    let (mut columns, mut bit) = ([0; 8], 0);
    while bit < 4 {
        columns[bit] = multiply(NIBBLES[1 << bit], W_BAR);
        columns[bit + 4] = NIBBLES[1 << bit];
        bit += 1;
    }
    Matrix(columns)
};

/// a, an element of GF(16), in the field.
const fn a() -> u8 {
    power(multiply(W, W_BAR), 254)
}

/// C₁ and C₂: they solve C₁ + C₂·(1 + a) = a·w and C₁·(1 + a) + C₂ = a·w̄.
const C: (u8, u8) = {
    let one_and_a = 1 ^ a();
    let right = multiply(a(), W) ^ multiply(multiply(a(), W_BAR), one_and_a);
    let c1 = multiply(right, power(multiply(a(), a()), 254));
    (c1, multiply(a(), W_BAR) ^ multiply(c1, one_and_a))
};

/// `factor`/n for each nibble n.
const fn inverses(factor: u8) -> Table {
    let (mut table, mut n) = ([INFINITY; BLOCK_BYTES], 1);
    while n < BLOCK_BYTES {
        table[n] = nibble(multiply(factor, power(NIBBLES[n], 254)));
        n += 1;
    }
    table
}

/// u or v of A(`c`/n), in the basis, for each nibble n.
const fn after_inversion(c: u8, is_v: bool) -> Table {
    let (mut table, mut n) = ([0; BLOCK_BYTES], 1);
    while n < BLOCK_BYTES {
        let y = A.apply(multiply(c, power(NIBBLES[n], 254)));
        let u_or_v = if is_v { y ^ y >> 6 } else { y ^ y << 2 };
        table[n] = TO_STATE.apply(u_or_v);
        n += 1;
    }
    table
}

const fn by_nibbles(matrix: &Matrix) -> [Table; 2] {
    let (mut tables, mut n) = ([[0; BLOCK_BYTES]; 2], 0);
    while n < BLOCK_BYTES {
        tables[0][n] = matrix.apply(n as u8);
        tables[1][n] = matrix.apply((n as u8) << 4);
        n += 1;
    }
    tables
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sm4::published::S_BOX;

    /// As the instructions look up: by the low nibble, and 0 where the top bit is set.
    fn look_up(table: &Table, index: u8) -> u8 {
        match index {
            0..16 => table[usize::from(index)],
            _ => {
                assert!(index & INFINITY != 0, "engines may differ on {index}");
                0
            }
        }
    }

    #[test]
    fn inverting_by_nibbles_gives_u_and_v_of_the_published_s_box() {
        for x in 0..=255u8 {
            let state = TO_STATE.apply(x ^ 0x75);
            let (i, k) = (state >> 4, state & 15);
            let j = i ^ k;
            let a_over_k = look_up(&INVERSES_TIMES_A, k);
            let one = look_up(&INVERSES, look_up(&INVERSES, i) ^ a_over_k) ^ j;
            let two = look_up(&INVERSES, look_up(&INVERSES, j) ^ a_over_k) ^ i;
            let [u, v] = [TO_U, TO_V].map(|[by_one, by_two]| {
                let y = look_up(&by_one, one) ^ look_up(&by_two, two);
                look_up(&FROM[0], y & 15) ^ look_up(&FROM[1], y >> 4)
            });
            let y = S_BOX[usize::from(x)] ^ 0xD3;
            assert_eq!([u, v], [y ^ y << 2, y ^ y >> 6], "{x:#x}");
            let there = look_up(&TO[0], x & 15) ^ look_up(&TO[1], x >> 4);
            assert_eq!(there, TO_STATE.apply(x));
        }
    }
}
