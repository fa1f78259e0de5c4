//! SM4-GCM of the RustCrypto crates as a Wasm module, made in the same way as ours.

use aes_gcm::AesGcm;
use aes_gcm::aead::consts::U12;
use aes_gcm::aead::{AeadInOut, KeyInit};

#[path = "exports.rs"]
mod exports;

type Cipher = AesGcm<sm4::Sm4, U12>;

fn new(key: &[u8; 16]) -> Cipher {
    Cipher::new(key.into())
}

fn seal(cipher: &Cipher, nonce: &[u8; 12], aad: &[u8], text: &mut [u8]) -> [u8; 16] {
    cipher
        .encrypt_inout_detached(nonce.into(), aad, text.into())
        .expect("the lengths are allowed")
        .into()
}

fn open(cipher: &Cipher, nonce: &[u8; 12], aad: &[u8], text: &mut [u8], tag: &[u8; 16]) -> bool {
    cipher
        .decrypt_inout_detached(nonce.into(), aad, text.into(), tag.into())
        .is_ok()
}
