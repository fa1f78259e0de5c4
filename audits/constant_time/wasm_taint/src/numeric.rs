//! The instructions on i32 and i64. Floating point is not needed: no kernel has any.

use wasmparser::Operator;

use crate::value::{Value, ones, signed};

/// A constant.
pub fn constant(operator: &Operator<'_>) -> Option<Value> {
    Some(match operator {
        Operator::I32Const { value } => Value::i32(*value as u32),
        Operator::I64Const { value } => Value::public(u128::from(*value as u64)),
        Operator::V128Const { value } => Value::public(u128::from(*value)),
        _ => return None,
    })
}

/// An instruction with one operand.
pub fn unary(operator: &Operator<'_>, a: Value) -> Option<Value> {
    use Operator as O;
    Some(match operator {
        O::I32Eqz | O::I64Eqz => {
            // A public one in it is enough to know the answer.
            let known = a.bits & !a.secret != 0;
            let bit = a.compare(a, a.bits == 0);
            if known { bit.to(0, 0) } else { bit }
        }
        O::I32Clz => a.count((a.bits as u32).leading_zeros()),
        O::I32Ctz => a.count((a.bits as u32).trailing_zeros()),
        O::I32Popcnt => a.count((a.bits as u32).count_ones()),
        O::I64Clz => a.count((a.bits as u64).leading_zeros()),
        O::I64Ctz => a.count((a.bits as u64).trailing_zeros()),
        O::I64Popcnt => a.count((a.bits as u64).count_ones()),
        O::I32WrapI64 => a.truncate(32),
        O::I64ExtendI32U => a,
        O::I64ExtendI32S => a.sign_extend(32, 64),
        O::I32Extend8S => a.sign_extend(8, 32),
        O::I32Extend16S => a.sign_extend(16, 32),
        O::I64Extend8S => a.sign_extend(8, 64),
        O::I64Extend16S => a.sign_extend(16, 64),
        O::I64Extend32S => a.sign_extend(32, 64),
        _ => return None,
    })
}

/// An instruction with two operands, divisions aside.
pub fn binary(operator: &Operator<'_>, a: Value, b: Value) -> Option<Value> {
    use Operator as O;
    let less = |width| signed(a.bits, width) < signed(b.bits, width);
    let greater = |width| signed(a.bits, width) > signed(b.bits, width);
    Some(match operator {
        O::I32Add => a.add(b, 32),
        O::I64Add => a.add(b, 64),
        O::I32Sub => a.sub(b, 32),
        O::I64Sub => a.sub(b, 64),
        O::I32Mul => a.mul(b, 32),
        O::I64Mul => a.mul(b, 64),
        O::I32And | O::I64And => a.and(b),
        O::I32Or | O::I64Or => a.or(b),
        O::I32Xor | O::I64Xor => a.xor(b),
        O::I32Shl => a.shl(b, 32),
        O::I64Shl => a.shl(b, 64),
        O::I32ShrU => a.shr_u(b, 32),
        O::I64ShrU => a.shr_u(b, 64),
        O::I32ShrS => a.shr_s(b, 32),
        O::I64ShrS => a.shr_s(b, 64),
        O::I32Rotl => a.rotl(b, 32),
        O::I64Rotl => a.rotl(b, 64),
        O::I32Rotr => a.rotr(b, 32),
        O::I64Rotr => a.rotr(b, 64),
        O::I32Eq | O::I64Eq => a.compare(b, a.bits == b.bits),
        O::I32Ne | O::I64Ne => a.compare(b, a.bits != b.bits),
        O::I32LtU | O::I64LtU => a.compare(b, a.bits < b.bits),
        O::I32LeU | O::I64LeU => a.compare(b, a.bits <= b.bits),
        O::I32GtU | O::I64GtU => a.compare(b, a.bits > b.bits),
        O::I32GeU | O::I64GeU => a.compare(b, a.bits >= b.bits),
        O::I32LtS => a.compare(b, less(32)),
        O::I64LtS => a.compare(b, less(64)),
        O::I32GtS => a.compare(b, greater(32)),
        O::I64GtS => a.compare(b, greater(64)),
        O::I32LeS => a.compare(b, !greater(32)),
        O::I64LeS => a.compare(b, !greater(64)),
        O::I32GeS => a.compare(b, !less(32)),
        O::I64GeS => a.compare(b, !less(64)),
        _ => return None,
    })
}

/// A division: the outer `None` if the instruction is another, the inner one if it traps.
pub fn division(operator: &Operator<'_>, a: Value, b: Value) -> Option<Option<Value>> {
    use Operator as O;
    let width = match operator {
        O::I32DivU | O::I32RemU | O::I32DivS | O::I32RemS => 32,
        O::I64DivU | O::I64RemU | O::I64DivS | O::I64RemS => 64,
        _ => return None,
    };
    let (x, y) = (signed(a.bits, width), signed(b.bits, width));
    let bits = match operator {
        O::I32DivU | O::I64DivU => a.bits.checked_div(b.bits),
        O::I32RemU | O::I64RemU => a.bits.checked_rem(b.bits),
        O::I32DivS | O::I64DivS => x.checked_div(y).map(|quotient| quotient as u128),
        _ => x.checked_rem(y).map(|rest| rest as u128),
    };
    let secret = if a.is_secret() || b.is_secret() {
        ones(width)
    } else {
        0
    };
    Some(bits.map(|bits| a.with(b, bits & ones(width), secret)))
}
