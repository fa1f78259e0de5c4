//! Where randomness comes from: outside.

pub use smrtc_crypto::rng::{Rng, RngError};

/// Randomness of the operating system or, in a browser, of `crypto.getRandomValues`.
#[cfg(feature = "os-rng")]
#[derive(Clone, Copy, Debug, Default)]
pub struct OsRng;

#[cfg(feature = "os-rng")]
impl Rng for OsRng {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RngError> {
        getrandom::fill(out).map_err(|_| RngError)
    }
}
