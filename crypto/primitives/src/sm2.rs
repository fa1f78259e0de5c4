//! SM2 on the recommended curve of GB/T 32918.5-2017: signatures, key agreement, encryption, key
//! exchange.
//!
//! | item | standard |
//! |---|---|
//! | [`SecretKey::sign`], [`PublicKey::verify`] | GB/T 32918.2-2016 with SM3 |
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

pub(crate) mod agreement;
mod der;
pub(crate) mod kdf;
pub(crate) mod key_generation;
pub(crate) mod nonce;
pub mod pke;
pub(crate) mod point;
mod public_key;
pub(crate) mod scalar;
pub(crate) mod scrub;
mod secret_key;
pub(crate) mod sign;
mod signature;
#[cfg(test)]
pub(crate) mod tests;
pub(crate) mod worked_examples;
pub(crate) mod za;

pub use agreement::AgreeError;
pub use key_generation::KeyGenerationError;
pub use point::PUBLIC_KEY_BYTES;
pub use public_key::{InvalidPublicKey, PublicKey};
pub use secret_key::{InvalidSecretKey, SECRET_KEY_BYTES, SecretKey};
pub use sign::{SignError, VerifyError};
pub use signature::{InvalidSignature, SIGNATURE_BYTES, Signature};
pub use za::{DEFAULT_ID, InvalidId, MAX_ID_BYTES};
