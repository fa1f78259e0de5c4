//! SFrame, RFC 9605: one section of it per file.
//!
//! ```text
//! frame = header ‖ ciphertext ‖ tag          AAD = header ‖ metadata
//!         config byte, KID, CTR              nonce = salt XOR CTR
//! ```
//!
//! The metadata travels beside the frame, in the clear; sender and receiver must pass the same
//! bytes. Tags have 16 bytes, always.

mod header;
pub(crate) mod key_provider;
mod key_schedule;
mod key_store;
mod known_answers;
mod replay;
mod sealer;
mod suite;
mod waiting;

pub use header::{Ctr, Header, HeaderError, Kid, MAX_HEADER_BYTES};
pub use key_schedule::BaseKey;
pub use key_store::{KeyStore, KeyStoreLimits, OpenError, Opened};
pub use replay::REPLAY_WINDOW;
pub use sealer::{MAX_FRAMES_PER_KEY, SealError, Sealer};
pub use suite::{CipherSuite, UnknownSuite};
pub use waiting::{Waiting, WaitingLimits};

/// The bytes that sealing adds to a frame, at most: the longest header and the tag.
pub const MAX_OVERHEAD_BYTES: usize = MAX_HEADER_BYTES + smrtc_crypto::aead::TAG_BYTES;
