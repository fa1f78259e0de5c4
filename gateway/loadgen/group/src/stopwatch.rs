//! Milliseconds that something takes.

/// Started when it is made.
pub(crate) struct Stopwatch(f64);

impl Stopwatch {
    pub(crate) fn start() -> Self {
        Self(now())
    }

    pub(crate) fn millis(&self) -> f64 {
        now() - self.0
    }
}

#[cfg(target_arch = "wasm32")]
fn now() -> f64 {
    crate::web::now()
}

#[cfg(not(target_arch = "wasm32"))]
fn now() -> f64 {
    use std::{sync::OnceLock, time::Instant};
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_secs_f64() * 1000.0
}
