//! Overwrites the stack that an operation with secrets used.
//!
//! The arithmetic of the crate `sm2` passes scalars and points by value, so copies of them stay
//! behind in frames that have returned: after a signature the whole of (1 + d)⁻¹ lay in the stack
//! of a Wasm instance, and that is the private key. Nothing in the language promises what this
//! does; `tests/sm2_residue.mjs` looks at the memory and finds nothing.

use core::hint::black_box;

/// Runs `operation`, then writes zeros over the stack below this call.
///
/// What `operation` returns and what it captures lie above; they must not be secrets that are not
/// wiped by themselves.
pub(crate) fn scrubbed<T>(operation: impl FnOnce() -> T) -> T {
    let result = run(operation);
    overwrite();
    result
}

// Neither is inlined, so that the frames of both begin at the same place.
#[inline(never)]
fn run<T>(operation: impl FnOnce() -> T) -> T {
    operation()
}

#[inline(never)]
fn overwrite() {
    // Needed as far as anybody can tell, so not optimised away.
    black_box(&mut [0u64; STACK_BYTES / 8]);
}

/// More than any operation uses; an unoptimised build needs most.
const STACK_BYTES: usize = 32 * 1024;
