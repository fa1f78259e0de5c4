//! The allocator of the Wasm instance: what is given back is overwritten with zeros first.
//!
//! Wasm memory never shrinks, and what a library copies, moves or lets grow is out of the reach of
//! types that wipe on drop. Here no block leaves its owner with anything in it, whoever the owner
//! was. It costs a `memory.fill` of what was used, which a frame's copies and ciphers outweigh by
//! far.
#![allow(unsafe_code, reason = "an allocator is made of raw memory")]

use std::alloc::{GlobalAlloc, Layout, System};

struct Wiping;

// SAFETY: every block comes from `System` and goes back to it under the layout that it was made
// with.
unsafe impl GlobalAlloc for Wiping {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise about `layout` is the one that `System` asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as in `alloc`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller gives back a block of `layout.size()` bytes, which nobody reads any
        // more. The write cannot be left out: what `System` does with the block is unknown to the
        // compiler.
        unsafe {
            block.write_bytes(0, layout.size());
            std::hint::black_box(block);
            System.dealloc(block, layout);
        }
    }
    // `realloc` is the provided one: a new block, a copy, and `dealloc` of the old.
}

#[global_allocator]
static ALLOCATOR: Wiping = Wiping;
