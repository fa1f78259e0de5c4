//! The browser binding: a thin shell where the engine and the sealing meet.
//!
//! - [`uplink`], [`downlink`]: one object for each worker; bytes and times in, bytes and events out.
//! - [`enrolment`]: a signature key and the request to certify it, before there is an engine.
//! - [`quality`]: the engine's judgement of a direction.
//! - [`sealing`]: the one place where engine and keys meet; `keys`: where the keys come from, and how they get from worker to
//!   worker; `outgoing`: datagrams that JavaScript reads where they lie.
//! - `messages`: control messages ⇄ plain objects; `group_messages`: those of the MLS group ⇄ its session. `js`: the
//!   conversions they share.
//! - [`known_answers`]: the self-test on demand. `wiping_alloc`: memory that is given back is zeros.
//!
//! It converts and delegates; it decides nothing. What exists only for libopus is in `libc`.

pub mod downlink;
pub mod enrolment;
mod error;
mod group_messages;
mod js;
mod keys;
pub mod known_answers;
#[cfg(target_arch = "wasm32")]
mod libc;
mod messages;
mod outgoing;
pub mod quality;
pub mod sealing;
pub mod uplink;
#[cfg(target_arch = "wasm32")]
mod wiping_alloc;

use wasm_bindgen::prelude::wasm_bindgen;

/// The kernels that SM4-GCM runs on in this module: `wasm_relaxed_simd`, `wasm_simd128` or `portable`.
#[wasm_bindgen(js_name = sm4Backend)]
pub fn sm4_backend() -> String {
    smrtc_crypto::aead::sm4_backend().to_owned()
}
