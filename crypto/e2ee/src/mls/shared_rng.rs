//! One random source for all that MLS does.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use crate::rng::{Rng, RngError};

/// A random source that clones share.
#[derive(Clone)]
pub(super) struct SharedRng(Arc<Mutex<Box<dyn Rng + Send>>>);

impl SharedRng {
    pub(super) fn new(rng: Box<dyn Rng + Send>) -> Self {
        Self(Arc::new(Mutex::new(rng)))
    }

    /// A number below `bound`; zero if there is no randomness, which the next key will notice.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        let mut bytes = [0; 8];
        match self.fill(&mut bytes) {
            Ok(()) => u64::from_be_bytes(bytes) % bound.max(1),
            Err(RngError) => 0,
        }
    }
}

impl Rng for SharedRng {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RngError> {
        // A source that panicked once may have a broken state, but it is the caller's, who saw the
        // panic.
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .fill(out)
    }
}

impl fmt::Debug for SharedRng {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedRng")
    }
}
