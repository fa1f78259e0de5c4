//! Kernels in WebAssembly SIMD (128 bits): 32 blocks in bit planes, 16 in byte planes for short
//! texts and tails, and GHASH by swizzles.
//!
//! A lane of a bit plane is a 32-bit lane: block t is bit t of each. Engines run a swizzle and a
//! shift by a constant in constant time; what an engine's compiler makes of the rest is in
//! `audits/constant_time/`.
#![allow(
    unsafe_code,
    reason = "loads and stores of vectors are raw; each is of a whole array behind a reference"
)]

mod bytes;
mod ghash;
mod sm4;
mod vector;
mod words;

use alloc::boxed::Box;

use crate::gcm::{Gcm, GcmCipher};

/// An SM4-GCM key for these kernels.
pub(crate) fn gcm(key: &[u8; 16]) -> Box<dyn GcmCipher> {
    Box::new(Gcm::<_, ghash::Ghash>::new(sm4::Sm4::new(key)))
}
