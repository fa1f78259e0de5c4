//! The algebra of the S-box, computed at compile time: for kernels that invert by an instruction.
//!
//! S(x) = A·inv(A·x ⊕ c) ⊕ c in the field modulo 0x1F5. φ takes that field to the one of AES, in
//! which processors invert; G = φ∘A is the basis that such a kernel keeps its state in, so that its
//! S-box has no map to apply before the inversion. `docs/sbox.md` tells more.

/// A linear map of bytes: the images of the eight unit bytes.
#[derive(Clone, Copy)]
pub(crate) struct Matrix(pub(super) [u8; 8]);

impl Matrix {
    pub(crate) const fn apply(&self, x: u8) -> u8 {
        let (mut y, mut k) = (0, 0);
        while k < 8 {
            y ^= self.0[k] * (x >> k & 1);
            k += 1;
        }
        y
    }

    /// Of each byte of `word`; takes the same time for all.
    pub(crate) fn apply_to_bytes(&self, word: u32) -> u32 {
        self.0.into_iter().enumerate().fold(0, |sum, (k, column)| {
            sum ^ ((word >> k & 0x0101_0101) * u32::from(column))
        })
    }

    /// First `other`, then `self`.
    pub(crate) const fn after(&self, other: &Self) -> Self {
        let (mut columns, mut k) = ([0; 8], 0);
        while k < 8 {
            columns[k] = self.apply(other.0[k]);
            k += 1;
        }
        Self(columns)
    }

    pub(crate) const fn inverse(&self) -> Self {
        let (mut columns, mut x) = ([0; 8], 0);
        while x < 256 {
            let y = self.apply(x as u8);
            if y.is_power_of_two() {
                columns[y.trailing_zeros() as usize] = x as u8;
            }
            x += 1;
        }
        Self(columns)
    }

    #[cfg(target_arch = "x86_64")]
    /// As the GFNI instructions take it: row i, the mask of what goes into bit i, is byte 7 − i.
    pub(crate) const fn to_gfni(self) -> i64 {
        let (mut rows, mut i) = (0u64, 0);
        while i < 8 {
            let (mut row, mut k) = (0, 0);
            while k < 8 {
                row |= (self.0[k] as u64 >> i & 1) << k;
                k += 1;
            }
            rows |= row << (8 * (7 - i));
            i += 1;
        }
        rows as i64
    }
}

/// A: circulant, with first row 0xD3.
pub(super) const A: Matrix = {
    let (mut columns, mut k) = ([0; 8], 0);
    while k < 8 {
        // Bit 7 − i of the image has the bits of the row rotated right by i.
        let mut i = 0;
        while i < 8 {
            columns[k] |= (0xD3u8.rotate_right(i) >> k & 1) << (7 - i);
            i += 1;
        }
        k += 1;
    }
    Matrix(columns)
};

/// φ, which takes x to a root of SM4's modulus in AES's field.
#[cfg(any(target_arch = "x86_64", test))]
const PHI: Matrix = {
    let mut root = 2;
    loop {
        let (mut columns, mut power, mut sum, mut k) = ([0; 8], 1, 0, 0);
        while k < 9 {
            if k < 8 {
                columns[k] = power;
            }
            sum ^= power * (0x1F5u16 >> k & 1) as u8;
            power = multiply_in_aes_field(power, root);
            k += 1;
        }
        if sum == 0 {
            break Matrix(columns);
        }
        root += 1;
    }
};

/// From a byte to the basis of the state.
#[cfg(any(target_arch = "x86_64", test))]
pub(crate) const G: Matrix = PHI.after(&A);

/// Back.
#[cfg(any(target_arch = "x86_64", test))]
pub(crate) const G_INVERSE: Matrix = G.inverse();

/// From an inverse in AES's field to S(x) without c: A∘φ⁻¹.
#[cfg(any(target_arch = "x86_64", test))]
const OUT: Matrix = A.after(&PHI.inverse());

/// From the inverse to y ⊕ (y << 2), with y the S-box without c, in the basis of the state.
#[cfg(any(target_arch = "x86_64", test))]
pub(crate) const TO_U: Matrix = {
    let (mut columns, mut k) = ([0; 8], 0);
    while k < 8 {
        let y = OUT.0[k];
        columns[k] = G.apply(y ^ y << 2);
        k += 1;
    }
    Matrix(columns)
};

/// From the inverse to y ⊕ (y >> 6), in the basis of the state.
#[cfg(any(target_arch = "x86_64", test))]
pub(crate) const TO_V: Matrix = {
    let (mut columns, mut k) = ([0; 8], 0);
    while k < 8 {
        let y = OUT.0[k];
        columns[k] = G.apply(y ^ y >> 6);
        k += 1;
    }
    Matrix(columns)
};

#[cfg(any(target_arch = "x86_64", test))]
const fn multiply_in_aes_field(a: u8, b: u8) -> u8 {
    multiply_modulo(a, b, 0x11B)
}

/// a · b modulo a polynomial of degree 8.
pub(super) const fn multiply_modulo(a: u8, b: u8, modulus: u16) -> u8 {
    let (mut product, mut i) = (0u8, 8);
    while i > 0 {
        i -= 1;
        product = (product << 1) ^ (modulus as u8 * (product >> 7)) ^ (a * (b >> i & 1));
    }
    product
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sm4::published::S_BOX;

    #[test]
    fn inverting_in_the_field_of_aes_gives_the_published_s_box() {
        for x in 0..=255u8 {
            let phi_of_input = G.apply(x ^ 0x75);
            let inverse = (0..254).fold(1, |y, _| multiply_in_aes_field(y, phi_of_input));
            assert_eq!(OUT.apply(inverse) ^ 0xD3, S_BOX[usize::from(x)]);
            assert_eq!(G_INVERSE.apply(G.apply(x)), x);
        }
    }
}
