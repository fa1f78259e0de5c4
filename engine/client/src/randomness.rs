//! Randomness comes from the host: the system's in a product, a seed's in a test.

use std::sync::Arc;

use smrtc_e2ee::{Rng, RngError};

/// Makes sources of randomness, one for each part that needs its own.
///
/// A source of a product must be the operating system's or, in a browser, `crypto.getRandomValues`:
/// keys come from it.
#[derive(Clone)]
pub struct Randomness(Arc<dyn Fn() -> Box<dyn Rng + Send> + Send + Sync>);

impl Randomness {
    /// Takes the function that makes a source.
    pub fn new<R: Rng + Send + 'static>(make: impl Fn() -> R + Send + Sync + 'static) -> Self {
        Self(Arc::new(move || Box::new(make())))
    }

    /// A source of its own.
    pub(crate) fn source(&self) -> Box<dyn Rng + Send> {
        (self.0)()
    }

    /// A seed for what is no secret: it tells the pings of different sessions apart. A constant
    /// does where there is no randomness.
    pub(crate) fn seed(&self) -> u64 {
        let mut bytes = [0; 8];
        let _: Result<(), RngError> = self.source().fill(&mut bytes);
        u64::from_be_bytes(bytes)
    }
}

impl std::fmt::Debug for Randomness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Randomness")
    }
}
