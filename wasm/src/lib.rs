//! The browser binding: shells over the halves of a participant, `smrtc-client`.
//!
//! - [`uplink`], [`downlink`]: one object for each worker; bytes and times in, bytes and events
//!   out.
//! - [`enrolment`]: a signature key and the request to certify it, before there is an engine.
//! - [`quality`]: the engine's judgement of a direction.
//! - `messages`: control messages ⇄ plain objects; `group_events`: events of the MLS group as such.
//!   `js`: the conversions that they share. `in_hand`: datagrams that JavaScript reads where they
//!   lie.
//! - [`known_answers`]: the self-test on demand. `wiping_alloc`: memory that is given back is
//!   zeros.
//!
//! It converts and delegates; it decides nothing. What exists only for libopus is in `libc`.

pub mod downlink;
pub mod enrolment;
mod error;
mod group_events;
mod in_hand;
mod js;
pub mod known_answers;
#[cfg(target_arch = "wasm32")]
mod libc;
mod messages;
pub mod quality;
pub mod uplink;
#[cfg(target_arch = "wasm32")]
mod wiping_alloc;

use wasm_bindgen::prelude::wasm_bindgen;

/// The kernels that SM4-GCM runs on in this module: `wasm_relaxed_simd`, `wasm_simd128` or
/// `portable`.
#[wasm_bindgen(js_name = sm4Backend)]
pub fn sm4_backend() -> String {
    smrtc_crypto::aead::sm4_backend().to_owned()
}
