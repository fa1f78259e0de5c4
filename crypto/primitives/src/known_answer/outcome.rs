//! The remembered outcome of a test, and the error state of the module.

use core::sync::atomic::{AtomicBool, AtomicU8, Ordering};

/// An algorithm or suite gave a wrong answer in its known-answer test; the module refuses service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("self-test failed")]
pub struct SelfTestFailed;

/// How far a test, or the module, has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Not run yet; it will be before first use.
    Untested,
    /// The right answers came out.
    Passed,
    /// A wrong answer came out. For the module: the error state.
    Failed,
}

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
pub(crate) fn in_error_state() -> bool {
    ERROR.load(Ordering::Acquire)
}

static ERROR: AtomicBool = AtomicBool::new(false);

const UNTESTED: u8 = 0;
const PASSED: u8 = 1;
const FAILED: u8 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pass_is_not_run_again_unless_asked() {
        let test = SelfTest::new();
        assert_eq!(test.status(), Status::Untested);
        assert_eq!(test.ensure(|| true), Ok(()));
        assert_eq!(test.ensure(|| unreachable!("ran twice")), Ok(()));
        let mut ran = false;
        assert_eq!(
            test.repeat(|| {
                ran = true;
                true
            }),
            Ok(())
        );
        assert!(ran);
    }
}
