//! The search over all maps that commute with inversion.

use crate::algebra::Affine;
use crate::fields::{AES_FIELD, Matrix, SM4_FIELD, invert, multiply};
use crate::inversion::Inversion;
use crate::shorten::{LinearProgram, Random, shorten};

/// The two linear layers, as short programs.
pub(crate) struct Best {
    /// What the middle layer is given, as forms of the S-box's input; and the program for them.
    pub(crate) forms: Vec<u8>,
    pub(crate) top: LinearProgram,
    /// For each product, which output bits it goes into; and the program for these, to be
    /// transposed.
    pub(crate) columns: Vec<u8>,
    pub(crate) bottom: LinearProgram,
}

pub(crate) fn search(affine: &Affine, inversion: &Inversion) -> Best {
    let to_aes = isomorphism();
    let from_aes = to_aes.inverse().expect("an isomorphism");
    let mut random = Random(1);
    let mut best: Option<Best> = None;
    for squarings in 0..8 {
        for k in 1..=255u8 {
            // g(x) = k·x^(2^i) and h(y) = y^(2^i)/k: inv(g(x)) = h(inv(x)).
            let power = |x: u8| (0..squarings).fold(x, |x, _| multiply(x, x, AES_FIELD));
            let g = Matrix::of(|x| multiply(k, power(x), AES_FIELD));
            let h = Matrix::of(|y| multiply(invert(k, AES_FIELD), power(y), AES_FIELD));
            let h_inverse = h.inverse().expect("h is a bijection");
            let input = g.after(&to_aes).after(&affine.a);
            let output = affine.a.after(&from_aes).after(&h_inverse);
            let forms: Vec<u8> = inversion
                .forms
                .iter()
                .map(|form| input.pull_back(*form))
                .collect();
            let columns: Vec<u8> = inversion.columns.iter().map(|c| output.apply(*c)).collect();
            for attempt in 0..TRIES {
                let eager = attempt % 2 == 0;
                let limit = best
                    .as_ref()
                    .map_or(usize::MAX, |b| b.top.sums.len() + b.bottom.sums.len());
                let Some(top) = shorten(&forms, eager, &mut random, limit) else {
                    continue;
                };
                let rest = limit - top.sums.len();
                let Some(bottom) = shorten(&columns, eager, &mut random, rest) else {
                    continue;
                };
                best = Some(Best {
                    forms: forms.clone(),
                    top,
                    columns: columns.clone(),
                    bottom,
                });
            }
        }
    }
    best.expect("the first try is kept")
}

/// A map from the field of SM4 to that of AES: x goes to a root of SM4's modulus.
pub(crate) fn isomorphism() -> Matrix {
    let powers = |root: u8| -> [u8; 9] {
        let mut power = 1;
        std::array::from_fn(|k| {
            if k > 0 {
                power = multiply(power, root, AES_FIELD);
            }
            power
        })
    };
    let is_root = |root: &u8| {
        let powers = powers(*root);
        (0..9)
            .filter(|k| SM4_FIELD >> k & 1 == 1)
            .fold(0, |sum, k| sum ^ powers[k])
            == 0
    };
    let root = (2..=255)
        .find(is_root)
        .expect("all fields of 256 elements are isomorphic");
    Matrix(std::array::from_fn(|k| powers(root)[k]))
}

/// How often each map is tried with other ties.
pub(crate) const TRIES: usize = 4;
