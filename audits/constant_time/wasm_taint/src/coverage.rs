//! What of a module ran with secrets in it, and what did not.

use std::collections::BTreeMap;

use wasmparser::Operator;

use crate::access::{Form, access};
use crate::machine::Machine;
use crate::module::{Function, Instruction};

/// Functions that see lengths and addresses of the allocator only, or are on the way to a panic,
/// and the known answers, which are of published keys. Their instructions need not run; what does
/// run is followed like the rest.
const NOT_KERNEL: [&str; 16] = [
    "core::fmt",
    "core::panicking",
    "core::result::unwrap_failed",
    "core::option",
    "core::slice",
    "core::cell",
    // The planted call of a secret function.
    "core::ops::function::FnOnce",
    "alloc::",
    "core::any",
    "dlmalloc",
    "__rustc",
    "std::",
    "compiler_builtins",
    "smrtc_crypto::self_test",
    "smrtc_crypto::known_answer",
    "smrtc_crypto::aead::known_answers",
];

/// The modules with the cipher and the hash in them. Of other kernels (those of other crates, and
/// the exported functions, into which errors and self-tests are inlined) something must run, and
/// the share of loads is not looked at.
const STRICT: [&str; 6] = [
    "smrtc_crypto::backend",
    "smrtc_crypto::ctr",
    "smrtc_crypto::gcm",
    "smrtc_crypto::hash_input",
    "smrtc_crypto::conformance::sm4_modes",
    "smrtc_crypto::sm4",
];

/// Of the loads in these modules at least so many in a hundred must run, those on the way to a
/// panic aside. Not all can: compilers keep code for lengths that callers never pass.
const LEAST_OF_ALL: usize = 96;
/// And of the loads of each of their functions.
const LEAST_OF_EACH: usize = 66;

/// Exported functions that are no kernels: the planted leaks, which run apart.
const PLANTED: [&str; 2] = ["leak", "allocate"];

/// Counts over the kernel functions of a module.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    /// Kernel functions.
    pub functions: usize,
    /// Functions that are not kernel.
    pub others: usize,
    /// Loads and stores in them that ran, copies included.
    pub accesses: usize,
    /// Conditional branches, selects and indirect calls in them that ran.
    pub decisions: usize,
    /// Loads of the cipher and the hash that ran.
    pub loads: usize,
    /// Loads of the cipher and the hash that did not run.
    pub loads_missed: usize,
    /// Functions of which too little ran, and how much.
    pub missed: BTreeMap<String, String>,
}

/// Looks at all that `machine` ran.
pub fn coverage(machine: &Machine<'_, '_>) -> Coverage {
    let mut coverage = Coverage::default();
    for (function, ran) in machine.module.functions.iter().zip(&machine.ran) {
        if !is_kernel(function) {
            coverage.others += 1;
            continue;
        }
        coverage.functions += 1;
        let (mut loads, mut missed) = (0, 0);
        for (at, instruction) in function.body.iter().enumerate() {
            let operator = &instruction.operator;
            if ran[at] {
                coverage.accesses += usize::from(moves(operator));
                coverage.decisions += usize::from(decides(operator));
                loads += usize::from(is_load(operator));
            } else if is_load(operator) && !panics(&function.body[at..]) {
                missed += 1;
            }
        }
        if !ran.contains(&true) {
            let name = function.name.clone();
            coverage.missed.insert(name, "did not run".into());
        }
        if !STRICT.iter().any(|part| function.name.contains(part)) {
            continue;
        }
        coverage.loads += loads;
        coverage.loads_missed += missed;
        if 100 * loads < LEAST_OF_EACH * (loads + missed) {
            let name = function.name.clone();
            let what = format!("only {loads} of {} loads ran", loads + missed);
            coverage.missed.insert(name, what);
        }
    }
    let all = coverage.loads + coverage.loads_missed;
    if 100 * coverage.loads < LEAST_OF_ALL * all || coverage.loads < 300 {
        let what = format!("only {} of {all} loads ran", coverage.loads);
        coverage.missed.insert("the kernels".into(), what);
    }
    coverage
}

fn is_load(operator: &Operator<'_>) -> bool {
    match access(operator).map(|access| access.form) {
        Some(Form::Store | Form::StoreLane(_)) | None => false,
        Some(_) => true,
    }
}

fn is_kernel(function: &Function<'_>) -> bool {
    let name = function.name.as_str();
    let named = |list: &[&str]| list.iter().any(|part| name.contains(part));
    !named(&NOT_KERNEL) && !PLANTED.contains(&name)
}

fn moves(operator: &Operator<'_>) -> bool {
    access(operator).is_some()
        || matches!(
            operator,
            Operator::MemoryCopy { .. } | Operator::MemoryFill { .. }
        )
}

fn decides(operator: &Operator<'_>) -> bool {
    matches!(
        operator,
        Operator::BrIf { .. }
            | Operator::If { .. }
            | Operator::BrTable { .. }
            | Operator::Select
            | Operator::TypedSelect { .. }
            | Operator::CallIndirect { .. }
    )
}

/// Whether control comes from the first of `rest` straight to `unreachable`.
fn panics(rest: &[Instruction<'_>]) -> bool {
    for instruction in rest {
        match instruction.operator {
            Operator::Unreachable => return true,
            Operator::Br { .. }
            | Operator::BrIf { .. }
            | Operator::BrTable { .. }
            | Operator::If { .. }
            | Operator::Else
            | Operator::Loop { .. }
            | Operator::Return => return false,
            _ => {}
        }
    }
    false
}
