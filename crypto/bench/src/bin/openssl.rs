//! Peer: OpenSSL through EVP.
//!
//! In place, one context for each direction that keeps its key, so that a message sets nothing but
//! its nonce.
#![allow(unsafe_code, reason = "OpenSSL is a C library")]

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr::{null, null_mut};

use smrtc_crypto_bench::{KEY_BYTES, NONCE_BYTES, Peer, TAG_BYTES, serve};

// Values and signatures of evp.h and crypto.h, part of OpenSSL's stable binary interface.
const OPENSSL_VERSION_STRING: c_int = 6;
const EVP_CTRL_AEAD_GET_TAG: c_int = 0x10;
const EVP_CTRL_AEAD_SET_TAG: c_int = 0x11;
const ENCRYPT: c_int = 1;
const DECRYPT: c_int = 0;
const AS_BEFORE: c_int = -1;

#[link(name = "crypto", kind = "static")]
unsafe extern "C" {
    fn OpenSSL_version(what: c_int) -> *const c_char;
    fn EVP_CIPHER_fetch(
        library: *mut c_void,
        name: *const c_char,
        properties: *const c_char,
    ) -> *mut c_void;
    fn EVP_CIPHER_CTX_new() -> *mut c_void;
    fn EVP_CIPHER_CTX_free(context: *mut c_void);
    fn EVP_CipherInit_ex2(
        context: *mut c_void,
        cipher: *const c_void,
        key: *const u8,
        iv: *const u8,
        encrypt: c_int,
        parameters: *const c_void,
    ) -> c_int;
    fn EVP_CipherUpdate(
        context: *mut c_void,
        out: *mut u8,
        out_bytes: *mut c_int,
        input: *const u8,
        input_bytes: c_int,
    ) -> c_int;
    fn EVP_CipherFinal_ex(context: *mut c_void, out: *mut u8, out_bytes: *mut c_int) -> c_int;
    fn EVP_CIPHER_CTX_ctrl(
        context: *mut c_void,
        command: c_int,
        bytes: c_int,
        pointer: *mut c_void,
    ) -> c_int;
}

struct OpenSsl {
    cipher: *const c_void,
    seal: Context,
    open: Context,
}

/// An `EVP_CIPHER_CTX`, freed on drop.
struct Context(*mut c_void);

impl OpenSsl {
    fn new() -> Self {
        // SAFETY: the name is a C string; null means the default library context and properties.
        // The cipher is never freed, since it is used until the process ends.
        let cipher = unsafe { EVP_CIPHER_fetch(null_mut(), c"SM4-GCM".as_ptr(), null()) };
        assert!(!cipher.is_null(), "this OpenSSL has no SM4-GCM");
        Self {
            cipher,
            seal: Context::new(),
            open: Context::new(),
        }
    }
}

impl Context {
    fn new() -> Self {
        // SAFETY: takes nothing; the result is freed by `drop`.
        let context = unsafe { EVP_CIPHER_CTX_new() };
        assert!(!context.is_null(), "OpenSSL: no memory");
        Self(context)
    }

    fn set_key(&mut self, cipher: *const c_void, direction: c_int, key: &[u8; KEY_BYTES]) {
        // SAFETY: context and cipher are live; the key has the 16 bytes that the cipher reads; no
        // nonce yet.
        succeed(unsafe {
            EVP_CipherInit_ex2(self.0, cipher, key.as_ptr(), null(), direction, null())
        });
    }

    /// Nonce, associated data and the text, in place.
    fn run(&mut self, nonce: &[u8; NONCE_BYTES], aad: &[u8], text: &mut [u8]) {
        let length = |bytes: usize| c_int::try_from(bytes).expect("the bench has no such text");
        let mut written = 0;
        // SAFETY: the context has a cipher and a key; the nonce has the 12 bytes that GCM reads by
        // default; each pointer is valid for the bytes named beside it; without an output the input
        // is associated data; input and output may be the same.
        unsafe {
            succeed(EVP_CipherInit_ex2(
                self.0,
                null(),
                null(),
                nonce.as_ptr(),
                AS_BEFORE,
                null(),
            ));
            if !aad.is_empty() {
                let (input, bytes) = (aad.as_ptr(), length(aad.len()));
                succeed(EVP_CipherUpdate(
                    self.0,
                    null_mut(),
                    &mut written,
                    input,
                    bytes,
                ));
            }
            let (pointer, bytes) = (text.as_mut_ptr(), length(text.len()));
            succeed(EVP_CipherUpdate(
                self.0,
                pointer,
                &mut written,
                pointer,
                bytes,
            ));
        }
    }

    /// Ends the message; false if the tag given before does not verify.
    fn finish(&mut self) -> bool {
        // GCM writes nothing here.
        let mut nothing = [0; 16];
        let mut written = 0;
        // SAFETY: the message has been begun; `nothing` holds a block, which is the most that any
        // cipher writes.
        unsafe { EVP_CipherFinal_ex(self.0, nothing.as_mut_ptr(), &mut written) == 1 }
    }

    fn control(&mut self, command: c_int, tag: &mut [u8; TAG_BYTES]) {
        // SAFETY: both commands used here read or write as many bytes as they are told.
        succeed(unsafe {
            EVP_CIPHER_CTX_ctrl(self.0, command, TAG_BYTES as c_int, tag.as_mut_ptr().cast())
        });
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: made in `new`, and not used after this.
        unsafe { EVP_CIPHER_CTX_free(self.0) }
    }
}

impl Peer for OpenSsl {
    fn version(&self) -> String {
        // SAFETY: returns a string that lives as long as the library.
        let version = unsafe { CStr::from_ptr(OpenSSL_version(OPENSSL_VERSION_STRING)) };
        format!("OpenSSL {}", version.to_string_lossy())
    }

    fn set_key(&mut self, key: &[u8; KEY_BYTES]) {
        self.seal.set_key(self.cipher, ENCRYPT, key);
        self.open.set_key(self.cipher, DECRYPT, key);
    }

    fn seal(&mut self, nonce: &[u8; NONCE_BYTES], aad: &[u8], text: &mut [u8]) -> [u8; TAG_BYTES] {
        let mut tag = [0; TAG_BYTES];
        self.seal.run(nonce, aad, text);
        assert!(self.seal.finish(), "OpenSSL: sealing fails");
        self.seal.control(EVP_CTRL_AEAD_GET_TAG, &mut tag);
        tag
    }

    fn open(
        &mut self,
        nonce: &[u8; NONCE_BYTES],
        aad: &[u8],
        text: &mut [u8],
        tag: &[u8; TAG_BYTES],
    ) -> bool {
        self.open.run(nonce, aad, text);
        self.open.control(EVP_CTRL_AEAD_SET_TAG, &mut tag.clone());
        self.open.finish()
    }
}

fn succeed(result: c_int) {
    assert!(result == 1, "OpenSSL: a call fails");
}

fn main() -> std::io::Result<()> {
    serve(OpenSsl::new())
}
