//! What was sent, until it is known what became of it.
//!
//! A report names packets by their publisher's numbers, and a gateway lets audio overtake video
//! frames that wait: a number below one that came may not have been sent yet, or be on its way. So
//! only a packet that was sent before another that came is missing (RFC 9002 §6.1, without its
//! thresholds: what comes late is taken back).

use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};

use super::SentPacket;
use crate::time::Instant;
use crate::wire::feedback::{Arrival, Feedback};

/// A record older than this is forgotten; a report that late says nothing about the path now.
const MAX_AGE: Duration = Duration::from_secs(5);
/// At 8 Mbit/s so many packets go out in about 19 s, so age is what bounds the records of a sender
/// that behaves.
const MAX_RECORDS: usize = 16_384;

/// A packet that a report says came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Acked {
    pub(super) sent_at: Instant,
    /// Microseconds on the receiver's clock, from an arbitrary origin.
    pub(super) arrival: i64,
    pub(super) bytes: usize,
    /// Sent more than once under one number, so that its delay is not known (Karn's rule).
    pub(super) ambiguous: bool,
}

/// What one report says that is new.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// In the order of sending.
    pub(super) acked: Vec<Acked>,
    /// Packets missing for the first time.
    pub(super) lost: u64,
    /// Their bytes.
    pub(super) lost_bytes: u64,
    /// Runs of numbers that they make.
    pub(super) runs: u64,
    /// Packets that came after all, having been reported missing.
    pub(super) recovered: u64,
    /// The round-trip time, if the newest packet in the report is new to us.
    pub(super) rtt: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Pending,
    Missing,
    Received,
}

#[derive(Clone, Copy, Debug)]
struct Record {
    sent_at: Instant,
    /// Counts the bytes that were sent, these included: who has more was sent later.
    total: u64,
    bytes: usize,
    state: State,
    ambiguous: bool,
}

/// The records, by (sender, `transport_seq`).
#[derive(Debug, Default)]
pub(super) struct History {
    records: BTreeMap<(u32, u16), Record>,
    order: VecDeque<(Instant, u32, u16)>,
    clock: Option<(Arrival, i64)>,
    sent_bytes: u64,
    /// When the packet went out that was sent last among those that came, and its
    /// [`Record::total`].
    newest_received: Option<(Instant, u64)>,
}

impl History {
    pub(super) fn on_sent(&mut self, now: Instant, packet: SentPacket) {
        self.forget_old(now);
        let key = (packet.sender, packet.transport_seq);
        self.sent_bytes += packet.bytes as u64;
        let record = Record {
            sent_at: now,
            total: self.sent_bytes,
            bytes: packet.bytes,
            state: State::Pending,
            ambiguous: false,
        };
        let older = self.records.insert(key, record);
        if older.is_some()
            && let Some(record) = self.records.get_mut(&key)
        {
            record.ambiguous = true;
        }
        self.order.push_back((now, key.0, key.1));
    }

    /// Bytes sent after the packet sent last among those that came: they are on their way, or lost.
    pub(super) fn outstanding_bytes(&self) -> u64 {
        self.sent_bytes - self.newest_received.map_or(0, |(_, total)| total)
    }

    /// When the packet went out that was sent last among those that came.
    pub(super) fn newest_sent_at(&self) -> Option<Instant> {
        self.newest_received.map(|(sent_at, _)| sent_at)
    }

    fn forget_old(&mut self, now: Instant) {
        while let Some(&(sent_at, sender, seq)) = self.order.front() {
            if now - sent_at < MAX_AGE && self.order.len() < MAX_RECORDS {
                break;
            }
            self.order.pop_front();
            if self
                .records
                .get(&(sender, seq))
                .is_some_and(|record| record.sent_at == sent_at)
            {
                self.records.remove(&(sender, seq));
            }
        }
    }

    pub(super) fn on_feedback(&mut self, now: Instant, feedback: &Feedback<'_>) -> Outcome {
        let mut outcome = Outcome::default();
        let mut newest: Option<(i64, Option<Duration>)> = None;
        for group in feedback.groups() {
            for (seq, arrival) in group.packets() {
                let (Some(record), Some(arrival)) =
                    (self.records.get_mut(&(group.sender, seq)), arrival)
                else {
                    continue;
                };
                let received = (record.sent_at, record.total);
                self.newest_received = self.newest_received.max(Some(received));
                let micros = unwrap(&mut self.clock, arrival);
                let fresh = record.state != State::Received;
                if newest.is_none_or(|(at, _)| micros > at) {
                    let sample = (now - record.sent_at).saturating_sub(feedback.hold);
                    newest = Some((micros, (fresh && !record.ambiguous).then_some(sample)));
                }
                if !fresh {
                    continue;
                }
                outcome.recovered += u64::from(record.state == State::Missing);
                record.state = State::Received;
                outcome.acked.push(Acked {
                    sent_at: record.sent_at,
                    arrival: micros,
                    bytes: record.bytes,
                    ambiguous: record.ambiguous,
                });
            }
        }
        self.note_missing(feedback, &mut outcome);
        outcome.acked.sort_by_key(|acked| acked.sent_at);
        outcome.rtt = newest.and_then(|(_, sample)| sample);
        outcome
    }

    fn note_missing(&mut self, feedback: &Feedback<'_>, outcome: &mut Outcome) {
        for group in feedback.groups() {
            let mut run = false;
            for (seq, arrival) in group.packets() {
                if arrival.is_some() {
                    run = false;
                    continue;
                }
                let Some(record) = self.records.get_mut(&(group.sender, seq)) else {
                    continue;
                };
                let missing = self
                    .newest_received
                    .is_some_and(|(_, total)| record.total < total);
                if missing && record.state == State::Pending {
                    record.state = State::Missing;
                    outcome.lost += 1;
                    outcome.lost_bytes += record.bytes as u64;
                    outcome.runs += u64::from(!run);
                }
                run = missing;
            }
        }
    }
}

/// Continues the receiver's clock past its wrap.
fn unwrap(clock: &mut Option<(Arrival, i64)>, arrival: Arrival) -> i64 {
    let (last, micros) = clock.unwrap_or((arrival, 0));
    let now = micros + arrival.micros_since(last);
    if now >= micros {
        *clock = Some((arrival, now));
    }
    now
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::feedback::FeedbackWriter;

    fn report(base: u16, arrivals: &[Option<Instant>], hold: u64) -> Vec<u8> {
        let mut writer = FeedbackWriter::new(0, Duration::from_millis(hold));
        assert_eq!(writer.push_group(1, base, arrivals), arrivals.len());
        writer.finish()
    }

    fn sent(history: &mut History, at: u64, seq: u16) {
        history.on_sent(
            Instant::from_millis(at),
            SentPacket {
                sender: 1,
                transport_seq: seq,
                bytes: 100,
            },
        );
    }

    #[test]
    fn each_packet_counts_once_and_a_late_one_takes_its_loss_back() {
        let mut history = History::default();
        for seq in 0..3 {
            sent(&mut history, u64::from(seq), seq);
        }
        let at = |ms| Some(Instant::from_millis(ms));
        let first = report(0, &[at(20), None, at(22)], 5);
        let outcome =
            history.on_feedback(Instant::from_millis(50), &Feedback::parse(&first).unwrap());
        assert_eq!(
            (outcome.acked.len(), outcome.lost, outcome.recovered),
            (2, 1, 0)
        );
        assert_eq!(outcome.rtt, Some(Duration::from_millis(50 - 2 - 5)));
        let second = report(0, &[at(20), at(40), at(22)], 5);
        let outcome =
            history.on_feedback(Instant::from_millis(80), &Feedback::parse(&second).unwrap());
        assert_eq!(
            (outcome.acked.len(), outcome.lost, outcome.recovered),
            (1, 0, 1)
        );
    }

    #[test]
    fn what_was_overtaken_before_it_was_sent_is_not_missing_until_a_later_one_came() {
        let mut history = History::default();
        // Audio, number 2, before video frames of which 0 is on its way when the report is made and
        // 1 still waits.
        sent(&mut history, 0, 2);
        sent(&mut history, 30, 0);
        let at = |ms| Some(Instant::from_millis(ms));
        let first = report(0, &[None, None, at(25)], 0);
        let outcome =
            history.on_feedback(Instant::from_millis(50), &Feedback::parse(&first).unwrap());
        assert_eq!((outcome.acked.len(), outcome.lost), (1, 0));

        sent(&mut history, 60, 1);
        let second = report(0, &[None, at(85), at(25)], 0);
        let outcome = history.on_feedback(
            Instant::from_millis(110),
            &Feedback::parse(&second).unwrap(),
        );
        assert_eq!((outcome.acked.len(), outcome.lost, outcome.runs), (1, 1, 1));
    }

    #[test]
    fn what_was_sent_after_the_newest_that_came_is_outstanding() {
        let mut history = History::default();
        assert_eq!(history.outstanding_bytes(), 0);
        for seq in 0..5 {
            sent(&mut history, u64::from(seq), seq);
        }
        assert_eq!(history.outstanding_bytes(), 500);
        let at = |ms| Some(Instant::from_millis(ms));
        let bytes = report(0, &[at(20), None, at(22)], 0);
        history.on_feedback(Instant::from_millis(50), &Feedback::parse(&bytes).unwrap());
        assert_eq!(history.outstanding_bytes(), 200);
    }

    #[test]
    fn packets_never_sent_are_ignored_and_old_ones_forgotten() {
        let mut history = History::default();
        sent(&mut history, 0, 9);
        let bytes = report(7, &[Some(Instant::from_millis(1)), None], 0);
        let outcome =
            history.on_feedback(Instant::from_millis(9), &Feedback::parse(&bytes).unwrap());
        assert_eq!(
            (outcome.acked.len(), outcome.lost, outcome.rtt),
            (0, 0, None)
        );
        sent(&mut history, 6_000, 10);
        assert_eq!(history.records.len(), 1);
    }

    #[test]
    fn a_number_sent_twice_gives_no_delay() {
        let mut history = History::default();
        sent(&mut history, 0, 1);
        sent(&mut history, 40, 1);
        let bytes = report(1, &[Some(Instant::from_millis(60))], 0);
        let outcome =
            history.on_feedback(Instant::from_millis(70), &Feedback::parse(&bytes).unwrap());
        assert!(outcome.acked[0].ambiguous);
        assert_eq!(outcome.rtt, None);
    }
}
