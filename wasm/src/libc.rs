//! What C calls by name: `malloc` and `free` for libopus, over Rust's allocator, and `fmaf`.
//!
//! Not a C library: nothing else is here.
#![allow(unsafe_code, reason = "C calls these by name, with raw pointers")]

use std::alloc::{Layout, alloc, dealloc};

/// Bytes in front of each block that hold the size of the whole allocation; as large as the
/// alignment, to keep it.
const HEADER_BYTES: usize = ALIGN_BYTES;
/// `max_align_t` of wasm32.
const ALIGN_BYTES: usize = 16;

/// C `malloc`: memory aligned to 16 bytes, or null.
///
/// # Safety
///
/// Safe to call with any size; `unsafe` only because what it returns is a raw, uninitialised block.
#[unsafe(no_mangle)]
unsafe extern "C" fn malloc(size: usize) -> *mut u8 {
    let Some(total) = size.checked_add(HEADER_BYTES) else {
        return std::ptr::null_mut();
    };
    let Ok(layout) = Layout::from_size_align(total, ALIGN_BYTES) else {
        return std::ptr::null_mut();
    };
    // SAFETY: `layout` is at least `HEADER_BYTES` long, so not empty.
    let block = unsafe { alloc(layout) };
    if block.is_null() {
        return block;
    }
    // SAFETY: `block` is aligned to 16 and at least 16 bytes long: the size fits in front of the
    // caller's part, which starts inside, or one past the end of, the same allocation.
    unsafe {
        block.cast::<usize>().write(total);
        block.add(HEADER_BYTES)
    }
}

/// C `free`.
///
/// # Safety
///
/// `pointer` is null or came from [`malloc`] and was not freed since.
#[unsafe(no_mangle)]
unsafe extern "C" fn free(pointer: *mut u8) {
    if pointer.is_null() {
        return;
    }
    // SAFETY: `malloc` returned `pointer`, so its block starts `HEADER_BYTES` before and holds
    // there the size it was allocated with, for which `from_size_align` has succeeded.
    unsafe {
        let block = pointer.sub(HEADER_BYTES);
        let total = block.cast::<usize>().read();
        dealloc(block, Layout::from_size_align_unchecked(total, ALIGN_BYTES));
    }
}

/// C `fmaf`, in two roundings instead of one.
///
/// Wasm has no fused multiply-add, so `f32::mul_add` calls this. The audio processing does so
/// 700,000 times a second, for speed and not for the last bit: one rounding, which
/// compiler_builtins emulates in double precision, took a tenth of the uplink worker's time.
#[unsafe(no_mangle)]
extern "C" fn fmaf(x: f32, y: f32, z: f32) -> f32 {
    x * y + z
}
