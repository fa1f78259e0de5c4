//! The browser binding: a thin shell where the engine and the sealing meet.
//!
//! - [`uplink`], [`downlink`]: one object for each worker; bytes and times in, bytes and events out.
//! - [`sealing`]: the one place where engine and keys meet; `outgoing`: datagrams that JavaScript reads where they lie.
//! - `messages`: control messages ⇄ plain objects. `js`: the conversions they share.
//!
//! It converts and delegates; it decides nothing. What exists only for libopus is in `libc`.

pub mod downlink;
mod error;
mod js;
#[cfg(target_arch = "wasm32")]
mod libc;
mod messages;
mod outgoing;
pub mod sealing;
pub mod uplink;

use wasm_bindgen::prelude::wasm_bindgen;

/// The kernels that SM4-GCM runs on in this module: `wasm_relaxed_simd`, `wasm_simd128` or `portable`.
#[wasm_bindgen(js_name = sm4Backend)]
pub fn sm4_backend() -> String {
    smrtc_crypto::aead::sm4_backend().to_owned()
}
