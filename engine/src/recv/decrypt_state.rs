//! Whether a sender's frames can be opened, told with hysteresis.
//!
//! One frame that does not open is a damaged or replayed one; a row of them is a wrong key, and people are to be told
//! so instead of being shown a black tile.

use std::time::Duration;

use crate::time::Instant;

/// Why the host could not open a frame. Engine and cryptography do not know each other, so these are words for what
/// the opener says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OpenFailure {
    /// Its encryption header does not parse.
    Malformed,
    /// There is no key of that number.
    UnknownKey,
    /// It was opened before. Says nothing about the key.
    Replayed,
    /// The tag did not verify.
    Authentication,
    /// The opener refuses to work.
    Unavailable,
}

/// What changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecryptChange {
    /// Frames cannot be opened any more.
    CannotDecrypt,
    /// They can again.
    Ok,
}

/// Follows one sender.
#[derive(Clone, Debug, Default)]
pub struct DecryptState {
    failures: u32,
    first_failure: Option<Instant>,
    cannot: bool,
}

const FAILURES: u32 = 3;
const LONGEST: Duration = Duration::from_millis(500);

impl DecryptState {
    /// A frame was opened.
    pub fn on_opened(&mut self) -> Option<DecryptChange> {
        let was = std::mem::take(self);
        was.cannot.then_some(DecryptChange::Ok)
    }

    /// A frame could not be opened.
    pub fn on_failed(&mut self, now: Instant, failure: OpenFailure) -> Option<DecryptChange> {
        if failure == OpenFailure::Replayed {
            return None;
        }
        self.failures = self.failures.saturating_add(1);
        self.first_failure.get_or_insert(now);
        self.poll(now)
    }

    /// Looks at the time: the first failure may lie far enough back.
    pub fn poll(&mut self, now: Instant) -> Option<DecryptChange> {
        let long = self
            .first_failure
            .is_some_and(|first| now >= first + LONGEST);
        if self.cannot || self.failures < FAILURES && !long {
            return None;
        }
        self.cannot = true;
        Some(DecryptChange::CannotDecrypt)
    }

    /// When [`Self::poll`] has something to say.
    pub fn next_timeout(&self) -> Option<Instant> {
        if self.cannot {
            None
        } else {
            self.first_failure.map(|first| first + LONGEST)
        }
    }

    /// Whether frames cannot be opened at present.
    pub fn cannot_decrypt(&self) -> bool {
        self.cannot
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Instant = Instant::from_millis(1);

    #[test]
    fn three_failures_in_a_row_tell_and_one_success_takes_it_back() {
        let mut state = DecryptState::default();
        for _ in 0..10 {
            assert_eq!(state.on_failed(NOW, OpenFailure::Authentication), None);
            assert_eq!(state.on_failed(NOW, OpenFailure::UnknownKey), None);
            assert_eq!(state.on_opened(), None);
        }
        state.on_failed(NOW, OpenFailure::Authentication);
        state.on_failed(NOW, OpenFailure::Authentication);
        assert_eq!(
            state.on_failed(NOW, OpenFailure::Authentication),
            Some(DecryptChange::CannotDecrypt)
        );
        assert_eq!(state.on_failed(NOW, OpenFailure::Authentication), None);
        assert!(state.cannot_decrypt());
        assert_eq!(state.on_opened(), Some(DecryptChange::Ok));
    }

    #[test]
    fn half_a_second_of_only_failures_tells_too() {
        let mut state = DecryptState::default();
        state.on_failed(NOW, OpenFailure::UnknownKey);
        let due = state.next_timeout().unwrap();
        assert_eq!(due, NOW + LONGEST);
        assert_eq!(state.poll(due), Some(DecryptChange::CannotDecrypt));
    }

    #[test]
    fn replays_say_nothing_about_the_key() {
        let mut state = DecryptState::default();
        for _ in 0..100 {
            assert_eq!(state.on_failed(NOW, OpenFailure::Replayed), None);
        }
        assert_eq!(state.next_timeout(), None);
    }
}
