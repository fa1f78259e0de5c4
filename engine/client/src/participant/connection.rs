//! Where a participant stands between its two transports, and when it tries again.

use std::time::Duration;

use smrtc_engine::time::Instant;
use smrtc_engine::wire::CloseCode;

/// The state of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Connection {
    /// The pause before the next attempt.
    Waiting { until: Instant, failures: u32 },
    /// The host dials, or Join is on its way.
    Joining { failures: u32 },
    /// In the room; the downlink may still be on its way.
    Joined { id: u32 },
    /// Over for good.
    Ended,
}

/// What follows from a loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Loss {
    /// Nothing: there was no connection.
    None,
    /// Another attempt after a pause.
    Pause,
    /// The end.
    End,
}

impl Connection {
    /// One that dials at once.
    pub(super) fn new() -> Self {
        Self::Waiting {
            until: Instant::ZERO,
            failures: 0,
        }
    }

    /// Begins an attempt if its time has come; whether it did.
    pub(super) fn dials(&mut self, now: Instant) -> bool {
        match *self {
            Self::Waiting { until, failures } if until <= now => {
                *self = Self::Joining { failures };
                true
            }
            _ => false,
        }
    }

    /// When the next attempt begins.
    pub(super) fn deadline(self) -> Instant {
        match self {
            Self::Waiting { until, .. } => until,
            _ => Instant::FAR_FUTURE,
        }
    }

    /// A transport is gone, or the gateway does not answer.
    pub(super) fn lose(&mut self, now: Instant, code: Option<CloseCode>) -> Loss {
        let failures = match *self {
            Self::Joining { failures } => failures + 1,
            Self::Joined { .. } => 0,
            Self::Waiting { .. } | Self::Ended => return Loss::None,
        };
        if code.is_some_and(is_final) {
            return Loss::End;
        }
        let pause = FIRST_PAUSE * 2_u32.pow(failures.min(MAX_DOUBLINGS));
        *self = Self::Waiting {
            until: now + pause,
            failures,
        };
        Loss::Pause
    }
}

/// Whether a session that was closed with this code would be closed again: another takes its place,
/// or ours was at fault.
fn is_final(code: CloseCode) -> bool {
    !matches!(
        code,
        CloseCode::TimedOut
            | CloseCode::TicketInvalid
            | CloseCode::TooMany
            | CloseCode::Internal
            | CloseCode::Unavailable
    )
}

const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// The longest pause is 1.6 s: whoever comes back is back within two seconds of the gateway.
const MAX_DOUBLINGS: u32 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_come_ever_more_rarely_and_at_least_every_other_second() {
        let mut connection = Connection::new();
        let mut now = Instant::ZERO;
        let mut pauses = Vec::new();
        for _ in 0..6 {
            assert!(connection.dials(now));
            assert_eq!(connection.lose(now, None), Loss::Pause);
            assert!(!connection.dials(now));
            let at = connection.deadline();
            pauses.push((at - now).as_millis());
            now = at;
        }
        assert_eq!(pauses, [400, 800, 1_600, 1_600, 1_600, 1_600]);
    }

    #[test]
    fn a_refusal_that_would_come_again_is_the_end_and_a_gateway_that_is_full_is_not() {
        let after = |code| {
            let mut connection = Connection::Joined { id: 7 };
            connection.lose(Instant::ZERO, code)
        };
        for code in [
            CloseCode::Replaced,
            CloseCode::TokenExpired,
            CloseCode::Malformed,
        ] {
            assert_eq!(after(Some(code)), Loss::End);
        }
        assert_eq!(after(Some(CloseCode::Unavailable)), Loss::Pause);
        assert_eq!(after(None), Loss::Pause);
        let mut waiting = Connection::new();
        assert_eq!(waiting.lose(Instant::ZERO, None), Loss::None);
    }
}
