//! Peer: libgcrypt, as the system has it.
//!
//! In place, key set once, one context for both directions, as libgcrypt's own benchmark does it.
#![allow(unsafe_code, reason = "libgcrypt is a C library")]

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::ptr::{null, null_mut};

use smrtc_crypto_bench::{KEY_BYTES, NONCE_BYTES, Peer, TAG_BYTES, serve};

/// What libgcrypt calls `gcry_cipher_hd_t`.
type Handle = *mut c_void;

// Values and signatures of gcrypt.h, part of its stable binary interface.
const GCRY_CIPHER_SM4: c_int = 318;
const GCRY_CIPHER_MODE_GCM: c_int = 9;
const GCRYCTL_DISABLE_SECMEM: c_int = 37;
const GCRYCTL_INITIALIZATION_FINISHED: c_int = 38;

#[link(name = "gcrypt")]
unsafe extern "C" {
    fn gcry_check_version(required: *const c_char) -> *const c_char;
    fn gcry_control(command: c_int, ...) -> c_uint;
    fn gcry_cipher_open(handle: *mut Handle, cipher: c_int, mode: c_int, flags: c_uint) -> c_uint;
    fn gcry_cipher_close(handle: Handle);
    fn gcry_cipher_setkey(handle: Handle, key: *const c_void, bytes: usize) -> c_uint;
    fn gcry_cipher_setiv(handle: Handle, iv: *const c_void, bytes: usize) -> c_uint;
    fn gcry_cipher_authenticate(handle: Handle, aad: *const c_void, bytes: usize) -> c_uint;
    fn gcry_cipher_encrypt(
        handle: Handle,
        out: *mut c_void,
        out_bytes: usize,
        input: *const c_void,
        input_bytes: usize,
    ) -> c_uint;
    fn gcry_cipher_decrypt(
        handle: Handle,
        out: *mut c_void,
        out_bytes: usize,
        input: *const c_void,
        input_bytes: usize,
    ) -> c_uint;
    fn gcry_cipher_gettag(handle: Handle, tag: *mut c_void, bytes: usize) -> c_uint;
    fn gcry_cipher_checktag(handle: Handle, tag: *const c_void, bytes: usize) -> c_uint;
}

struct Libgcrypt {
    version: String,
    handle: Handle,
}

impl Libgcrypt {
    fn new() -> Self {
        // SAFETY: the null pointer asks for no minimum; the result is a string that lives as long
        // as the library. It is the first call, on the only thread, as the manual wants; both
        // commands take one integer that is ignored.
        unsafe {
            let version = CStr::from_ptr(gcry_check_version(null()));
            succeed(gcry_control(GCRYCTL_DISABLE_SECMEM, 0));
            succeed(gcry_control(GCRYCTL_INITIALIZATION_FINISHED, 0));
            let mut handle = null_mut();
            succeed(gcry_cipher_open(
                &mut handle,
                GCRY_CIPHER_SM4,
                GCRY_CIPHER_MODE_GCM,
                0,
            ));
            Self {
                version: version.to_string_lossy().into_owned(),
                handle,
            }
        }
    }

    fn start(&mut self, nonce: &[u8; NONCE_BYTES], aad: &[u8]) {
        // SAFETY: `handle` is open, and each pointer is valid for the bytes named beside it.
        unsafe {
            succeed(gcry_cipher_setiv(
                self.handle,
                nonce.as_ptr().cast(),
                nonce.len(),
            ));
            if !aad.is_empty() {
                succeed(gcry_cipher_authenticate(
                    self.handle,
                    aad.as_ptr().cast(),
                    aad.len(),
                ));
            }
        }
    }
}

impl Drop for Libgcrypt {
    fn drop(&mut self) {
        // SAFETY: opened in `new`, and not used after this.
        unsafe { gcry_cipher_close(self.handle) }
    }
}

impl Peer for Libgcrypt {
    fn version(&self) -> String {
        format!("libgcrypt {}", self.version)
    }

    fn set_key(&mut self, key: &[u8; KEY_BYTES]) {
        // SAFETY: `handle` is open; `key` is valid for its length.
        succeed(unsafe { gcry_cipher_setkey(self.handle, key.as_ptr().cast(), key.len()) });
    }

    fn seal(&mut self, nonce: &[u8; NONCE_BYTES], aad: &[u8], text: &mut [u8]) -> [u8; TAG_BYTES] {
        self.start(nonce, aad);
        let mut tag = [0; TAG_BYTES];
        // SAFETY: a null input means in place; `text` and `tag` are valid for writing their
        // lengths.
        unsafe {
            succeed(gcry_cipher_encrypt(
                self.handle,
                text.as_mut_ptr().cast(),
                text.len(),
                null(),
                0,
            ));
            succeed(gcry_cipher_gettag(
                self.handle,
                tag.as_mut_ptr().cast(),
                tag.len(),
            ));
        }
        tag
    }

    fn open(
        &mut self,
        nonce: &[u8; NONCE_BYTES],
        aad: &[u8],
        text: &mut [u8],
        tag: &[u8; TAG_BYTES],
    ) -> bool {
        self.start(nonce, aad);
        // SAFETY: as in `seal`; `tag` is only read.
        unsafe {
            succeed(gcry_cipher_decrypt(
                self.handle,
                text.as_mut_ptr().cast(),
                text.len(),
                null(),
                0,
            ));
            gcry_cipher_checktag(self.handle, tag.as_ptr().cast(), tag.len()) == 0
        }
    }
}

fn succeed(error: c_uint) {
    assert!(error == 0, "libgcrypt: error {error:#x}");
}

fn main() -> std::io::Result<()> {
    serve(Libgcrypt::new())
}
