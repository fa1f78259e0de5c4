//! The field of 256 elements, modulo x^8 + x^4 + x^3 + x^2 + 1 (0x11d), with generator x.
//!
//! Looks tables up by what it works on, so it is for ciphertext only.

const POLYNOMIAL: u16 = 0x11d;

const EXP: [u8; 510] = tables().0;
const LOG: [u8; 256] = tables().1;

const fn tables() -> ([u8; 510], [u8; 256]) {
    let (mut exp, mut log) = ([0; 510], [0; 256]);
    let mut value: u16 = 1;
    let mut i = 0;
    while i < 255 {
        exp[i] = value as u8;
        exp[i + 255] = value as u8;
        log[value as usize] = i as u8;
        value <<= 1;
        if value > 255 {
            value ^= POLYNOMIAL;
        }
        i += 1;
    }
    (exp, log)
}

/// The product.
pub(super) fn mul(a: u8, b: u8) -> u8 {
    if a == 0 || b == 0 {
        return 0;
    }
    EXP[usize::from(LOG[usize::from(a)]) + usize::from(LOG[usize::from(b)])]
}

/// The inverse of `a`; of 0, which has none, 0.
pub(super) fn inverse(a: u8) -> u8 {
    if a == 0 {
        return 0;
    }
    EXP[255 - usize::from(LOG[usize::from(a)])]
}

/// Adds `factor` × `source` to `sum`; what `source` is longer by is left out.
pub(super) fn add_scaled(sum: &mut [u8], source: &[u8], factor: u8) {
    if factor == 1 {
        for (sum, &byte) in sum.iter_mut().zip(source) {
            *sum ^= byte;
        }
        return;
    }
    // Products of the two halves of a byte: 32 of them instead of 256, made for each packet.
    let (mut low, mut high) = ([0; 16], [0; 16]);
    for i in 0..16u8 {
        low[usize::from(i)] = mul(factor, i);
        high[usize::from(i)] = mul(factor, i << 4);
    }
    for (sum, &byte) in sum.iter_mut().zip(source) {
        *sum ^= low[usize::from(byte & 15)] ^ high[usize::from(byte >> 4)];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By shifting and adding, as the field is defined.
    fn slow_mul(a: u8, b: u8) -> u8 {
        let (mut a, mut product) = (u16::from(a), 0);
        for bit in 0..8 {
            if b >> bit & 1 == 1 {
                product ^= a;
            }
            a <<= 1;
            if a > 255 {
                a ^= POLYNOMIAL;
            }
        }
        product as u8
    }

    #[test]
    fn the_tables_are_the_field() {
        for a in 0..=255 {
            for b in 0..=255 {
                assert_eq!(mul(a, b), slow_mul(a, b));
            }
            assert_eq!(mul(a, inverse(a)), u8::from(a != 0));
        }
    }

    #[test]
    fn a_scaled_sum_is_that_of_its_bytes() {
        let source: Vec<u8> = (0..=255).collect();
        for factor in [0, 1, 2, 77, 255] {
            let mut sum = vec![0x5a; 256];
            add_scaled(&mut sum, &source, factor);
            let right = source.iter().map(|&byte| 0x5a ^ mul(factor, byte));
            assert!(sum.iter().copied().eq(right));
        }
    }
}
