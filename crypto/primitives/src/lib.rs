//! Authenticated encryption, hashing and key derivation, national-standard and NIST.
//!
//! | module | holds | standard |
//! |---|---|---|
//! | [`aead`] | AES-128/256-GCM, SM4-GCM | NIST SP 800-38D, GB/T 36624-2018, RFC 8998 |
//! | [`hash`] | SM3, SHA-256, SHA-512 and their HMAC | GB/T 32905-2016, FIPS 180-4, RFC 2104 |
//! | [`hkdf`] | extract and expand | RFC 5869 |
//! | [`secret`] | key bytes: wiped, redacted, compared in constant time | |
//! | [`self_test`] | known-answer tests before first use | GM/T 0028 style |
//!
//! This crate opens no socket, reads no clock and draws no randomness. It knows nothing of frames,
//! senders or rooms: `smrtc-e2ee` does.
//!
//! **Not constant time yet:** the SM4 behind [`aead`] at present is the crate `sm4`, which looks its
//! S-box up in a table by secret bytes, so its timing depends on cache state. AES, GHASH and the
//! hashes do not index memory by a secret.
#![no_std]

extern crate alloc;

pub mod aead;
mod gcm;
pub mod hash;
pub mod hkdf;
pub mod secret;
pub mod self_test;
