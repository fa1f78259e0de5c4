//! The time of day comes from the host.

use std::sync::Arc;

/// Tells the seconds since 1970, for lifetimes of credentials.
///
/// It is asked anew each time: a clock that counts from the start of a page or a process stands
/// still while the machine sleeps, and nobody's key package would be valid by one that lags.
#[derive(Clone)]
pub struct WallClock(Arc<dyn Fn() -> u64 + Send + Sync>);

impl WallClock {
    /// Takes the function that tells the seconds since 1970.
    pub fn new(unix_seconds: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        Self(Arc::new(unix_seconds))
    }

    pub(crate) fn unix_seconds(&self) -> u64 {
        (self.0)()
    }
}

impl std::fmt::Debug for WallClock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WallClock")
    }
}
