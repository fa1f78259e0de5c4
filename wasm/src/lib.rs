//! The browser binding: shells over the halves of a participant, `smrtc-client`.
//!
//! - [`uplink`], [`downlink`]: one object for each worker; bytes and times in, bytes and events
//!   out.
//! - [`enrolment`]: a signature key and the request to certify it, before there is an engine.
//! - [`quality`]: the engine's judgement of a direction.
//! - `messages`: what the uplink worker is told, as plain objects. `js`: conversions that the
//!   shells share. `in_hand`: bytes that JavaScript reads where they lie. `typescript`: a test that
//!   writes the SDK's declarations of all that.
//! - [`known_answers`]: the self-test on demand. `wiping_alloc`: memory that is given back is
//!   zeros.
//!
//! It converts and delegates; it decides nothing. What exists only for libopus is in `libc`.

pub mod downlink;
pub mod enrolment;
mod error;
mod in_hand;
mod js;
pub mod known_answers;
#[cfg(target_arch = "wasm32")]
mod libc;
mod messages;
pub mod quality;
#[cfg(test)]
mod typescript;
pub mod uplink;
#[cfg(target_arch = "wasm32")]
mod wiping_alloc;

use wasm_bindgen::prelude::wasm_bindgen;

/// The SDK's declarations of the plain objects, for those that wasm-bindgen writes.
#[wasm_bindgen(typescript_custom_section)]
const PLAIN_OBJECTS: &str = r#"import type * as engine from "./engine.ts";"#;

/// The kernels that SM4-GCM runs on in this module.
#[wasm_bindgen(
    js_name = sm4Backend,
    unchecked_return_type = r#""wasm_relaxed_simd" | "wasm_simd128" | "portable""#
)]
pub fn sm4_backend() -> String {
    smrtc_crypto::aead::sm4_backend().to_owned()
}
