//! Authenticated encryption, hashing and key derivation, national-standard and NIST.
//!
//! | module | holds | standard |
//! |---|---|---|
//! | [`aead`] | AES-128/256-GCM, SM4-GCM | NIST SP 800-38D, GB/T 36624-2018, RFC 8998 |
//! | [`hash`] | SM3, SHA-256, SHA-512 and their HMAC | GB/T 32905-2016, FIPS 180-4, RFC 2104 |
//! | [`hkdf`] | extract and expand | RFC 5869 |
//! | [`rng`] | the random source a caller passes in | |
//! | [`secret`] | key bytes: wiped, redacted, compared in constant time | |
//! | [`sm2`] | SM2 signatures, key agreement, encryption | GB/T 32918-2016, GM/T 0009 |
//! | [`self_test`] | known-answer tests before first use | GM/T 0028 style |
//! | [`conformance::ccm`] | SM4-CCM | NIST SP 800-38C, GB/T 36624-2018, RFC 8998 |
//! | [`conformance::sm4_modes`] | SM4 in CTR, ECB, CBC, XTS | GB/T 17964-2021, IEEE 1619 |
//! | [`conformance::sm2_exchange`] | SM2 key exchange | GB/T 32918.3-2016 |
//!
//! What a module needs stands below it, and nothing points back up:
//!
//! ```text
//! self_test (the list of all known answers)
//!   ├─► conformance ──┐
//!   ├─► aead ─► backend ─► gcm ─► ctr ─► sm4
//!   ├─► sm2 ──► hash ◄── hkdf
//!   └─► known_answer (one test, and the error state), aead_types, secret, rng
//! ```
//!
//! This crate opens no socket, reads no clock and has no random source of its own. It knows nothing
//! of frames, senders or rooms: `smrtc-e2ee` does.
//!
//! **Constant time**: no branch and no address depends on a key, a plaintext or a keystream. SM4
//! and its GHASH are ours, made of gates and, where a processor has no carry-less multiplication,
//! of integer multiplications; AES-GCM, the hashes and the curve and field of SM2 are those of the
//! RustCrypto crates, which hold themselves to the same. Verifying an SM2 signature takes a time
//! that depends on it; all of it is public. `audits/constant_time/` says what has been measured.
#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod aead;
mod aead_types;
mod backend;
pub mod conformance;
mod ctr;
mod gcm;
pub mod hash;
pub mod hkdf;
mod known_answer;
pub mod rng;
pub mod secret;
pub mod self_test;
pub mod sm2;
mod sm4;

#[cfg(test)]
#[path = "../tests/support/oracle.rs"]
mod oracle;
