//! The instructions on v128 that the kernels use.

use wasmparser::Operator;

use crate::value::{Value, Width, ones, signed};

/// The lanes of a vector, the lowest first.
fn lanes(vector: Value, width: Width) -> impl Iterator<Item = Value> {
    (0..128 / width).map(move |lane| {
        let at = lane * width;
        vector
            .to(vector.bits >> at, vector.secret >> at)
            .truncate(width)
    })
}

fn join(lanes: impl Iterator<Item = Value>, width: Width) -> Value {
    let mut vector = Value::default();
    for (lane, i) in lanes.zip(0..) {
        vector.bits |= lane.bits << (i * width);
        vector.secret |= lane.secret << (i * width);
        vector.tag |= lane.tag;
    }
    vector
}

fn each(a: Value, width: Width, f: impl Fn(Value) -> Value) -> Value {
    join(lanes(a, width).map(f), width)
}

fn pairs(a: Value, b: Value, width: Width, f: impl Fn(Value, Value) -> Value) -> Value {
    join(
        lanes(a, width).zip(lanes(b, width)).map(|(a, b)| f(a, b)),
        width,
    )
}

/// A lane of ones where `holds`, else of zeros.
fn compared(a: Value, b: Value, width: Width, holds: impl Fn(Value, Value) -> bool) -> Value {
    pairs(a, b, width, |a, b| {
        let bit = a.compare(b, holds(a, b));
        bit.to(bit.bits * ones(width), bit.secret * ones(width))
    })
}

/// The same value in each lane.
pub fn splat(value: Value, width: Width) -> Value {
    join((0..128 / width).map(|_| value.truncate(width)), width)
}

/// Lane `lane`.
pub fn extract(vector: Value, lane: u8, width: Width) -> Value {
    let at = u32::from(lane) * width;
    vector
        .to(vector.bits >> at, vector.secret >> at)
        .truncate(width)
}

/// `vector` with lane `lane` replaced.
pub fn replace(vector: Value, lane: u8, value: Value, width: Width) -> Value {
    let at = u32::from(lane) * width;
    let hole = !(ones(width) << at);
    let value = value.truncate(width);
    vector.with(
        value,
        vector.bits & hole | value.bits << at,
        vector.secret & hole | value.secret << at,
    )
}

/// Bytes of `a` and then `b`, as `picks` names them.
pub fn shuffle(a: Value, b: Value, picks: [u8; 16]) -> Value {
    let bytes: Vec<Value> = lanes(a, 8).chain(lanes(b, 8)).collect();
    join(picks.into_iter().map(|pick| bytes[usize::from(pick)]), 8)
}

/// `i8x16.swizzle`: a register is read in full, so a secret may pick; it becomes no address.
fn swizzle(table: Value, picks: Value) -> Value {
    let bytes: Vec<Value> = lanes(table, 8).collect();
    join(
        lanes(picks, 8).map(|pick| {
            let byte = *bytes.get(pick.bits as usize).unwrap_or(&Value::default());
            let secret = if pick.is_secret() { 0xff } else { byte.secret };
            Value {
                bits: byte.bits,
                secret,
                tag: table.tag | picks.tag,
            }
        }),
        8,
    )
}

/// Half of the lanes, widened.
fn extend(vector: Value, from: Width, high: bool, is_signed: bool) -> Value {
    let skip = if high { 64 / from } else { 0 };
    let taken = lanes(vector, from)
        .skip(skip as usize)
        .take((64 / from) as usize);
    let widened = taken.map(|lane| match is_signed {
        true => lane.sign_extend(from, 2 * from),
        false => lane,
    });
    join(widened, 2 * from)
}

/// A splat, or a lane taken out.
pub fn make(operator: &Operator<'_>, a: Value) -> Option<Value> {
    use Operator as O;
    Some(match operator {
        O::I8x16Splat => splat(a, 8),
        O::I16x8Splat => splat(a, 16),
        O::I32x4Splat => splat(a, 32),
        O::I64x2Splat => splat(a, 64),
        O::I8x16ExtractLaneU { lane } => extract(a, *lane, 8),
        O::I8x16ExtractLaneS { lane } => extract(a, *lane, 8).sign_extend(8, 32),
        O::I16x8ExtractLaneU { lane } => extract(a, *lane, 16),
        O::I16x8ExtractLaneS { lane } => extract(a, *lane, 16).sign_extend(16, 32),
        O::I32x4ExtractLane { lane } => extract(a, *lane, 32),
        O::I64x2ExtractLane { lane } => extract(a, *lane, 64),
        _ => return None,
    })
}

/// A lane put in.
pub fn insert(operator: &Operator<'_>, a: Value, b: Value) -> Option<Value> {
    use Operator as O;
    Some(match operator {
        O::I8x16ReplaceLane { lane } => replace(a, *lane, b, 8),
        O::I16x8ReplaceLane { lane } => replace(a, *lane, b, 16),
        O::I32x4ReplaceLane { lane } => replace(a, *lane, b, 32),
        O::I64x2ReplaceLane { lane } => replace(a, *lane, b, 64),
        _ => return None,
    })
}

/// An instruction with one vector operand.
pub fn unary(operator: &Operator<'_>, a: Value) -> Option<Value> {
    use Operator as O;
    Some(match operator {
        O::V128Not => a.not(128),
        O::I8x16Neg => each(a, 8, |lane| Value::public(0).sub(lane, 8)),
        O::I16x8Neg => each(a, 16, |lane| Value::public(0).sub(lane, 16)),
        O::I32x4Neg => each(a, 32, |lane| Value::public(0).sub(lane, 32)),
        O::I64x2Neg => each(a, 64, |lane| Value::public(0).sub(lane, 64)),
        O::I16x8ExtendLowI8x16S => extend(a, 8, false, true),
        O::I16x8ExtendLowI8x16U => extend(a, 8, false, false),
        O::I16x8ExtendHighI8x16S => extend(a, 8, true, true),
        O::I16x8ExtendHighI8x16U => extend(a, 8, true, false),
        O::I32x4ExtendLowI16x8S => extend(a, 16, false, true),
        O::I32x4ExtendLowI16x8U => extend(a, 16, false, false),
        O::I32x4ExtendHighI16x8S => extend(a, 16, true, true),
        O::I32x4ExtendHighI16x8U => extend(a, 16, true, false),
        O::I64x2ExtendLowI32x4S => extend(a, 32, false, true),
        O::I64x2ExtendLowI32x4U => extend(a, 32, false, false),
        O::I64x2ExtendHighI32x4S => extend(a, 32, true, true),
        O::I64x2ExtendHighI32x4U => extend(a, 32, true, false),
        O::V128AnyTrue => a.compare(a, a.bits != 0),
        O::I8x16AllTrue => a.compare(a, lanes(a, 8).all(|lane| lane.bits != 0)),
        O::I32x4AllTrue => a.compare(a, lanes(a, 32).all(|lane| lane.bits != 0)),
        O::I64x2AllTrue => a.compare(a, lanes(a, 64).all(|lane| lane.bits != 0)),
        O::I8x16Bitmask => {
            let signs = lanes(a, 8).map(|lane| lane.to(lane.bits >> 7, lane.secret >> 7));
            join(signs, 1)
        }
        _ => return None,
    })
}

/// An instruction with two vector operands, or a vector and an amount to shift by.
pub fn binary(operator: &Operator<'_>, a: Value, b: Value) -> Option<Value> {
    use Operator as O;
    let shifted =
        |width, f: fn(Value, Value, Width) -> Value| each(a, width, |lane| f(lane, b, width));
    let lanewise =
        |width, f: fn(Value, Value, Width) -> Value| pairs(a, b, width, |a, b| f(a, b, width));
    let unequal = |a: Value, b: Value| a.bits != b.bits;
    let equal = |a: Value, b: Value| a.bits == b.bits;
    let greater = |width| move |a: Value, b: Value| signed(a.bits, width) > signed(b.bits, width);
    Some(match operator {
        O::V128And => a.and(b),
        O::V128AndNot => a.and(b.not(128)),
        O::V128Or => a.or(b),
        O::V128Xor => a.xor(b),
        O::I8x16Swizzle | O::I8x16RelaxedSwizzle => swizzle(a, b),
        O::I8x16Shuffle { lanes } => shuffle(a, b, *lanes),
        O::I8x16Add => lanewise(8, Value::add),
        O::I16x8Add => lanewise(16, Value::add),
        O::I32x4Add => lanewise(32, Value::add),
        O::I64x2Add => lanewise(64, Value::add),
        O::I8x16Sub => lanewise(8, Value::sub),
        O::I16x8Sub => lanewise(16, Value::sub),
        O::I32x4Sub => lanewise(32, Value::sub),
        O::I64x2Sub => lanewise(64, Value::sub),
        O::I16x8Mul => lanewise(16, Value::mul),
        O::I32x4Mul => lanewise(32, Value::mul),
        O::I64x2Mul => lanewise(64, Value::mul),
        O::I8x16Shl => shifted(8, Value::shl),
        O::I16x8Shl => shifted(16, Value::shl),
        O::I32x4Shl => shifted(32, Value::shl),
        O::I64x2Shl => shifted(64, Value::shl),
        O::I8x16ShrU => shifted(8, Value::shr_u),
        O::I16x8ShrU => shifted(16, Value::shr_u),
        O::I32x4ShrU => shifted(32, Value::shr_u),
        O::I64x2ShrU => shifted(64, Value::shr_u),
        O::I8x16ShrS => shifted(8, Value::shr_s),
        O::I16x8ShrS => shifted(16, Value::shr_s),
        O::I32x4ShrS => shifted(32, Value::shr_s),
        O::I64x2ShrS => shifted(64, Value::shr_s),
        O::I8x16Eq => compared(a, b, 8, equal),
        O::I16x8Eq => compared(a, b, 16, equal),
        O::I32x4Eq => compared(a, b, 32, equal),
        O::I64x2Eq => compared(a, b, 64, equal),
        O::I8x16Ne => compared(a, b, 8, unequal),
        O::I16x8Ne => compared(a, b, 16, unequal),
        O::I32x4Ne => compared(a, b, 32, unequal),
        O::I64x2Ne => compared(a, b, 64, unequal),
        O::I8x16GtS => compared(a, b, 8, greater(8)),
        O::I16x8GtS => compared(a, b, 16, greater(16)),
        O::I32x4GtS => compared(a, b, 32, greater(32)),
        O::I64x2GtS => compared(a, b, 64, greater(64)),
        O::I8x16LtS => compared(b, a, 8, greater(8)),
        O::I16x8LtS => compared(b, a, 16, greater(16)),
        O::I32x4LtS => compared(b, a, 32, greater(32)),
        O::I64x2LtS => compared(b, a, 64, greater(64)),
        _ => return None,
    })
}

/// `v128.bitselect`, and the relaxed selects of whole lanes.
pub fn bitselect(a: Value, b: Value, mask: Value) -> Value {
    a.and(mask).or(b.and(mask.not(128)))
}
