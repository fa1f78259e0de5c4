//! The random source, which the caller passes in.

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
