//! The browser binding: a thin shell where the engine and the sealing meet.
//!
//! - [`uplink`], [`downlink`]: one object for each worker; bytes and times in, bytes and events out.
//! - [`sealing`]: the one place where engine and keys meet.
//! - `messages`: control messages ⇄ plain objects. `js`: the conversions they share.
//!
//! It converts and delegates; it decides nothing. What exists only for libopus is in `libc`.

pub mod downlink;
mod error;
mod js;
#[cfg(target_arch = "wasm32")]
mod libc;
mod messages;
pub mod sealing;
pub mod uplink;
