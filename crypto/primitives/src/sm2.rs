//! SM2 on the recommended curve of GB/T 32918.5-2017: signatures, key agreement, encryption, key
//! exchange.
//!
//! | item | standard |
//! |---|---|
//! | [`SecretKey::sign`], [`PublicKey::verify`] | GB/T 32918.2-2016 with SM3 |
//! | [`exchange`] | GB/T 32918.3-2016, with key confirmation |
//! | [`pke`] | GB/T 32918.4-2016, C1 ‖ C3 ‖ C2; `SM2Cipher` of GM/T 0009 |
//! | [`SecretKey::agree`] | plain Diffie-Hellman, as RFC 8998 §3.3 and HPKE use it; no GB/T number |
//!
//! The arithmetic of curve and field is that of the crate `sm2` (constant time); keys, nonces,
//! encodings and checks are ours. Every operation runs its known-answer test first and refuses
//! service if one failed.
//!
//! **Secrets.** A private scalar lives in one heap cell, wiped on drop and never printed. Nonces,
//! shared points and key streams are wiped too, and each operation overwrites the stack that it
//! used (`scrub.rs`), for the arithmetic passes its numbers by value. Registers are not wiped.
//!
//! **Nonces** of a signature come from the private key, the digest and fresh randomness together:
//! see `nonce.rs`. A source that repeats itself cannot make two messages share a nonce.
//!
//! This is not a key store and not X.509: `smrtc-e2ee` reads certificates.

mod der;
pub mod exchange;
mod kdf;
mod nonce;
pub mod pke;
mod point;
mod public_key;
mod scalar;
mod scrub;
mod secret_key;
pub(crate) mod self_test;
mod sign;
mod signature;
#[cfg(test)]
mod tests;
mod za;

pub use public_key::{InvalidPublicKey, PublicKey};
pub use secret_key::{AgreeError, InvalidSecretKey, KeyGenerationError, SecretKey};
pub use sign::{SignError, VerifyError};
pub use signature::{InvalidSignature, Signature};
pub use za::{DEFAULT_ID, InvalidId, MAX_ID_BYTES};

/// Length of a public key in bytes: `04 ‖ x ‖ y`.
pub const PUBLIC_KEY_BYTES: usize = 65;
/// Length of a private key in bytes.
pub const SECRET_KEY_BYTES: usize = 32;
/// Length of a signature in bytes: `r ‖ s`.
pub const SIGNATURE_BYTES: usize = 64;
