//! Inversion in the field of AES, as a circuit.

use std::collections::BTreeMap;

use crate::fields::{AES_FIELD, invert};

/// Inversion in the field of AES: linear forms, a nonlinear circuit on them, linear forms of its
/// outputs.
pub(crate) struct Inversion {
    /// Names of the forms, as the middle layer calls them.
    pub(crate) names: Vec<String>,
    /// Each as a mask of the bits of x, least significant first.
    pub(crate) forms: Vec<u8>,
    /// (result, operand, operator, operand)
    pub(crate) middle: Vec<[&'static str; 4]>,
    /// For each of the 18 products z, which bits of the inverse it goes into.
    pub(crate) columns: Vec<u8>,
}

impl Inversion {
    pub(crate) fn of_boyar_and_peralta() -> Self {
        let middle: Vec<_> = gates(MIDDLE).collect();
        let names = (0..FORMS.len()).map(|m| format!("m{m}")).collect();
        let forms = FORMS.to_vec();
        let mut inversion = Self {
            names,
            forms,
            middle,
            columns: Vec::new(),
        };
        inversion.columns = inversion.solve_columns();
        inversion
    }

    /// The 18 products for each x, as a mask.
    pub(crate) fn products(&self, x: u8) -> u32 {
        let mut values: BTreeMap<&str, bool> = BTreeMap::new();
        for (name, form) in self.names.iter().zip(&self.forms) {
            values.insert(name, (form & x).count_ones() % 2 == 1);
        }
        let mut products = 0;
        for [name, left, operator, right] in &self.middle {
            let (left, right) = (values[left], values[right]);
            let value = if *operator == "&" {
                left & right
            } else {
                left ^ right
            };
            values.insert(name, value);
            if let Some(index) = name.strip_prefix('z') {
                products |= u32::from(value) << index.parse::<u32>().expect("z and a number");
            }
        }
        products
    }

    /// Solves "bit k of the inverse is a sum of products" by elimination, for each k.
    pub(crate) fn solve_columns(&self) -> Vec<u8> {
        // A row for each x: 18 unknowns, then the 8 right-hand sides.
        let mut rows: Vec<u32> = (0..=255)
            .map(|x| self.products(x) | u32::from(invert(x, AES_FIELD)) << PRODUCTS)
            .collect();
        for pivot in 0..PRODUCTS {
            let found = rows
                .iter()
                .skip(pivot)
                .position(|row| row >> pivot & 1 == 1);
            rows.swap(pivot, pivot + found.expect("the products are independent"));
            let row = rows[pivot];
            for (i, other) in rows.iter_mut().enumerate() {
                if i != pivot && *other >> pivot & 1 == 1 {
                    *other ^= row;
                }
            }
        }
        assert!(
            rows[PRODUCTS..].iter().all(|row| *row == 0),
            "the circuit inverts"
        );
        (0..PRODUCTS).map(|z| (rows[z] >> PRODUCTS) as u8).collect()
    }
}

pub(crate) fn gates(text: &'static str) -> impl Iterator<Item = [&'static str; 4]> {
    text.split(';')
        .filter(|gate| !gate.trim().is_empty())
        .map(|gate| {
            let words: Vec<&str> = gate.split_whitespace().collect();
            [words[0], words[2], words[3], words[4]]
        })
}

pub(crate) const PRODUCTS: usize = 18;

/// The middle layer of: J. Boyar, R. Peralta, A small depth-16 circuit for the AES S-box, SEC 2012.
/// It inverts in GF(2^8) as a tower over GF(2^4), in 63 gates.
pub(crate) const MIDDLE: &str = "
    t1 = m0 & m1; t2 = m2 & m3; t3 = m4 ^ t1; t4 = m5 & m6; t5 = t4 ^ t1; t6 = m7 & m8; t7 = m9 & m10;
    t8 = m11 ^ t6; t9 = m12 & m13; t10 = t9 ^ t6; t11 = m14 & m15; t12 = m16 & m17; t13 = t12 ^ t11;
    t14 = m18 & m19; t15 = t14 ^ t11; t16 = t3 ^ t2; t17 = t5 ^ m20; t18 = t8 ^ t7; t19 = t10 ^ t15;
    t20 = t16 ^ t13; t21 = t17 ^ t15; t22 = t18 ^ t13; t23 = t19 ^ m21; t24 = t22 ^ t23; t25 = t22 & t20;
    t26 = t21 ^ t25; t27 = t20 ^ t21; t28 = t23 ^ t25; t29 = t28 & t27; t30 = t26 & t24; t31 = t20 & t23;
    t32 = t27 & t31; t33 = t27 ^ t25; t34 = t21 & t22; t35 = t24 & t34; t36 = t24 ^ t25; t37 = t21 ^ t29;
    t38 = t32 ^ t33; t39 = t23 ^ t30; t40 = t35 ^ t36; t41 = t38 ^ t40; t42 = t37 ^ t39; t43 = t37 ^ t38;
    t44 = t39 ^ t40; t45 = t42 ^ t41; z0 = t38 & m10; z1 = t37 & m13; z2 = t42 & m15; z3 = t45 & m17;
    z4 = t41 & m19; z5 = t44 & m0; z6 = t40 & m2; z7 = t39 & m5; z8 = t43 & m7; z9 = t38 & m9; z10 = t37 & m12;
    z11 = t42 & m14; z12 = t45 & m16; z13 = t41 & m18; z14 = t44 & m1; z15 = t40 & m3; z16 = t39 & m6;
    z17 = t43 & m8;";

/// What it is given: linear forms of an element of the field of AES, as masks of its bits. Any one
/// choice will do, since the search goes through all; that it is right, `solve_columns` finds out.
pub(crate) const FORMS: [u8; 22] = [
    0xb1, 0xd2, 0x3d, 0xdc, 0xf5, 0x8c, 0x0e, 0x15, 0x70, 0x1e, 0x0c, 0x65, 0x0b, 0x7c, 0x87, 0x72,
    0xa4, 0xa2, 0x23, 0xd0, 0xf3, 0x77,
];
