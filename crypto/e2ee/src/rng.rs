//! The random source, which the caller passes in.

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

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The same bytes in each run; they repeat after 256.
    pub(crate) struct Counting(pub(crate) u8);

    impl Rng for Counting {
        fn fill(&mut self, out: &mut [u8]) -> Result<(), RngError> {
            for byte in out {
                self.0 = self.0.wrapping_mul(29).wrapping_add(7);
                *byte = self.0;
            }
            Ok(())
        }
    }
}
