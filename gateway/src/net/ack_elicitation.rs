//! What keeps a browser's QUIC sending where it loses much.
//!
//! Below our rate control a browser has one of its own, which takes loss for congestion: after loss
//! it sends some four packets and waits until it hears what became of them. If all got lost it
//! hears nothing, since nothing came that could be acknowledged, until its probe timeout ends, each
//! time after twice as long (RFC 9002 §6.2.1). Measured in Chromium at 70 % loss: four sessions let
//! through a fifth of what they do with answers. So
//!
//! - who loses much is sent next to nothing all the time. The browser must acknowledge that; its
//!   acknowledgement, which no window holds back, has a number above those of the packets before;
//!   ours for it tells that those are lost, and makes room for others;
//! - short packets, which acknowledgements are, go out several times ([`super::lossy_paths`]).
//!
//! What the path loses up is taken for what it loses down: who loses nothing on the way up is held
//! back by nothing. Where a queue stands what is lost is what had no room, and there are no answers
//! to make it longer.

use std::{sync::LazyLock, time::Duration};

use smrtc_engine::wire::ping::Pong;
use tokio::time::{Instant, Interval, MissedTickBehavior};

use crate::forward::Datagram;

/// With less loss, reports thirty times a second do.
const NEEDED_LOSS: f64 = 0.3;

/// From here on as many as there may be are needed.
const MOST_LOSS: f64 = 0.5;

const INTERVAL: Duration = Duration::from_millis(10);

/// So much must have been lost for so long without a queue: what a path that narrows has no room
/// for is soon lost no more, and answers would fill it.
const STEADY: Duration = Duration::from_secs(2);
const QUEUE_NOTICED: Duration = Duration::from_millis(150);

/// Nothing to report for so long: nothing is sent, or next to nothing gets through.
const AFTER_REPORT: Duration = Duration::from_secs(2);

/// No more lanes of a participant are answered at once: a thousand packets a second in all, of 60
/// to 150 bytes.
const MOST_AT_ONCE: f64 = 10.0;

/// When to answer a participant.
#[derive(Debug)]
pub(super) struct AckElicitation {
    loss: f64,
    /// No answers before.
    from: Instant,
    until: Instant,
    interval: Interval,
    /// Answers have been given, and their end is still to be told.
    given: bool,
}

impl AckElicitation {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        let mut interval = tokio::time::interval(INTERVAL);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            loss: 0.0,
            from: now,
            until: now,
            interval,
            given: false,
        }
    }

    /// Takes what was reported of what came lately: the share, 0 to 1, that got lost, and by how
    /// much the round trip is longer than the least.
    pub(super) fn on_report(&mut self, loss: f64, queue: Duration) {
        let now = Instant::now();
        self.loss = loss;
        self.until = now + AFTER_REPORT;
        if loss < NEEDED_LOSS || queue > QUEUE_NOTICED {
            self.from = now + STEADY;
        }
    }

    /// Waits until it is time for answers, and says what share gets lost; `None` once when there
    /// are to be no more. May be cancelled.
    pub(super) async fn due(&mut self) -> Option<f64> {
        if (self.from..self.until).contains(&Instant::now()) {
            self.interval.tick().await;
            self.given = true;
            return Some(self.loss);
        }
        if !std::mem::take(&mut self.given) {
            std::future::pending::<()>().await;
        }
        None
    }
}

/// How many lanes to answer on at once where the share `loss`, 0 to 1, is lost.
pub(super) fn lanes_at_once(loss: f64) -> usize {
    let share = (loss - NEEDED_LOSS) / (MOST_LOSS - NEEDED_LOSS);
    (share * MOST_AT_ONCE).ceil().clamp(1.0, MOST_AT_ONCE) as usize
}

/// Something to acknowledge that says nothing: the answer to a ping that nobody sent.
pub(super) static ACK_ELICITING: LazyLock<Datagram> = LazyLock::new(|| {
    let mut bytes = Vec::new();
    Pong { token: 0 }.encode(&mut bytes);
    Datagram::copy_of(&bytes)
});

#[cfg(test)]
mod tests {
    use tokio::time::{sleep, timeout};

    use super::*;

    const NO_QUEUE: Duration = Duration::ZERO;

    /// Reports thirty times a second, and counts the answers and the ends of acks in the
    /// meantime.
    async fn reported(
        acks: &mut AckElicitation,
        lasting: Duration,
        loss: f64,
        queue: Duration,
    ) -> (usize, usize) {
        let (mut answers, mut ends) = (0, 0);
        let end = Instant::now() + lasting;
        while Instant::now() < end {
            acks.on_report(loss, queue);
            let next = Instant::now() + Duration::from_secs(1) / 30;
            while let Ok(due) = tokio::time::timeout_at(next, acks.due()).await {
                match due {
                    Some(share) => {
                        assert_eq!(share, loss);
                        answers += 1;
                    }
                    None => ends += 1,
                }
            }
        }
        (answers, ends)
    }

    #[tokio::test(start_paused = true)]
    async fn answers_begin_when_much_is_lost_for_long_and_end_with_it() {
        let mut acks = AckElicitation::new();
        let begun = reported(&mut acks, STEADY, 0.0, NO_QUEUE).await;
        assert_eq!(begun, (0, 0), "nothing is lost");
        let begun = reported(&mut acks, STEADY * 9 / 10, 0.7, NO_QUEUE).await;
        assert_eq!(begun, (0, 0), "not for long");
        let (answers, ends) = reported(&mut acks, Duration::from_secs(10), 0.7, NO_QUEUE).await;
        assert!((950..=1_001).contains(&answers), "{answers} in ten seconds");
        assert_eq!(ends, 0);
        let after = reported(&mut acks, STEADY, 0.1, NO_QUEUE).await;
        assert_eq!(after, (0, 1), "the end is told once");
    }

    #[tokio::test(start_paused = true)]
    async fn a_queue_stops_answers_and_holds_them_back() {
        let mut acks = AckElicitation::new();
        reported(&mut acks, STEADY, 0.7, NO_QUEUE).await;
        let (answers, _) = reported(&mut acks, STEADY, 0.7, NO_QUEUE).await;
        assert!(answers > 100, "{answers}");
        let queued = reported(&mut acks, STEADY * 2, 0.7, QUEUE_NOTICED * 2).await;
        assert_eq!(queued, (0, 1), "what is lost had no room");
        let drained = reported(&mut acks, STEADY * 9 / 10, 0.7, NO_QUEUE).await;
        assert_eq!(drained, (0, 0), "not at once");
        let (answers, _) = reported(&mut acks, STEADY, 0.7, NO_QUEUE).await;
        assert!(answers > 100, "{answers}");
    }

    #[tokio::test(start_paused = true)]
    async fn who_sends_nothing_is_answered_no_more() {
        let mut acks = AckElicitation::new();
        reported(&mut acks, STEADY * 2, 0.7, NO_QUEUE).await;
        sleep(AFTER_REPORT).await;
        assert_eq!(acks.due().await, None);
        let more = timeout(Duration::from_secs(60), acks.due()).await;
        assert!(more.is_err(), "{more:?}");
    }

    #[test]
    fn more_lanes_are_answered_on_where_more_is_lost() {
        let of = |loss| lanes_at_once(f64::from(loss) / 100.0);
        assert_eq!([30, 35, 50, 90].map(of), [1, 3, 10, 10]);
    }
}
