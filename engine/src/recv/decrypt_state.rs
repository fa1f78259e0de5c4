//! Whether a sender's frames can be opened, told with hysteresis.
//!
//! One frame that does not open is a damaged one. A row of frames whose key we have is a wrong key,
//! and people are to be told so instead of being shown a black tile. Frames of keys that we do not
//! have are part of every change in a group: those who join meet frames of the epoch before theirs,
//! and frames overtake the key that was made for them. They count once a change would be long over.

use std::time::Duration;

use crate::time::Instant;

/// Why the host could not open a frame. Engine and cryptography do not know each other, so these
/// are words for what the opener says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OpenFailure {
    /// Its encryption header does not parse.
    Malformed,
    /// Its key is none of those that we have: of an epoch that is over or on its way, or of a group
    /// that we are not in.
    UnknownKey,
    /// There are no keys at all, and it is known why. Says nothing about the sender.
    NoKeys,
    /// It was opened before. Says nothing about the key.
    Replayed,
    /// The opener had no time for it. Says nothing about the key.
    NotTried,
    /// The tag did not verify, under the key that should open it.
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
///
/// It tells [`DecryptChange::CannotDecrypt`] if, since a frame of the sender was last opened,
///
/// - three frames, or two that lie half a second apart, did not open with a key that should be
///   theirs ([`OpenFailure::Malformed`], [`OpenFailure::Authentication`],
///   [`OpenFailure::Unavailable`]); or
/// - frames under keys that we do not have ([`OpenFailure::UnknownKey`]) came for ten seconds,
///   never five seconds apart. The keys of an epoch are kept for as long after its end, so a sender
///   who is still not where we are is in another group.
///
/// The other failures say nothing, and neither does time alone: a sender who pauses is no failure.
/// One frame that opens takes everything back.
#[derive(Clone, Debug, Default)]
pub struct DecryptState {
    wrong: Option<Run>,
    unknown: Option<Run>,
    cannot: bool,
}

/// Failures without a frame that opened between them.
#[derive(Clone, Copy, Debug)]
struct Run {
    first: Instant,
    last: Instant,
    count: u32,
}

const WRONG_FRAMES: u32 = 3;
const WRONG_FOR: Duration = Duration::from_millis(500);
const UNKNOWN_FOR: Duration = Duration::from_secs(10);
const UNKNOWN_GAP: Duration = Duration::from_secs(5);

impl DecryptState {
    /// A frame was opened.
    pub fn on_opened(&mut self) -> Option<DecryptChange> {
        let was = std::mem::take(self);
        was.cannot.then_some(DecryptChange::Ok)
    }

    /// A frame could not be opened.
    pub fn on_failed(&mut self, now: Instant, failure: OpenFailure) -> Option<DecryptChange> {
        let tells = match failure {
            OpenFailure::Malformed | OpenFailure::Authentication | OpenFailure::Unavailable => {
                let run = Run::with(self.wrong, now);
                self.wrong = Some(run);
                run.count >= WRONG_FRAMES || now >= run.first + WRONG_FOR
            }
            OpenFailure::UnknownKey => {
                let goes_on = |run: &Run| now < run.last + UNKNOWN_GAP;
                let run = Run::with(self.unknown.filter(goes_on), now);
                self.unknown = Some(run);
                now >= run.first + UNKNOWN_FOR
            }
            OpenFailure::NoKeys => {
                // Whatever was unknown before, the group that it is compared with is gone.
                self.unknown = None;
                false
            }
            OpenFailure::Replayed | OpenFailure::NotTried => false,
        };
        if self.cannot || !tells {
            return None;
        }
        self.cannot = true;
        Some(DecryptChange::CannotDecrypt)
    }

    /// Whether frames cannot be opened at present.
    pub fn cannot_decrypt(&self) -> bool {
        self.cannot
    }
}

impl Run {
    fn with(before: Option<Self>, now: Instant) -> Self {
        Self {
            first: before.map_or(now, |run| run.first),
            last: now,
            count: before.map_or(0, |run| run.count).saturating_add(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Instant = Instant::from_millis(1);

    /// Feeds a failure every 20 ms, for so many; when it told, in milliseconds.
    fn told_after(state: &mut DecryptState, failure: OpenFailure, frames: u64) -> Option<u64> {
        (0..frames).map(|n| n * 20).find(|millis| {
            let now = NOW + Duration::from_millis(*millis);
            state.on_failed(now, failure).is_some()
        })
    }

    #[test]
    fn three_failures_in_a_row_tell_and_one_success_takes_it_back() {
        let mut state = DecryptState::default();
        for _ in 0..10 {
            assert_eq!(state.on_failed(NOW, OpenFailure::Authentication), None);
            assert_eq!(state.on_failed(NOW, OpenFailure::Malformed), None);
            assert_eq!(state.on_opened(), None);
        }
        assert_eq!(
            told_after(&mut state, OpenFailure::Authentication, 3),
            Some(40)
        );
        assert_eq!(state.on_failed(NOW, OpenFailure::Authentication), None);
        assert!(state.cannot_decrypt());
        assert_eq!(state.on_opened(), Some(DecryptChange::Ok));
    }

    #[test]
    fn a_second_failure_after_half_a_second_tells_and_one_alone_does_not() {
        let mut state = DecryptState::default();
        assert_eq!(state.on_failed(NOW, OpenFailure::Authentication), None);
        let told = state.on_failed(NOW + WRONG_FOR, OpenFailure::Authentication);
        assert_eq!(told, Some(DecryptChange::CannotDecrypt));
    }

    #[test]
    fn keys_that_we_do_not_have_are_told_after_ten_seconds_of_nothing_else() {
        let mut state = DecryptState::default();
        let told = told_after(&mut state, OpenFailure::UnknownKey, 1_000);
        assert_eq!(told, Some(10_000));

        let mut state = DecryptState::default();
        for second in (0..100).step_by(9) {
            let now = NOW + Duration::from_secs(second);
            assert_eq!(state.on_failed(now, OpenFailure::UnknownKey), None);
        }
        // A group that is gone in the middle of it.
        assert_eq!(told_after(&mut state, OpenFailure::UnknownKey, 490), None);
        state.on_failed(NOW, OpenFailure::NoKeys);
        assert_eq!(told_after(&mut state, OpenFailure::UnknownKey, 490), None);
    }

    #[test]
    fn what_says_nothing_about_the_key_does_not_count_and_hides_nothing() {
        for quiet in [
            OpenFailure::Replayed,
            OpenFailure::NotTried,
            OpenFailure::NoKeys,
        ] {
            let mut state = DecryptState::default();
            assert_eq!(told_after(&mut state, quiet, 1_000), None);
            state.on_failed(NOW, OpenFailure::Authentication);
            state.on_failed(NOW, quiet);
            state.on_failed(NOW, OpenFailure::Authentication);
            state.on_failed(NOW, quiet);
            let told = state.on_failed(NOW, OpenFailure::Authentication);
            assert_eq!(told, Some(DecryptChange::CannotDecrypt), "{quiet:?}");
        }
    }
}
