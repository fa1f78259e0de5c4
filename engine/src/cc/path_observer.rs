//! What reports say of the path: the same for every controller, which differ in what they make of
//! it.

use core::time::Duration;

use super::delivery::{DeliveryRate, LossRate};
use super::history::{History, Outcome};
use super::probe::ProbeMeter;
use super::queue_delay::QueueDelay;
use super::{PathEstimate, SentPacket};
use crate::time::{Bitrate, Instant};
use crate::wire::feedback::Feedback;

/// Losses with a queue of this length are taken for the queue's overflow.
pub(super) const QUEUE_BEHIND_LOSS: Duration = Duration::from_millis(15);
/// A loss reported this long after a queue stood may still be the overflow of that queue.
const QUEUE_FORGOTTEN: Duration = Duration::from_millis(300);
/// Reports are so far apart, with few packets more.
const REPORT_INTERVAL: Duration = Duration::from_millis(60);
/// The span that [`PathEstimate::delivered`] is measured over.
const DELIVERED_SPAN: Duration = Duration::from_millis(500);

#[derive(Debug, Default)]
pub(super) struct PathObserver {
    pub(super) history: History,
    pub(super) probes: ProbeMeter,
    /// What the last burst has shown, until it is asked for.
    pub(super) probed: Option<Bitrate>,
    pub(super) queue: QueueDelay,
    pub(super) delivery: DeliveryRate,
    /// What went out, by when.
    pub(super) sent: DeliveryRate,
    pub(super) losses: LossRate,
    /// Those that no queue explains.
    pub(super) random: LossRate,
    /// When a queue stood for the last time.
    last_queue: Option<Instant>,
    pub(super) rtt: Option<Duration>,
    packets_lost: u64,
    packets_received: u64,
    overflowed_bytes: u64,
}

impl PathObserver {
    pub(super) fn on_sent(&mut self, now: Instant, packet: SentPacket) {
        self.history.on_sent(now, packet);
        self.sent.on_packet(now.as_micros() as i64, packet.bytes);
    }

    /// What a report has told; none if nothing new. While `draining`, the queue that is drained
    /// counts as standing.
    pub(super) fn on_feedback(
        &mut self,
        now: Instant,
        feedback: &Feedback<'_>,
        draining: bool,
    ) -> Option<Outcome> {
        let outcome = self.history.on_feedback(now, feedback);
        self.rtt = outcome.rtt.or(self.rtt);
        if let Some(rate) = self.probes.on_report(now, &outcome.acked) {
            self.probed = Some(rate);
        }
        let acked = outcome.acked.len() as u64;
        self.losses
            .on_report(now, acked, outcome.lost, outcome.recovered);
        self.packets_received += acked;
        self.packets_lost = (self.packets_lost + outcome.lost).saturating_sub(outcome.recovered);
        if acked == 0 && outcome.lost == 0 {
            return None;
        }
        for packet in &outcome.acked {
            self.delivery.on_packet(packet.arrival, packet.bytes);
            if !packet.ambiguous {
                self.queue.on_packet(packet.sent_at, packet.arrival);
            }
        }
        if draining || self.queue.standing() >= QUEUE_BEHIND_LOSS {
            self.last_queue = Some(now);
        }
        if self.last_queue.is_none_or(|at| now - at > QUEUE_FORGOTTEN) {
            self.random
                .on_report(now, acked, outcome.lost, outcome.recovered);
            self.random.on_runs(outcome.lost, outcome.runs);
        } else {
            self.overflowed_bytes += outcome.lost_bytes;
        }
        Some(outcome)
    }

    /// What was sent for what came: the delivered rate, and with it what is lost without any queue.
    pub(super) fn sendable(&self, span: Duration) -> Bitrate {
        self.delivery.over(span) * (1.0 / (1.0 - self.random.settled_share().min(0.95)))
    }

    /// How long a packet sent now would stand in the queue, if the path bears `rate`: what is on
    /// its way takes its time, whatever is reported of it yet.
    pub(super) fn queue_ahead(&self, rate: Bitrate) -> Duration {
        let known = self.queue.longest();
        if rate == Bitrate::ZERO {
            return known;
        }
        let empty = self.rtt.unwrap_or_default().saturating_sub(known) + REPORT_INTERVAL;
        let outstanding = rate.time_for(self.history.outstanding_bytes());
        outstanding.saturating_sub(empty).max(known)
    }

    pub(super) fn estimate(&self) -> PathEstimate {
        PathEstimate {
            rtt: self.rtt,
            queue_delay: self.queue.standing(),
            loss: self.losses.share(),
            random_loss: self.random.settled_share(),
            burst: self.random.burst(),
            delivered: self.delivery.over(DELIVERED_SPAN),
            packets_lost: self.packets_lost,
            packets_received: self.packets_received,
            overflowed_bytes: self.overflowed_bytes,
        }
    }
}
