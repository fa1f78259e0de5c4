//! Forward error correction: an erasure code over the packets of a frame, and how much of it to
//! send.
//!
//! Works on ciphertext: a repair packet is made of the fragments of one sealed frame, so whoever
//! forwards the frame can make and use repair packets without a key.
//!
//! - [`BlockCode`] is the code: any `count` of the fragments and repair packets of a block give its
//!   fragments back.
//! - [`repair_packets`] says how many of them a frame is worth, [`audio_redundancy`] how often a
//!   frame of audio goes along with later ones.
//! - [`PathLoss`] follows what a path loses, which both ask for.
//!
//! Not the packets themselves, which are [`crate::wire::repair`].

mod gf256;
mod path_loss;
mod policy;
mod reed_solomon;

pub use path_loss::PathLoss;
pub use policy::{Protection, audio_redundancy, repair_packets, residual_loss};
pub use reed_solomon::{BlockCode, Blocks, MAX_BLOCK, MAX_ROWS};
