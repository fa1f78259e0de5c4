//! The exports of a module that is measured: a cipher behind integers, without imports and without
//! copies.
//!
//! Its parent names the `Cipher` and how it works. Every address is one that [`alloc`] gave, or
//! lies inside.
#![allow(
    unsafe_code,
    reason = "addresses come from JavaScript as integers, and names are exported"
)]

use std::slice::{from_raw_parts, from_raw_parts_mut};

use super::Cipher;

/// Memory for JavaScript to write to; never freed.
#[unsafe(no_mangle)]
extern "C" fn alloc(bytes: usize) -> *mut u8 {
    // Aligned for any vector, and the same for all builds.
    let blocks = vec![0u128; bytes.div_ceil(16)];
    blocks.leak().as_mut_ptr().cast()
}

/// An expanded key, from the 16 bytes at `key`.
#[unsafe(no_mangle)]
extern "C" fn new_key(key: *const [u8; 16]) -> *mut Cipher {
    // SAFETY: JavaScript passes what `alloc` gave for 16 bytes.
    Box::into_raw(Box::new(super::new(unsafe { &*key })))
}

/// Frees what [`new_key`] made.
#[unsafe(no_mangle)]
extern "C" fn free_key(key: *mut Cipher) {
    // SAFETY: JavaScript passes each result of `new_key` once, and does not use it afterwards.
    drop(unsafe { Box::from_raw(key) });
}

/// Encrypts `text` in place and writes the tag.
#[unsafe(no_mangle)]
extern "C" fn seal(
    key: *const Cipher,
    nonce: *const [u8; 12],
    aad: *const u8,
    aad_bytes: usize,
    text: *mut u8,
    text_bytes: usize,
    tag: *mut [u8; 16],
) {
    // SAFETY: `key` is from `new_key`, the rest lies in separate pieces that `alloc` gave, each of
    // the length beside it or of the type; nothing else runs meanwhile.
    unsafe {
        let aad = from_raw_parts(aad, aad_bytes);
        *tag = super::seal(&*key, &*nonce, aad, from_raw_parts_mut(text, text_bytes));
    }
}

/// Decrypts `text` in place; says whether the tag verifies.
#[unsafe(no_mangle)]
extern "C" fn open(
    key: *const Cipher,
    nonce: *const [u8; 12],
    aad: *const u8,
    aad_bytes: usize,
    text: *mut u8,
    text_bytes: usize,
    tag: *const [u8; 16],
) -> bool {
    // SAFETY: as in `seal`.
    unsafe {
        let aad = from_raw_parts(aad, aad_bytes);
        let text = from_raw_parts_mut(text, text_bytes);
        super::open(&*key, &*nonce, aad, text, &*tag)
    }
}

/// Copies within the module's memory, so that an opening has a ciphertext each time.
#[unsafe(no_mangle)]
extern "C" fn copy(to: *mut u8, from: *const u8, bytes: usize) {
    // SAFETY: two separate pieces that `alloc` gave, of at least so many bytes.
    unsafe { to.copy_from_nonoverlapping(from, bytes) }
}
