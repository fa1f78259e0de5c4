//! The circuit put together, checked, and written as Rust.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::algebra::Affine;
use crate::inversion::Inversion;
use crate::s_box::S_BOX;
use crate::search::Best;

pub(crate) struct Circuit {
    /// (result, operand, operator, operand), in order.
    pub(crate) gates: Vec<[String; 4]>,
    pub(crate) outputs: [String; 8],
}

impl Circuit {
    pub(crate) fn assemble(best: &Best, inversion: &Inversion) -> Self {
        let mut gates: Vec<[String; 4]> = Vec::new();
        let mut add = |name: String, left: &str, operator: &str, right: &str| {
            gates.push([name.clone(), left.into(), operator.into(), right.into()]);
            name
        };

        // Top: forms of the input.
        let mut values: Vec<(u8, String)> = (0..8).map(|k| (1 << k, format!("i{k}"))).collect();
        for (n, &(i, j)) in best.top.sums.iter().enumerate() {
            let sum = values[i].0 ^ values[j].0;
            let name = add(format!("a{n}"), &values[i].1, "^", &values[j].1);
            values.push((sum, name));
        }
        let named = |form: u8| {
            let (_, name) = values
                .iter()
                .find(|(value, _)| *value == form)
                .expect("every form is reached");
            name.clone()
        };
        let mut names: BTreeMap<String, String> = BTreeMap::new();
        for (name, form) in inversion.names.iter().zip(&best.forms) {
            names.insert(name.clone(), named(*form));
        }

        // Middle, renamed: b for inversion, n for the products.
        let mut count = 0;
        for [name, left, operator, right] in &inversion.middle {
            let new = match name.strip_prefix('z') {
                Some(index) => format!("n{index}"),
                None => {
                    count += 1;
                    format!("b{}", count - 1)
                }
            };
            let new = add(new, &names[*left], operator, &names[*right]);
            names.insert((*name).into(), new);
        }

        // Bottom: the program for the columns, transposed. A value's sum of uses becomes a value.
        let mut uses: Vec<Vec<String>> = vec![Vec::new(); 8 + best.bottom.sums.len()];
        let mut columns: Vec<u8> = (0..8).map(|k| 1 << k).collect();
        for &(i, j) in &best.bottom.sums {
            columns.push(columns[i] ^ columns[j]);
        }
        for (product, column) in best.columns.iter().enumerate() {
            let value = columns
                .iter()
                .position(|c| c == column)
                .expect("every column is reached");
            uses[value].push(format!("n{product}"));
        }
        let mut count = 0;
        let mut outputs: [String; 8] = Default::default();
        for value in (0..uses.len()).rev() {
            let mut used = std::mem::take(&mut uses[value]).into_iter();
            let mut sum = used.next().expect("no value is idle");
            for next in used {
                sum = add(format!("c{count}"), &sum, "^", &next);
                count += 1;
            }
            match value.checked_sub(8) {
                Some(n) => {
                    let (i, j) = best.bottom.sums[n];
                    uses[i].push(sum.clone());
                    uses[j].push(sum);
                }
                None => outputs[value] = sum,
            }
        }
        Self { gates, outputs }
    }

    /// Compares the circuit with the published table, for every input.
    pub(crate) fn check(&self, affine: &Affine) {
        let (input, output) = constants(affine);
        for x in 0..=255u8 {
            let mut values: BTreeMap<&str, bool> = BTreeMap::new();
            let names: Vec<String> = (0..8).map(|k| format!("i{k}")).collect();
            for (k, name) in names.iter().enumerate() {
                values.insert(name, (x ^ input) >> k & 1 == 1);
            }
            for [name, left, operator, right] in &self.gates {
                let (left, right) = (values[left.as_str()], values[right.as_str()]);
                values.insert(
                    name,
                    if operator == "&" {
                        left & right
                    } else {
                        left ^ right
                    },
                );
            }
            let bits = self.outputs.iter().zip(0..);
            let y = bits.fold(0, |y, (name, k)| y | u8::from(values[name.as_str()]) << k);
            assert_eq!(y ^ output, S_BOX[usize::from(x)], "S({x:#04x})");
        }
    }

    pub(crate) fn render(&self) -> String {
        let ands = self.gates.iter().filter(|gate| gate[2] == "&").count();
        let mut text = format!(
            "{HEAD_1}{} gates, {ands} of them AND{HEAD_2}",
            self.gates.len()
        );
        let mut section = ' ';
        for [name, left, operator, right] in &self.gates {
            let first = name.chars().next().expect("a name");
            // Products of inputs inside the inversion do not start a section again.
            if first != section {
                section = first;
                let (_, title) = SECTIONS
                    .iter()
                    .find(|(c, _)| *c == first)
                    .expect("a section");
                let _ = writeln!(text, "    // {title}");
            }
            let _ = writeln!(text, "    let {name} = {left} {operator} {right};");
        }
        let _ = writeln!(text, "    [{}]\n}}", self.outputs.join(", "));
        text
    }
}

/// The constants at the input and at the output of the circuit.
pub(crate) fn constants(affine: &Affine) -> (u8, u8) {
    let inverse = affine.a.inverse().expect("A is a bijection");
    (inverse.apply(affine.c), affine.c)
}

pub(crate) const SECTIONS: [(char, &str); 4] = [
    ('a', "Linear: the coordinates of the tower field."),
    ('b', "Inversion in GF(2^8) as a tower over GF(2^4)."),
    ('n', "Products of the inverse with the coordinates."),
    (
        'c',
        "Linear: back to the standard basis, and the affine map.",
    ),
];

pub(crate) const HEAD_1: &str = "\
//! The S-box of SM4 as a circuit of XOR and AND gates. Written by `examples/derive_sbox.rs`.
//!
//! It serves every back end: a gate works on whatever holds a bit of each block, from `u32` to a
//! vector register. It branches on nothing and indexes nothing, so it is constant time by
//! construction. ";

pub(crate) const HEAD_2: &str = "; `docs/sbox.md` tells how it was found.

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
";
