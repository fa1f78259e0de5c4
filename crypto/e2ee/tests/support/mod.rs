//! What the tests of group keys share.
#![allow(
    dead_code,
    unused_imports,
    reason = "each test program uses a part of it"
)]

pub(crate) mod certificates;
pub(crate) mod service;
pub(crate) mod world;

use smrtc_crypto::hash::Hash;
use smrtc_e2ee::{Rng, RngError};

/// A stream of bytes that a seed fixes: SHA-256 over seed and counter. For tests only.
#[derive(Debug)]
pub(crate) struct SeededRng {
    seed: u64,
    counter: u64,
}

impl SeededRng {
    /// Starts the stream of `seed`.
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, counter: 0 }
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes).expect("never fails");
        u64::from_be_bytes(bytes) % bound
    }
}

impl Rng for SeededRng {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RngError> {
        for chunk in out.chunks_mut(32) {
            self.counter += 1;
            let block =
                Hash::Sha256.digest(&[&self.seed.to_be_bytes(), &self.counter.to_be_bytes()]);
            chunk.copy_from_slice(&block.as_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}
