//! Authenticated encryption over slices, for the other crates.
//!
//! Every algorithm here is GCM (NIST SP 800-38D) with a 12-byte nonce and a full 16-byte tag; tags
//! are never truncated. The caller makes nonces unique per key: a repeated nonce gives away the
//! XOR of two plaintexts and the authentication key.

mod aes;
mod batch;
mod cipher;
mod incremental;
mod key;
pub(crate) mod known_answers;
#[cfg(test)]
mod tests;

pub use crate::aead_types::{
    Algorithm, Frame, InvalidKeyLength, MAX_AAD_BYTES, MAX_TEXT_BYTES, NONCE_BYTES, OpenError,
    SealError, TAG_BYTES, Tag,
};
pub use incremental::{Opening, Sealing, Verifying};
pub use key::{Key, sm4_backend, sm4_backends};
