//! Algorithms that no product path uses: for conformance tests, and for talking to those who have
//! nothing else.
//!
//! They stand apart, so that what seals a call shows at a glance. They are held to the same rules:
//! constant time, keys wiped, and a known answer before the first use of those that can refuse.

pub mod ccm;
pub mod sm2_exchange;
pub mod sm4_modes;
