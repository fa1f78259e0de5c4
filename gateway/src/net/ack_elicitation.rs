//! Datagrams to publishers with heavy loss, so that their browser's QUIC keeps sending.
//!
//! Below our rate control a browser has QUIC's congestion control, which takes loss for
//! congestion. After a loss it sends about four packets and waits for their acknowledgement. If
//! all four are lost, nothing arrives that could be acknowledged, and it waits for its probe
//! timeout, twice as long each time (RFC 9002 §6.2.1). Measured in Chromium at 70 % loss: four
//! sessions carry a fifth of what they carry with the datagrams that this module times. So
//!
//! - a publisher with heavy loss gets a small datagram every few milliseconds, which its browser
//!   must acknowledge. No congestion window holds an acknowledgement back, and it has a number
//!   above those of the packets before. Our acknowledgement of it therefore tells the browser that
//!   those packets are lost, which makes room in its window for new ones;
//! - short packets, as acknowledgements are, go out several times
//!   ([`super::duplication`]).
//!
//! The loss towards the gateway is taken for the loss away from it: without loss towards the
//! gateway nothing holds the browser back. Where a queue stands on the path, packets are lost for
//! want of room, and no datagrams are sent that would make the queue longer.

use std::{sync::LazyLock, time::Duration};

use smrtc_engine::wire::ping::Pong;
use tokio::time::Instant;

use crate::forward::Datagram;

/// Below this loss the reports, thirty a second, elicit enough acknowledgements.
const NEEDED_LOSS: f64 = 0.3;

/// From this loss on, [`MOST_AT_ONCE`] lanes are used.
const MOST_LOSS: f64 = 0.5;

const INTERVAL: Duration = Duration::from_millis(10);

/// How long heavy loss must last, without a queue, before datagrams are sent. On a path that
/// narrows, the loss ends as soon as the publisher sends less, and datagrams would fill the path.
const STEADY: Duration = Duration::from_secs(2);

/// A round trip longer than the shortest by more than this shows a queue.
const QUEUE_NOTICED: Duration = Duration::from_millis(150);

/// How long after the last report datagrams go on: with nothing to report, the publisher sends
/// nothing, or hardly anything arrives.
const AFTER_REPORT: Duration = Duration::from_secs(2);

/// Most lanes of a participant that get a datagram at once: in all a thousand packets a second, of
/// 60 to 150 bytes.
const MOST_AT_ONCE: f64 = 10.0;

/// When to send a publisher datagrams that it must acknowledge. The caller waits for
/// [`Self::deadline`] and then calls [`Self::poll`].
#[derive(Debug)]
pub(super) struct AckElicitation {
    loss: f64,
    /// Datagrams are sent from here on ...
    from: Instant,
    /// ... and until here.
    until: Instant,
    /// Not before this, so that they are [`INTERVAL`] apart.
    next: Instant,
    /// Datagrams have been sent, and their end is still to be reported.
    active: bool,
}

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Elicit {
    /// Send a datagram; this share, 0 to 1, of the publisher's packets gets lost.
    Send { loss: f64 },
    /// No more datagrams are sent for now.
    Stop,
}

impl AckElicitation {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self {
            loss: 0.0,
            from: now,
            until: now,
            next: now,
            active: false,
        }
    }

    /// Takes in what a report says of the last packets: the share, 0 to 1, that got lost, and by
    /// how much the round trip is longer than the shortest.
    pub(super) fn on_report(&mut self, loss: f64, queue: Duration) {
        let now = Instant::now();
        self.loss = loss;
        self.until = now + AFTER_REPORT;
        if loss < NEEDED_LOSS || queue > QUEUE_NOTICED {
            self.from = now + STEADY;
        }
    }

    /// When to call [`Self::poll`]; `None` before the next report.
    pub(super) fn deadline(&self) -> Option<Instant> {
        if self.active {
            return Some(self.next);
        }
        let start = self.from.max(self.next);
        (start < self.until).then_some(start)
    }

    /// What is due at `now`.
    pub(super) fn poll(&mut self, now: Instant) -> Option<Elicit> {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return None;
        }
        self.next = now;
        if (self.from..self.until).contains(&now) {
            self.next += INTERVAL;
            self.active = true;
            return Some(Elicit::Send { loss: self.loss });
        }
        std::mem::take(&mut self.active).then_some(Elicit::Stop)
    }
}

/// How many lanes get a datagram at once where the share `loss`, 0 to 1, is lost.
pub(super) fn lanes_at_once(loss: f64) -> usize {
    let share = (loss - NEEDED_LOSS) / (MOST_LOSS - NEEDED_LOSS);
    (share * MOST_AT_ONCE).ceil().clamp(1.0, MOST_AT_ONCE) as usize
}

/// A datagram that must be acknowledged and says nothing: the answer to a ping that nobody sent.
pub(super) static ACK_ELICITING: LazyLock<Datagram> = LazyLock::new(|| {
    let mut bytes = Vec::new();
    Pong { token: 0 }.encode(&mut bytes);
    Datagram::copy_of(&bytes)
});

#[cfg(test)]
mod tests {
    use tokio::time::{sleep, sleep_until, timeout};

    use super::*;

    const NO_QUEUE: Duration = Duration::ZERO;

    /// Waits as a session does, and takes what is due.
    async fn due(acks: &mut AckElicitation) -> Elicit {
        loop {
            match acks.deadline() {
                Some(deadline) => sleep_until(deadline).await,
                None => std::future::pending().await,
            }
            if let Some(due) = acks.poll(Instant::now()) {
                return due;
            }
        }
    }

    /// Reports thirty times a second, and counts the datagrams and the stops in the meantime.
    async fn reported(
        acks: &mut AckElicitation,
        lasting: Duration,
        loss: f64,
        queue: Duration,
    ) -> (usize, usize) {
        let (mut sent, mut stops) = (0, 0);
        let end = Instant::now() + lasting;
        while Instant::now() < end {
            acks.on_report(loss, queue);
            let next = Instant::now() + Duration::from_secs(1) / 30;
            while let Ok(step) = tokio::time::timeout_at(next, due(acks)).await {
                match step {
                    Elicit::Send { loss: share } => {
                        assert_eq!(share, loss);
                        sent += 1;
                    }
                    Elicit::Stop => stops += 1,
                }
            }
        }
        (sent, stops)
    }

    #[tokio::test(start_paused = true)]
    async fn datagrams_begin_after_lasting_heavy_loss_and_stop_when_it_ends() {
        let mut acks = AckElicitation::new();
        let begun = reported(&mut acks, STEADY, 0.0, NO_QUEUE).await;
        assert_eq!(begun, (0, 0), "nothing is lost");
        let begun = reported(&mut acks, STEADY * 9 / 10, 0.7, NO_QUEUE).await;
        assert_eq!(begun, (0, 0), "not for long");
        let (sent, stops) = reported(&mut acks, Duration::from_secs(10), 0.7, NO_QUEUE).await;
        assert!((950..=1_001).contains(&sent), "{sent} in ten seconds");
        assert_eq!(stops, 0);
        let after = reported(&mut acks, STEADY, 0.1, NO_QUEUE).await;
        assert_eq!(after, (0, 1), "the stop is reported once");
    }

    #[tokio::test(start_paused = true)]
    async fn a_queue_stops_datagrams_and_delays_the_next() {
        let mut acks = AckElicitation::new();
        reported(&mut acks, STEADY, 0.7, NO_QUEUE).await;
        let (sent, _) = reported(&mut acks, STEADY, 0.7, NO_QUEUE).await;
        assert!(sent > 100, "{sent}");
        let queued = reported(&mut acks, STEADY * 2, 0.7, QUEUE_NOTICED * 2).await;
        assert_eq!(
            queued,
            (0, 1),
            "a queue means that packets were lost for want of room"
        );
        let drained = reported(&mut acks, STEADY * 9 / 10, 0.7, NO_QUEUE).await;
        assert_eq!(drained, (0, 0), "not at once");
        let (sent, _) = reported(&mut acks, STEADY, 0.7, NO_QUEUE).await;
        assert!(sent > 100, "{sent}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_publisher_that_sends_nothing_gets_no_more_datagrams() {
        let mut acks = AckElicitation::new();
        reported(&mut acks, STEADY * 2, 0.7, NO_QUEUE).await;
        sleep(AFTER_REPORT).await;
        assert_eq!(due(&mut acks).await, Elicit::Stop);
        let more = timeout(Duration::from_secs(60), due(&mut acks)).await;
        assert!(more.is_err(), "{more:?}");
    }

    #[test]
    fn more_loss_uses_more_lanes() {
        let of = |loss| lanes_at_once(f64::from(loss) / 100.0);
        assert_eq!([30, 35, 50, 90].map(of), [1, 3, 10, 10]);
    }
}
