//! Behaviour of the public names, one file for each operation.

mod encrypt;
mod keys;
mod sign;

use crate::hash::Hash;
use crate::rng::{Rng, RngError};
use crate::sm2::SecretKey;

/// SM3 of a seed and a counter.
pub(crate) struct SeededRng {
    seed: u64,
    counter: u64,
}

impl SeededRng {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, counter: 0 }
    }
}

impl Rng for SeededRng {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RngError> {
        for chunk in out.chunks_mut(32) {
            let block = Hash::Sm3.digest(&[&self.seed.to_be_bytes(), &self.counter.to_be_bytes()]);
            chunk.copy_from_slice(&block.as_bytes()[..chunk.len()]);
            self.counter += 1;
        }
        Ok(())
    }
}

/// The same bytes each time, as a source that is stuck or a machine that is restored again and
/// again.
struct ConstantRng;

impl Rng for ConstantRng {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RngError> {
        out.fill(0x5a);
        Ok(())
    }
}

/// Fills what it is asked for and yet reports a failure.
pub(crate) struct BrokenRng;

impl Rng for BrokenRng {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RngError> {
        out.fill(0x5a);
        Err(RngError)
    }
}

pub(crate) fn key(seed: u64) -> SecretKey {
    SecretKey::generate(&mut SeededRng::new(seed)).unwrap()
}

/// n, the order of the curve.
const N: [u8; 32] = [
    0xff, 0xff, 0xff, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0x72, 0x03, 0xdf, 0x6b, 0x21, 0xc6, 0x05, 0x2b, 0x53, 0xbb, 0xf4, 0x09, 0x39, 0xd5, 0x41, 0x23,
];

/// n + `difference`.
fn n_plus(difference: i8) -> [u8; 32] {
    let mut number = N;
    number[31] = number[31].wrapping_add_signed(difference);
    number
}
