//! Multiplication in GHASH's field GF(2^128), out of integer multiplications.
//!
//! Carry-less multiplication with holes, as in BearSSL's `ghash_ctmul64` by Thomas Pornin: operands
//! are cut into four, each with three zero bits after each bit of it, so that carries of a 64-bit
//! product fall into bits that are masked away. Constant time where the machine multiplies 64-bit
//! integers in constant time; x86-64, AArch64 and what browsers run on do.

use zeroize::Zeroize;

/// A field element: the 128-bit big-endian integer of its block. GHASH's bits are reflected: the
/// coefficient of x^0 is the most significant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Zeroize)]
pub(crate) struct Element {
    pub(crate) high: u64,
    pub(crate) low: u64,
}

impl Element {
    pub(crate) fn from_bytes(bytes: &[u8; 16]) -> Self {
        let value = u128::from_be_bytes(*bytes);
        Self {
            high: (value >> 64) as u64,
            low: value as u64,
        }
    }

    pub(crate) fn to_bytes(self) -> [u8; 16] {
        (u128::from(self.high) << 64 | u128::from(self.low)).to_be_bytes()
    }

    /// This times x: the form of a constant factor whose products [`fold`] reduces without a shift.
    #[cfg_attr(
        not(any(
            target_arch = "x86_64",
            all(target_arch = "wasm32", target_feature = "simd128")
        )),
        allow(dead_code, reason = "for the kernels that keep powers of H")
    )]
    pub(crate) fn times_x(self) -> Self {
        let carry = (self.high >> 63).wrapping_neg();
        Self {
            high: (self.high << 1 | self.low >> 63) ^ (carry & 0xC200_0000_0000_0000),
            low: self.low << 1 ^ (carry & 1),
        }
    }

    pub(crate) fn xor(self, other: Self) -> Self {
        Self {
            high: self.high ^ other.high,
            low: self.low ^ other.low,
        }
    }
}

/// a · b.
pub(crate) fn multiply(a: Element, b: Element) -> Element {
    // Karatsuba. The high half of each product is the low half of the product of the reflected
    // factors, reflected; reflection commutes with sums.
    let low = carry_less(a.low, b.low);
    let high = carry_less(a.high, b.high);
    let middle = carry_less(a.low ^ a.high, b.low ^ b.high);
    let [a_low, a_high, b_low, b_high] = [a.low, a.high, b.low, b.high].map(u64::reverse_bits);
    let low_high = carry_less(a_low, b_low).reverse_bits() >> 1;
    let high_high = carry_less(a_high, b_high).reverse_bits() >> 1;
    let middle_high = carry_less(a_low ^ a_high, b_low ^ b_high).reverse_bits() >> 1;
    let middle = middle ^ low ^ high;
    let middle_high = middle_high ^ low_high ^ high_high;
    // The reflected product has 255 bits: shifted up by one, its bits are where `fold` wants them.
    let words = [low, low_high ^ middle, high ^ middle_high, high_high];
    fold([
        words[0] << 1,
        words[1] << 1 | words[0] >> 63,
        words[2] << 1 | words[1] >> 63,
        words[3] << 1 | words[2] >> 63,
    ])
}

/// Reduces a 256-bit product, least significant word first, modulo x^128 + x^7 + x^2 + x + 1,
/// reflected: the low half is divided by x^128, in two steps of 64 bits.
pub(crate) fn fold(words: [u64; 4]) -> Element {
    let [w0, mut w1, mut w2, mut w3] = words;
    w1 ^= w0 << 63 ^ w0 << 62 ^ w0 << 57;
    w2 ^= w0 ^ w0 >> 1 ^ w0 >> 2 ^ w0 >> 7;
    w2 ^= w1 << 63 ^ w1 << 62 ^ w1 << 57;
    w3 ^= w1 ^ w1 >> 1 ^ w1 >> 2 ^ w1 >> 7;
    Element { high: w3, low: w2 }
}

/// The low 64 bits of the carry-less product.
fn carry_less(a: u64, b: u64) -> u64 {
    const HOLES: u64 = 0x1111_1111_1111_1111;
    let a: [u64; 4] = core::array::from_fn(|i| a & HOLES << i);
    let b: [u64; 4] = core::array::from_fn(|i| b & HOLES << i);
    (0..4).fold(0, |product, i| {
        let sum = (0..4).fold(0, |sum, j| sum ^ a[j].wrapping_mul(b[(4 + i - j) % 4]));
        product | sum & HOLES << i
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// NIST SP 800-38D algorithm 1, bit by bit.
    fn multiply_by_definition(a: Element, b: Element) -> Element {
        let (mut z, mut v) = (0u128, u128::from_be_bytes(b.to_bytes()));
        let x = u128::from_be_bytes(a.to_bytes());
        for i in (0..128).rev() {
            if x >> i & 1 == 1 {
                z ^= v;
            }
            v = v >> 1 ^ if v & 1 == 1 { 0xE1 << 120 } else { 0 };
        }
        Element::from_bytes(&z.to_be_bytes())
    }

    #[test]
    fn products_are_those_of_the_definition() {
        let edges = [0, 1, 1 << 63, u64::MAX, 0xE1 << 56];
        let mut elements = alloc::vec::Vec::new();
        for high in edges {
            for low in edges {
                elements.push(Element { high, low });
            }
        }
        let mut seed = 0x5eed_u64;
        for _ in 0..100 {
            let mut random = || {
                seed ^= seed << 13;
                seed ^= seed >> 7;
                seed ^= seed << 17;
                seed
            };
            elements.push(Element {
                high: random(),
                low: random(),
            });
        }
        for &a in &elements {
            for &b in &elements {
                assert_eq!(multiply(a, b), multiply_by_definition(a, b), "{a:?} {b:?}");
            }
        }
    }
}
