//! End-to-end sealing of media frames: SFrame (RFC 9605) and the sources of its keys.
//!
//! A sender takes a [`KeyProvider`], asks it for its key, and seals each encoded frame with a
//! [`sframe::Sealer`]. A receiver gives a provider of its own to a [`sframe::KeyStore`], which
//! opens frames of any sender. Code points, labels and encodings are in `crypto/SPEC.md`.
//!
//! There is no plaintext mode, no passthrough and no fall from one suite to another. This crate
//! opens no socket, reads no clock, and draws randomness through [`Rng`] only.

mod external_key;
pub mod mls;
mod rng;
pub mod sframe;

pub use external_key::{ExternalKey, InvalidSecretLength};
#[cfg(feature = "os-rng")]
pub use rng::OsRng;
pub use rng::{Rng, RngError};
pub use sframe::key_provider::{KeyProvider, SenderKeyError};
