//! Whether reports are missing although something is sent: a path that is dead, or choked.

use core::time::Duration;

use crate::time::Instant;

/// Thirty reports are due in this time; that all were lost means a dead path even at 80 % loss.
const SILENCE: Duration = Duration::from_millis(1_500);
const SILENCE_AGAIN: Duration = Duration::from_millis(1_000);
/// Sending on for so long in silence, ten reports were owed.
const WORTH_A_REPORT: Duration = Duration::from_millis(500);

/// Since when no report has come.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Silence {
    since: Option<Instant>,
    last_sent: Instant,
}

impl Silence {
    /// A packet goes out. After a pause of the sender, silence is counted from here.
    pub(super) fn on_sent(&mut self, now: Instant) {
        if self.since.is_none() || now - self.last_sent > WORTH_A_REPORT {
            self.since = Some(now);
        }
        self.last_sent = now;
    }

    /// A report came.
    pub(super) fn on_report(&mut self, now: Instant) {
        self.since = Some(now);
    }

    /// The rate was lowered because of the silence; it is noticed again sooner.
    pub(super) fn on_noticed(&mut self, now: Instant) {
        self.since = Some(now - (SILENCE - SILENCE_AGAIN));
    }

    /// When the silence is long enough to lower the rate; `None` if no report is owed, because
    /// nothing is sent. `loss` is the share of packets that the path loses without any queue: where
    /// most is lost, most reports are too.
    pub(super) fn due(&self, loss: f64) -> Option<Instant> {
        let patience = SILENCE.mul_f64(1.0 + 2.0 * loss);
        let since = self.since?;
        (self.last_sent >= since + WORTH_A_REPORT).then_some(since + patience)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Instant {
        Instant::from_millis(ms)
    }

    #[test]
    fn silence_counts_only_while_something_is_sent() {
        let mut silence = Silence::default();
        assert_eq!(silence.due(0.0), None);
        silence.on_sent(at(0));
        silence.on_sent(at(400));
        assert_eq!(silence.due(0.0), None, "no report is owed yet");
        silence.on_sent(at(600));
        assert_eq!(silence.due(0.0), Some(at(1_500)));
        assert_eq!(silence.due(0.5), Some(at(3_000)), "reports get lost too");
        silence.on_sent(at(5_000));
        assert_eq!(silence.due(0.0), None, "it begins after the pause");
    }

    #[test]
    fn a_report_ends_it_and_the_second_notice_comes_sooner() {
        let mut silence = Silence::default();
        for ms in (0..1_500).step_by(100) {
            silence.on_sent(at(ms));
        }
        silence.on_noticed(at(1_500));
        for ms in (1_500..2_500).step_by(100) {
            silence.on_sent(at(ms));
        }
        assert_eq!(silence.due(0.0), Some(at(2_500)));
        silence.on_report(at(2_400));
        assert_eq!(silence.due(0.0), None);
    }
}
