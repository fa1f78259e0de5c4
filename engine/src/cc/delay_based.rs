//! A controller from delay, with loss believed only where delay confirms it.
//!
//! - Overuse is the trendline detector of Google congestion control ([`super::trendline`]) *and* a
//!   standing queue; the increase between is multiplicative far from the last known capacity and
//!   additive near it (draft-ietf-rmcat-gcc-02 §5.5; libwebrtc `aimd_rate_control.cc`).
//! - After overuse the queue is drained at once: the rate goes below the delivered rate by so much
//!   that the queue, and what is on its way to it and not reported yet, is gone in about half a
//!   second, then back near the capacity measured meanwhile. Google's controller only goes to 85 %
//!   and leaves a second of queue standing for five.
//! - A queue that grows while it is drained, or overflows, is a path that has narrowed again, and
//!   not a longer way.
//! - A path, or a machine at its ends, may stand still for a moment, and what comes then looks like
//!   a narrow path in one report. So the first cut is by the mean of 250 ms, only the next report
//!   makes it deeper, and what was held up counts when it comes. Who sends far less than is
//!   allowed, and gets it through, did not make the queue: the target goes down by 15 %, not to
//!   what is sent.
//! - It starts fast: the rate doubles in a second until the first overuse, as far as there is
//!   something to send.
//! - Loss counts only above 10 % and only while a queue stands. Loss alone is the radio's, and
//!   halving the rate does not make a radio lose less. A policer that drops without ever queueing
//!   is therefore not seen.
//!
//! It sends nothing of its own to find out more than the application sends; what a burst of the
//! host's has shown is believed ([`super::Probe`]), and the queue that it makes is not taken for
//! overuse.

mod silence;

use core::time::Duration;

use self::silence::Silence;
use super::path_observer::{PathObserver, QUEUE_BEHIND_LOSS};
use super::trendline::{Trendline, Usage};
use super::{CongestionConfig, CongestionController, Pacing, PathEstimate, Probe, SentPacket};
use crate::time::{Bitrate, Instant};
use crate::wire::feedback::Feedback;

/// A delay below this, above the base delay, is the path's own unevenness.
const QUEUE_NOTICED: Duration = Duration::from_millis(10);
/// A queue like this is drained even if it has stopped growing.
const QUEUE_TOO_LONG: Duration = Duration::from_millis(120);
/// With so much delay in what came latest, and so much less delivered than in the second before,
/// the path has narrowed.
const QUEUE_GROWN: Duration = Duration::from_millis(50);
const NARROWED: f64 = 0.5;
/// The capacity is what comes through over so long.
const CAPACITY_SPAN: Duration = Duration::from_millis(250);
const NARROWED_SPAN: Duration = Duration::from_millis(120);
const BEFORE_SPAN: Duration = Duration::from_millis(1_000);
/// The span over which the sent rate is compared with the delivered one.
const SENT_SPAN: Duration = Duration::from_millis(500);
/// The path was tried if this share of the target was sent ...
const TRIED: f64 = 0.4;
/// ... or if less than this share of what was sent came through.
const LESS_CAME: f64 = 0.6;
const LOSS_NOTICED: f64 = 0.10;
const BACKOFF: f64 = 0.85;
const LEAST_DRAIN: f64 = 0.25;
/// Draining is given up after this time, or after three times the delay to drain: once for it to
/// go, half as much again because audio goes on, and once for the reports to have come through it.
const LONGEST_DRAIN: Duration = Duration::from_millis(1_500);
/// Share of the capacity measured while draining that is used after it.
const AFTER_DRAIN: f64 = 0.88;
/// Near: within this share of the last known capacity.
const NEAR_CAPACITY: f64 = 0.15;
/// libwebrtc's 8 % for each second, and more when all has been well for three.
const GROWTH_PER_SECOND: f64 = 1.08;
const LATE_GROWTH_PER_SECOND: f64 = 1.35;
/// The same while nothing is known of the capacity, because more came through than it was: a path
/// that was narrow and is wide again.
const FREE_GROWTH_PER_SECOND: f64 = 1.7;
const LATE_GROWTH_AFTER: Duration = Duration::from_secs(3);
const START_GROWTH_PER_SECOND: f64 = 2.0;
/// The rate does not run further ahead of what is delivered than this, since nothing would prove it
/// (libwebrtc: 1.5 × + 10 kbit/s).
const AHEAD_OF_DELIVERED: f64 = 1.5;
const AHEAD_OF_DELIVERED_MARGIN: Bitrate = Bitrate::from_kbps(50);
const PACKET_BITS: f64 = 1_150.0 * 8.0;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Phase {
    /// Nothing is known of the capacity yet.
    Start,
    /// Growing, carefully.
    Increase,
    /// Sending less than gets through until the queue is gone.
    Drain(Drain),
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Drain {
    since: Instant,
    /// The longest queue seen since.
    queue: Duration,
    /// How long it was to become, by the packets on their way when this began.
    ahead: Duration,
    /// Whether a report has told of something sent since.
    answered: bool,
}

/// See the module's documentation.
#[derive(Debug)]
pub struct DelayBasedController {
    config: CongestionConfig,
    observed: PathObserver,
    trendline: Trendline,
    phase: Phase,
    target: Bitrate,
    /// The delivered rate at the last overuse or while draining after it.
    capacity: Option<Bitrate>,
    last_update: Option<Instant>,
    last_backoff: Instant,
    silence: Silence,
}

impl DelayBasedController {
    /// One that knows nothing of the path.
    pub fn new(config: CongestionConfig) -> Self {
        Self {
            config,
            observed: PathObserver::default(),
            trendline: Trendline::new(),
            phase: Phase::Start,
            target: config.start.clamp(config.min, config.max),
            capacity: None,
            last_update: None,
            last_backoff: Instant::ZERO,
            silence: Silence::default(),
        }
    }

    fn set_target(&mut self, target: Bitrate) {
        self.target = target.clamp(self.config.min, self.config.max);
    }

    /// How long a change of rate takes to show in a report.
    fn response_time(&self) -> Duration {
        self.observed.rtt.unwrap_or(Duration::from_millis(100)) + Duration::from_millis(100)
    }

    fn decide(&mut self, now: Instant) {
        if let Phase::Drain(drain) = self.phase {
            self.drain(now, drain);
            return;
        }
        let standing = self.observed.queue.standing();
        let usage = self.trendline.usage();
        let settled = now - self.last_backoff >= self.response_time();
        let growing = usage == Usage::Over && standing >= QUEUE_NOTICED;
        let overflowing =
            self.observed.losses.share() > LOSS_NOTICED && standing >= QUEUE_BEHIND_LOSS;
        let too_much = growing || overflowing || standing >= QUEUE_TOO_LONG;
        if (settled && too_much) || self.has_narrowed() {
            self.give_way(now, settled);
        } else if usage == Usage::Normal && standing < QUEUE_TOO_LONG / 2 {
            self.increase(now);
        }
    }

    /// Whether the path has narrowed to less than half. That fills its queue before the trendline,
    /// which waits for frames that come ever more slowly, and the fastest packet of 200 ms know of
    /// it.
    fn has_narrowed(&self) -> bool {
        let delivery = &self.observed.delivery;
        // A sender that sent less for a while cannot have more delivered.
        let before = delivery
            .over(BEFORE_SPAN)
            .min(self.observed.sent.over(SENT_SPAN));
        self.observed.queue.latest() >= QUEUE_GROWN
            && delivery.over(NARROWED_SPAN) < before * NARROWED
    }

    /// Whether more gets lost than did while no queue stood.
    fn loses_more(&self) -> bool {
        self.observed.losses.share() > self.observed.random.settled_share() + LOSS_NOTICED
    }

    /// Whether the path was tried with the target: about as much went out, or far less came through
    /// than went out. Otherwise all got through of the little that there was, and that says nothing
    /// of how much the path bears.
    fn is_tried(&self) -> bool {
        let sent = self.observed.sent.over(BEFORE_SPAN);
        sent > self.target * TRIED || self.observed.sendable(BEFORE_SPAN) < sent * LESS_CAME
    }

    /// Lowers the target. `settled`: what was changed last shows in reports.
    fn give_way(&mut self, now: Instant, settled: bool) {
        if self.is_tried() {
            self.back_off(now);
        } else if settled {
            // The queue is not ours: other traffic made it, or a machine that is busy.
            self.last_backoff = now;
            self.set_target(self.target * BACKOFF);
        }
    }

    fn back_off(&mut self, now: Instant) {
        self.last_backoff = now;
        let ahead = self.cut(false);
        self.phase = Phase::Drain(Drain {
            since: now,
            queue: self.observed.queue.longest(),
            ahead,
            answered: false,
        });
    }

    /// Measures the capacity while a queue stands, and lowers the target so that the queue drains.
    /// `confirmed`: an earlier report said the same. Returns how long the queue is, with what is on
    /// its way.
    fn cut(&mut self, confirmed: bool) -> Duration {
        // A short span, since the longer one still holds what came before the path narrowed.
        let capacity = self.sendable(CAPACITY_SPAN);
        self.capacity = Some(capacity);
        // A path that stands still for a moment looks narrow too, but only in one report.
        let latest = if confirmed && self.has_narrowed() {
            self.sendable(NARROWED_SPAN)
        } else {
            capacity
        };
        let ahead = self.observed.queue_ahead(latest);
        self.set_target(self.target.min(latest * drain_share(ahead)));
        ahead
    }

    /// The sent rate that belongs to the rate delivered lately; the target if that is not known.
    fn sendable(&self, span: Duration) -> Bitrate {
        match self.observed.sendable(span) {
            Bitrate::ZERO => self.target,
            rate => rate,
        }
    }

    fn drain(&mut self, now: Instant, drain: Drain) {
        let Drain {
            since,
            queue,
            ahead,
            answered,
        } = drain;
        let standing = self.observed.queue.standing();
        let waited = now - since;
        let responded = waited >= self.response_time();
        // What is sent is less than came through when this began: a queue that still grows says
        // that the path has narrowed since.
        if responded && self.observed.queue.latest() > queue.max(ahead) + QUEUE_GROWN {
            self.back_off(now);
            return;
        }
        let queue = queue.max(standing);
        let before = self.observed.history.newest_sent_at() <= Some(since);
        self.phase = Phase::Drain(Drain {
            queue,
            answered: !before,
            ..drain
        });
        // What was sent before the rate was cut came as fast as the path lets it: the longer one
        // looks, the less of it is from before the path narrowed.
        if before && standing >= QUEUE_NOTICED {
            self.cut(true);
        } else if !answered {
            // After a moment's standstill everything comes at once.
            self.capacity = self.capacity.max(Some(self.sendable(CAPACITY_SPAN)));
        }
        let drained = standing < QUEUE_NOTICED && waited >= self.response_time() / 2;
        if !drained && waited < LONGEST_DRAIN.max(queue * 3) + self.response_time() {
            return;
        }
        if !drained && standing * 10 > queue * 7 && !self.loses_more() {
            // Sending far less did not shorten it, and it does not overflow: not our queue, but a
            // longer way.
            self.observed.queue.rebase();
        }
        let resume = self
            .capacity
            .map_or(self.target, |capacity| capacity * AFTER_DRAIN);
        self.set_target(resume);
        self.phase = Phase::Increase;
        self.last_backoff = now;
        self.last_update = Some(now);
    }

    fn increase(&mut self, now: Instant) {
        let elapsed = self
            .last_update
            .map_or(Duration::ZERO, |last| now - last)
            .min(Duration::from_millis(500));
        self.last_update = Some(now);
        let seconds = elapsed.as_secs_f64();
        let delivered = self.observed.delivery.over(Duration::from_millis(500));
        // Once the delivered rate is well above it, the old capacity says nothing any more.
        if self
            .capacity
            .is_some_and(|capacity| delivered > capacity * (1.0 + NEAR_CAPACITY))
        {
            self.capacity = None;
        }
        let near = self.capacity.is_some_and(|capacity| {
            self.target > capacity * (1.0 - NEAR_CAPACITY)
                && self.target < capacity * (1.0 + NEAR_CAPACITY)
        });
        let well = now - self.last_backoff >= LATE_GROWTH_AFTER
            && self.observed.queue.standing() < QUEUE_NOTICED;
        let grown = if self.phase == Phase::Start {
            self.target * START_GROWTH_PER_SECOND.powf(seconds)
        } else if well && self.capacity.is_none() {
            self.target * FREE_GROWTH_PER_SECOND.powf(seconds)
        } else if well {
            self.target * LATE_GROWTH_PER_SECOND.powf(seconds)
        } else if near {
            let per_second = PACKET_BITS / self.response_time().as_secs_f64();
            self.target + Bitrate::from_bps((per_second * seconds) as u64)
        } else {
            self.target * GROWTH_PER_SECOND.powf(seconds)
        };
        // Lost packets were sent as well: what is delivered is compared with what of the target can
        // be.
        let deliverable = 1.0 - self.observed.losses.share().min(0.95);
        let limit = delivered * (AHEAD_OF_DELIVERED / deliverable) + AHEAD_OF_DELIVERED_MARGIN;
        if grown <= limit {
            self.set_target(grown);
        } else {
            self.set_target(self.target.max(limit));
        }
    }
}

/// The share of the delivered rate that empties a queue of this length in about half a second.
fn drain_share(standing: Duration) -> f64 {
    (1.0 - 2.0 * standing.as_secs_f64()).clamp(LEAST_DRAIN, BACKOFF)
}

impl CongestionController for DelayBasedController {
    fn on_sent(&mut self, now: Instant, packet: SentPacket) {
        self.silence.on_sent(now);
        self.observed.on_sent(now, packet);
    }

    fn on_feedback(&mut self, now: Instant, feedback: &Feedback<'_>) {
        let draining = matches!(self.phase, Phase::Drain(_));
        let Some(outcome) = self.observed.on_feedback(now, feedback, draining) else {
            return;
        };
        self.silence.on_report(now);
        for packet in outcome.acked.iter().filter(|packet| !packet.ambiguous) {
            if !self.observed.probes.covers(packet.sent_at) {
                self.trendline
                    .on_packet(now, packet.sent_at, packet.arrival);
            }
        }
        self.decide(now);
        if let Some(rate) = self.observed.probed
            && !draining
            && rate > self.target
        {
            self.set_target(rate);
            self.capacity = None;
        }
    }

    fn on_timeout(&mut self, now: Instant) {
        if self.next_timeout().is_none_or(|due| now < due) {
            return;
        }
        // Nothing comes back: the path is dead or choked by what is on it already.
        self.set_target(self.target * 0.5);
        self.capacity = None;
        self.phase = Phase::Increase;
        self.last_backoff = now;
        self.silence.on_noticed(now);
    }

    fn next_timeout(&self) -> Option<Instant> {
        // At the floor there is nothing left to do about silence.
        if self.target <= self.config.min {
            return None;
        }
        self.silence.due(self.observed.random.settled_share())
    }

    fn target_bitrate(&self) -> Bitrate {
        self.target
    }

    fn pacing(&self) -> Pacing {
        let draining = matches!(self.phase, Phase::Drain(_));
        Pacing {
            rate: if draining {
                self.target
            } else {
                self.target * self.config.pacing_factor
            },
        }
    }

    fn on_probe(&mut self, probe: Probe) {
        self.observed.probes.begin(probe);
    }

    fn take_probed(&mut self) -> Option<Bitrate> {
        self.observed.probed.take()
    }

    fn path(&self) -> PathEstimate {
        self.observed.estimate()
    }
}

#[cfg(test)]
mod tests;
