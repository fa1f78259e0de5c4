//! The rules for masks never call a bit public that a secret can change: checked by changing
//! secrets at random.

use smrtc_wasm_taint::value::{Value, ones};
use smrtc_wasm_taint::{numeric, vector};
use wasmparser::Operator as O;

/// xorshift64, with stretches of zeros and ones, where carries and comparisons are interesting.
struct Random(u64);

impl Random {
    fn word(&mut self) -> u128 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        u128::from(self.0)
    }

    fn bits(&mut self) -> u128 {
        let (a, b) = (
            self.word() << 64 | self.word(),
            self.word() << 64 | self.word(),
        );
        match self.word() % 4 {
            0 => a,
            1 => a & b,
            2 => a | b,
            _ => 0,
        }
    }

    fn value(&mut self, width: u32) -> Value {
        let secret = if self.word().is_multiple_of(3) {
            0
        } else {
            self.bits()
        };
        Value {
            bits: self.bits() & ones(width),
            secret: secret & ones(width),
            tag: 0,
        }
    }
}

/// Runs `operation` on values and on the same values with other secrets: bits that its mask calls
/// public must not differ.
fn check(name: &str, widths: [u32; 2], operation: impl Fn(Value, Value) -> Option<Value>) {
    let mut random = Random(0x5eed);
    let mut changed = 0;
    for _ in 0..3000 {
        let [a, b] = widths.map(|width| random.value(width));
        let other = |value: Value, noise: u128| Value {
            bits: value.bits ^ (noise & value.secret),
            ..value
        };
        let (a2, b2) = (other(a, random.bits()), other(b, random.bits()));
        let one = operation(a, b).expect(name);
        let two = operation(a2, b2).expect(name);
        let differ = one.bits ^ two.bits;
        assert_eq!(differ & !one.secret, 0, "{name} {a:?} {b:?} {a2:?} {b2:?}");
        changed += u32::from(differ != 0);
    }
    assert!(changed > 30, "{name}: the secrets hardly mattered");
}

#[test]
fn no_rule_for_integers_calls_a_secret_bit_public() {
    for operator in [
        O::I32Add,
        O::I32Sub,
        O::I32Mul,
        O::I32And,
        O::I32Or,
        O::I32Xor,
        O::I32Shl,
        O::I32ShrU,
        O::I32ShrS,
        O::I32Rotl,
        O::I32Rotr,
        O::I32Eq,
        O::I32Ne,
        O::I32LtU,
        O::I32LeU,
        O::I32GtU,
        O::I32GeU,
        O::I32LtS,
        O::I32LeS,
        O::I32GtS,
        O::I32GeS,
    ] {
        check(&format!("{operator:?}"), [32, 32], |a, b| {
            numeric::binary(&operator, a, b)
        });
    }
    for operator in [
        O::I64Add,
        O::I64Sub,
        O::I64Mul,
        O::I64And,
        O::I64Or,
        O::I64Xor,
        O::I64Shl,
        O::I64ShrU,
        O::I64ShrS,
        O::I64Rotl,
        O::I64Rotr,
        O::I64Eq,
        O::I64Ne,
        O::I64LtU,
        O::I64LtS,
        O::I64GeS,
    ] {
        check(&format!("{operator:?}"), [64, 64], |a, b| {
            numeric::binary(&operator, a, b)
        });
    }
    for operator in [
        O::I32Eqz,
        O::I32Clz,
        O::I32Ctz,
        O::I32Popcnt,
        O::I32Extend8S,
        O::I32Extend16S,
        O::I64ExtendI32S,
        O::I64ExtendI32U,
    ] {
        check(&format!("{operator:?}"), [32, 32], |a, _| {
            numeric::unary(&operator, a)
        });
    }
    for operator in [
        O::I64Eqz,
        O::I64Clz,
        O::I64Ctz,
        O::I64Popcnt,
        O::I32WrapI64,
        O::I64Extend32S,
    ] {
        check(&format!("{operator:?}"), [64, 64], |a, _| {
            numeric::unary(&operator, a)
        });
    }
}

#[test]
fn no_rule_for_vectors_calls_a_secret_bit_public() {
    let mut lanes = [0; 16];
    lanes
        .iter_mut()
        .zip([31, 0, 7, 16])
        .for_each(|(lane, pick)| *lane = pick);
    for operator in [
        O::V128And,
        O::V128AndNot,
        O::V128Or,
        O::V128Xor,
        O::I8x16Swizzle,
        O::I8x16RelaxedSwizzle,
        O::I8x16Shuffle { lanes },
        O::I8x16Add,
        O::I16x8Add,
        O::I32x4Add,
        O::I64x2Add,
        O::I8x16Sub,
        O::I32x4Sub,
        O::I16x8Mul,
        O::I32x4Mul,
        O::I64x2Mul,
        O::I8x16Eq,
        O::I8x16Ne,
        O::I32x4Eq,
        O::I64x2Ne,
        O::I8x16GtS,
        O::I16x8LtS,
        O::I32x4GtS,
    ] {
        check(&format!("{operator:?}"), [128, 128], |a, b| {
            vector::binary(&operator, a, b)
        });
    }
    for operator in [
        O::I8x16Shl,
        O::I16x8Shl,
        O::I32x4Shl,
        O::I64x2Shl,
        O::I8x16ShrU,
        O::I16x8ShrU,
        O::I32x4ShrU,
        O::I64x2ShrU,
        O::I8x16ShrS,
        O::I16x8ShrS,
        O::I32x4ShrS,
        O::I64x2ShrS,
    ] {
        check(&format!("{operator:?}"), [128, 32], |a, b| {
            vector::binary(&operator, a, b)
        });
    }
    for operator in [
        O::V128Not,
        O::I8x16Neg,
        O::I32x4Neg,
        O::I16x8ExtendLowI8x16S,
        O::I32x4ExtendHighI16x8U,
        O::I64x2ExtendLowI32x4S,
        O::V128AnyTrue,
        O::I8x16AllTrue,
        O::I8x16Bitmask,
    ] {
        check(&format!("{operator:?}"), [128, 128], |a, _| {
            vector::unary(&operator, a)
        });
    }
    for operator in [O::I8x16Splat, O::I32x4Splat] {
        check(&format!("{operator:?}"), [32, 32], |a, _| {
            vector::make(&operator, a)
        });
    }
    for operator in [
        O::I8x16ExtractLaneS { lane: 15 },
        O::I32x4ExtractLane { lane: 3 },
    ] {
        check(&format!("{operator:?}"), [128, 32], |a, _| {
            vector::make(&operator, a)
        });
    }
    check("replace", [128, 32], |a, b| {
        vector::insert(&O::I32x4ReplaceLane { lane: 2 }, a, b)
    });
}

/// And they do not call everything secret: what the kernels' addresses and branches hang on stays
/// public.
#[test]
fn a_public_part_of_a_value_stays_public() {
    let secret_byte = Value {
        bits: 0x1234_5678,
        secret: 0xff00,
        tag: 0,
    };
    let low = numeric::binary(&O::I32And, secret_byte, Value::i32(0xff)).unwrap();
    assert_eq!((low.bits, low.secret), (0x78, 0));
    let sum = numeric::binary(&O::I32Add, secret_byte, Value::i32(1)).unwrap();
    assert_eq!(sum.secret, 0xffff_ff00);
    assert!(!numeric::unary(&O::I32Eqz, secret_byte).unwrap().is_secret());
}
