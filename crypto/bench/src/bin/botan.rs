//! Peer: Botan, through the C functions of native/botan.cpp.
//!
//! A mode for each direction that keeps its key. Its interface ends a message with a vector of its
//! own, so what is not a whole granule is copied there and back.
#![allow(unsafe_code, reason = "Botan is a C++ library")]

use std::ffi::{CStr, c_char};

use smrtc_crypto_bench::{KEY_BYTES, NONCE_BYTES, Peer, TAG_BYTES, serve};

/// The `Peer` of native/botan.cpp.
enum Opaque {}

// libstdc++ is linked as every C++ program on the system does it.
#[link(name = "botan-3", kind = "static")]
#[link(name = "stdc++")]
unsafe extern "C" {
    fn smrtc_botan_version() -> *const c_char;
    fn smrtc_botan_new() -> *mut Opaque;
    fn smrtc_botan_free(peer: *mut Opaque);
    fn smrtc_botan_set_key(peer: *mut Opaque, key: *const u8) -> bool;
    fn smrtc_botan_seal(
        peer: *mut Opaque,
        nonce: *const u8,
        aad: *const u8,
        aad_bytes: usize,
        text: *mut u8,
        text_bytes: usize,
        tag: *mut u8,
    ) -> bool;
    fn smrtc_botan_open(
        peer: *mut Opaque,
        nonce: *const u8,
        aad: *const u8,
        aad_bytes: usize,
        text: *mut u8,
        text_bytes: usize,
        tag: *const u8,
    ) -> bool;
}

struct Botan(*mut Opaque);

impl Botan {
    fn new() -> Self {
        // SAFETY: takes nothing; the result is freed by `drop`.
        let peer = unsafe { smrtc_botan_new() };
        assert!(!peer.is_null(), "this Botan has no SM4/GCM");
        Self(peer)
    }
}

impl Drop for Botan {
    fn drop(&mut self) {
        // SAFETY: made in `new`, and not used after this.
        unsafe { smrtc_botan_free(self.0) }
    }
}

impl Peer for Botan {
    fn version(&self) -> String {
        // SAFETY: returns a string that lives as long as the library.
        let version = unsafe { CStr::from_ptr(smrtc_botan_version()) };
        format!("Botan {}", version.to_string_lossy())
    }

    fn set_key(&mut self, key: &[u8; KEY_BYTES]) {
        // SAFETY: the peer is live, and the function reads 16 bytes.
        assert!(unsafe { smrtc_botan_set_key(self.0, key.as_ptr()) });
    }

    fn seal(&mut self, nonce: &[u8; NONCE_BYTES], aad: &[u8], text: &mut [u8]) -> [u8; TAG_BYTES] {
        let mut tag = [0; TAG_BYTES];
        // SAFETY: the peer is live; it reads 12 bytes of nonce, writes 16 of tag, and each other
        // pointer is valid for the bytes named behind it.
        let sealed = unsafe {
            smrtc_botan_seal(
                self.0,
                nonce.as_ptr(),
                aad.as_ptr(),
                aad.len(),
                text.as_mut_ptr(),
                text.len(),
                tag.as_mut_ptr(),
            )
        };
        assert!(sealed, "Botan: sealing fails");
        tag
    }

    fn open(
        &mut self,
        nonce: &[u8; NONCE_BYTES],
        aad: &[u8],
        text: &mut [u8],
        tag: &[u8; TAG_BYTES],
    ) -> bool {
        // SAFETY: as in `seal`, with 16 bytes of tag to read.
        unsafe {
            smrtc_botan_open(
                self.0,
                nonce.as_ptr(),
                aad.as_ptr(),
                aad.len(),
                text.as_mut_ptr(),
                text.len(),
                tag.as_ptr(),
            )
        }
    }
}

fn main() -> std::io::Result<()> {
    serve(Botan::new())
}
