//! What of a module ran with secrets in it, and what did not.

use std::collections::BTreeMap;

use wasmparser::Operator;

use crate::access::{Form, access};
use crate::machine::Machine;
use crate::module::{Function, Instruction};

/// Functions that see lengths and addresses of the allocator only, or are on the way to a panic, and the known answers, which are
/// of published keys. Their instructions need not run; what does run is followed like the rest.
const NOT_KERNEL: [&str; 14] = [
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
];

/// In these modules each load must run, and in loops each store and decision. Of other kernels (those of other crates, and the
/// exported functions, into which errors and self-tests are inlined) something must.
const STRICT: [&str; 6] = [
    "smrtc_crypto::backend",
    "smrtc_crypto::ctr",
    "smrtc_crypto::gcm",
    "smrtc_crypto::hash_input",
    "smrtc_crypto::hazmat",
    "smrtc_crypto::sm4",
];

/// It writes the block of lengths wherever the last block is, which is always the fourth; the compiler keeps all four.
const NEVER_ALL: &str = "HashInput::gather";

/// Exported functions that are no kernels: the planted leaks, which run apart.
const PLANTED: [&str; 2] = ["leak", "allocate"];

/// Counts over the kernel functions of a module.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    /// Kernel functions.
    pub functions: usize,
    /// Functions that are not kernel.
    pub others: usize,
    /// Loads and stores that ran, copies included.
    pub accesses: usize,
    /// Conditional branches, selects and indirect calls that ran.
    pub decisions: usize,
    /// Those of either kind that did not run and need not.
    pub excused: usize,
    /// What should have run and did not, by function: instructions and where in the file they are.
    pub missed: BTreeMap<String, Vec<String>>,
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
        if !ran.contains(&true) {
            coverage
                .missed
                .insert(function.name.clone(), vec!["all".into()]);
            continue;
        }
        for (at, instruction) in function.body.iter().enumerate() {
            let moves = moves(&instruction.operator);
            if !moves && !decides(&instruction.operator) {
                continue;
            }
            let counter = match (ran[at], moves) {
                (true, true) => &mut coverage.accesses,
                (true, false) => &mut coverage.decisions,
                (false, _) if excused(function, at) => &mut coverage.excused,
                (false, _) => {
                    let what = format!("{:?} at {:#x}", instruction.operator, instruction.offset);
                    let missed = coverage.missed.entry(function.name.clone());
                    missed.or_default().push(what);
                    continue;
                }
            };
            *counter += 1;
        }
    }
    coverage
}

fn excused(function: &Function<'_>, at: usize) -> bool {
    let strict = STRICT.iter().any(|part| function.name.contains(part));
    let instruction = &function.body[at];
    let needed = match access(&instruction.operator).map(|access| access.form) {
        Some(Form::Store | Form::StoreLane(_)) | None => instruction.in_loop,
        Some(_) => true,
    };
    panics(&function.body[at..]) || !(strict && needed) || function.name.contains(NEVER_ALL)
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
