//! A known-answer test: what an algorithm computes before its first use, and what came of it.
//!
//! Each algorithm has its own, in its own module, and asks for it before it serves. `self_test` has
//! the list of them all. So the algorithms do not know the list, and the list knows the algorithms.

mod outcome;

pub(crate) use outcome::in_error_state;
pub use outcome::{SelfTest, SelfTestFailed, Status};

/// The known-answer test of one algorithm, for a static beside the algorithm.
pub(crate) struct KnownAnswer {
    /// Tests of what this algorithm is built on; they run first.
    builds_on: &'static [&'static KnownAnswer],
    /// Whether the right answer comes out. The byte is added to what is computed: zero but in tests
    /// of the tests.
    run: fn(fault: u8) -> bool,
    outcome: SelfTest,
    #[cfg(feature = "_test_support")]
    broken: core::sync::atomic::AtomicBool,
}

impl KnownAnswer {
    /// A test that has not run.
    pub(crate) const fn new(
        builds_on: &'static [&'static KnownAnswer],
        run: fn(fault: u8) -> bool,
    ) -> Self {
        Self {
            builds_on,
            run,
            outcome: SelfTest::new(),
            #[cfg(feature = "_test_support")]
            broken: core::sync::atomic::AtomicBool::new(false),
        }
    }

    /// Runs this test, and those of what it builds on, unless they have run.
    ///
    /// # Errors
    ///
    /// [`SelfTestFailed`] now and for ever if an answer was wrong, in this test or in any other.
    pub(crate) fn ensure(&self) -> Result<(), SelfTestFailed> {
        for test in self.builds_on {
            test.ensure()?;
        }
        self.outcome.ensure(|| (self.run)(self.fault()))
    }

    /// Runs this test alone, also if it has run.
    ///
    /// # Errors
    ///
    /// As [`Self::ensure`].
    pub(crate) fn repeat(&self) -> Result<(), SelfTestFailed> {
        self.outcome.repeat(|| (self.run)(self.fault()))
    }

    /// How far it has come.
    pub(crate) fn status(&self) -> Status {
        self.outcome.status()
    }

    /// Enters the error state, as a wrong answer would.
    pub(crate) fn fail(&self) {
        self.outcome.fail();
    }

    /// What to add to the computed answer: nothing, unless a test of the tests asked for it.
    pub(crate) fn fault(&self) -> u8 {
        #[cfg(feature = "_test_support")]
        return u8::from(self.broken.load(core::sync::atomic::Ordering::Relaxed));
        #[cfg(not(feature = "_test_support"))]
        0
    }

    /// From now on it computes a wrong answer.
    #[cfg(feature = "_test_support")]
    pub(crate) fn danger_break(&self) {
        self.broken
            .store(true, core::sync::atomic::Ordering::Relaxed);
    }

    /// The tests that run before this one.
    #[cfg(test)]
    pub(crate) fn builds_on(&self) -> &'static [&'static KnownAnswer] {
        self.builds_on
    }
}
