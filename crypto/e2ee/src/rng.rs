//! Where randomness comes from: outside.

/// The random source failed; whatever needed it must not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no randomness")]
pub struct RngError;

/// A cryptographically secure random source.
pub trait Rng {
    /// Fills `out` with random bytes.
    ///
    /// # Errors
    ///
    /// [`RngError`] if the source failed; `out` must then not be used.
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RngError>;
}

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
