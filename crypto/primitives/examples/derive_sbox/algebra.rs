//! The S-box as an affine map around an inversion.

use crate::fields::{Matrix, SM4_FIELD, invert};
use crate::s_box::S_BOX;

/// S(x) = A·inv(A·x ⊕ c) ⊕ c.
pub(crate) struct Affine {
    pub(crate) a: Matrix,
    pub(crate) c: u8,
}

/// Tries all circulant A and all c against the published table.
pub(crate) fn find_affine_map() -> Affine {
    let inverses: Vec<u8> = (0..=255).map(|x| invert(x, SM4_FIELD)).collect();
    for row in 1..=255u8 {
        let a = Matrix::of(|x| {
            (0..8).fold(0, |y, i| {
                y | ((row.rotate_right(i) & x).count_ones() as u8 & 1) << (7 - i)
            })
        });
        if a.inverse().is_none() {
            continue;
        }
        for c in 0..=255u8 {
            let s = |x: u8| a.apply(inverses[usize::from(a.apply(x) ^ c)]) ^ c;
            if (0..=255u8).all(|x| s(x) == S_BOX[usize::from(x)]) {
                return Affine { a, c };
            }
        }
    }
    unreachable!("the S-box of SM4 has this form");
}
