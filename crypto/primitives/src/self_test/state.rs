//! The remembered outcome of a test, and the error state of the module.

use core::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use super::{SelfTestFailed, Status};

/// The remembered outcome of one known-answer test.
///
/// Any failure puts the whole module into its error state, in which no test passes any more. Two
/// threads may both run a test that neither has seen pass; a failure always sticks.
#[derive(Debug)]
pub struct SelfTest(AtomicU8);

impl SelfTest {
    /// A test that has not run.
    #[allow(
        clippy::new_without_default,
        reason = "for statics only, where Default cannot be called"
    )]
    pub const fn new() -> Self {
        Self(AtomicU8::new(UNTESTED))
    }

    /// Runs `test` unless its outcome is known.
    ///
    /// # Errors
    ///
    /// [`SelfTestFailed`] if `test` returned false, now or in any earlier call, or the module is in
    /// its error state.
    pub fn ensure(&self, test: impl FnOnce() -> bool) -> Result<(), SelfTestFailed> {
        if !in_error_state() && self.0.load(Ordering::Acquire) == UNTESTED {
            self.record(test());
        }
        self.passed()
    }

    /// Runs `test` even if its outcome is known.
    ///
    /// # Errors
    ///
    /// As [`Self::ensure`].
    pub fn repeat(&self, test: impl FnOnce() -> bool) -> Result<(), SelfTestFailed> {
        if !in_error_state() {
            self.record(test());
        }
        self.passed()
    }

    /// Enters the error state for good, as a failed test would.
    pub fn fail(&self) {
        self.record(false);
    }

    /// What is known of this test; the module may be in its error state through another one.
    pub fn status(&self) -> Status {
        match self.0.load(Ordering::Acquire) {
            UNTESTED => Status::Untested,
            PASSED => Status::Passed,
            _ => Status::Failed,
        }
    }

    fn record(&self, passed: bool) {
        if !passed {
            ERROR.store(true, Ordering::Release);
        }
        // Not `store`: a failure seen by another thread must not be overwritten.
        let outcome = if passed { PASSED } else { FAILED };
        self.0.fetch_max(outcome, Ordering::AcqRel);
    }

    fn passed(&self) -> Result<(), SelfTestFailed> {
        if !in_error_state() && self.0.load(Ordering::Acquire) == PASSED {
            Ok(())
        } else {
            Err(SelfTestFailed)
        }
    }
}

/// Whether any test of this process, or Wasm instance, has failed.
pub(super) fn in_error_state() -> bool {
    ERROR.load(Ordering::Acquire)
}

static ERROR: AtomicBool = AtomicBool::new(false);

const UNTESTED: u8 = 0;
const PASSED: u8 = 1;
const FAILED: u8 = 2;
