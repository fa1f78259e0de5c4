//! The log of arrivals, and the reports made from it (WIRE.md, feedback).
//!
//! Says what came and when; what that means for a rate is [`crate::cc`]'s. A packet that comes
//! after its number was reported missing is reported again, together with its neighbours, so that a
//! later report never takes back an arrival.

use std::collections::BTreeMap;
use std::time::Duration;

use super::sequence::{Sequence, Step};
use crate::time::Instant;
use crate::wire::feedback::FeedbackWriter;

/// Settings of a [`FeedbackCollector`]. Worst-case memory is about `senders` × `history` × 40
/// bytes.
#[derive(Clone, Copy, Debug)]
pub struct FeedbackConfig {
    /// Time from the first unreported arrival to its report. Default 50 ms (WIRE.md).
    pub interval: Duration,
    /// Senders followed at a time; when one more appears, the one that was silent longest is
    /// forgotten. Default 128.
    pub senders: usize,
    /// Arrivals so recent are reported again, since reports get lost as media do. Default 150 ms,
    /// so that each is reported three times or so.
    pub repeat: Duration,
    /// How far behind the newest packet a late one may be and still be reported, in packets.
    /// Default 1,024.
    pub history: u16,
}

impl Default for FeedbackConfig {
    fn default() -> Self {
        Self {
            interval: Duration::from_millis(50),
            senders: 128,
            repeat: Duration::from_millis(150),
            history: 1_024,
        }
    }
}

/// Collects arrivals and writes reports.
#[derive(Debug)]
pub struct FeedbackCollector {
    config: FeedbackConfig,
    senders: BTreeMap<u32, Sender>,
    report_seq: u16,
    due: Option<Instant>,
    unreported: usize,
}

#[derive(Debug)]
struct Sender {
    numbers: Sequence<16>,
    arrivals: BTreeMap<u64, Instant>,
    /// The lowest number that arrived and is in no report.
    first_unreported: Option<u64>,
    unreported: usize,
    /// One more than the highest number any report covers.
    reported_end: Option<u64>,
    last_arrival: Instant,
}

/// Arrivals that fill a datagram: 2 bytes each and their bits, beside a few group headers.
const FULL: usize = 400;
/// A hole wider than this is not spelt out: the packets were meant for others (a gateway forwards
/// what was subscribed), or the path was gone so long that their fate is known.
const WIDEST_HOLE: u64 = 512;
/// Packets that a sender at 8 Mbit/s sends in about eight seconds; a larger jump is a new session.
const MAX_JUMP: u64 = 8_192;
/// Arrivals reported again in one report at most.
const MAX_REPEATED: usize = 128;
/// [`FeedbackCollector::fraction_lost`] looks at this many numbers: two seconds of audio and a
/// small video frame.
const FRACTION_OF: u64 = 200;

impl FeedbackCollector {
    /// An empty one.
    pub fn new(config: FeedbackConfig) -> Self {
        Self {
            config,
            senders: BTreeMap::new(),
            report_seq: 0,
            due: None,
            unreported: 0,
        }
    }

    /// Logs that a media packet came. Call for every one, retransmissions and unwanted ones too.
    pub fn on_packet(&mut self, now: Instant, sender: u32, transport_seq: u16) {
        if !self.senders.contains_key(&sender) && self.senders.len() >= self.config.senders {
            self.forget_most_silent();
        }
        let history = u64::from(self.config.history);
        let log = self
            .senders
            .entry(sender)
            .or_insert_with(|| Sender::new(now));
        let new = log.on_packet(now, transport_seq, history, &mut self.unreported);
        if new {
            let due = if self.unreported >= FULL {
                now
            } else {
                now + self.config.interval
            };
            self.due = Some(self.due.map_or(due, |earlier| earlier.min(due)));
        }
    }

    /// The next report to send, as a datagram, if one is due. Call until it says `None`.
    pub fn poll(&mut self, now: Instant) -> Option<Vec<u8>> {
        if self.due.is_none_or(|due| now < due) {
            return None;
        }
        let newest = self
            .senders
            .values()
            .filter(|log| log.unreported > 0)
            .map(|log| log.last_arrival)
            .max();
        let Some(newest) = newest else {
            self.due = None;
            return None;
        };
        let mut writer = FeedbackWriter::new(self.report_seq, now - newest);
        for (&sender, log) in &mut self.senders {
            let again = now - self.config.repeat;
            if !log.write(sender, again, &mut writer, &mut self.unreported) {
                break;
            }
        }
        if self.unreported == 0 {
            self.due = None;
        }
        if writer.is_empty() {
            return None;
        }
        self.report_seq = self.report_seq.wrapping_add(1);
        Some(writer.finish())
    }

    /// When [`Self::poll`] has something next.
    pub fn next_timeout(&self) -> Option<Instant> {
        self.due
    }

    /// The share, 0 to 1, of the newest packets of `sender` that did not come (RFC 3550 §6.4.1, of
    /// a number of packets, not of an interval).
    pub fn fraction_lost(&self, sender: u32) -> f64 {
        self.senders.get(&sender).map_or(0.0, Sender::fraction_lost)
    }

    /// Forgets a sender who left.
    pub fn remove_sender(&mut self, sender: u32) {
        if let Some(log) = self.senders.remove(&sender) {
            self.unreported -= log.unreported;
        }
    }

    fn forget_most_silent(&mut self) {
        let silent = self
            .senders
            .iter()
            .min_by_key(|(_, log)| log.last_arrival)
            .map(|(&sender, _)| sender);
        if let Some(sender) = silent {
            self.remove_sender(sender);
        }
    }
}

impl Sender {
    fn new(now: Instant) -> Self {
        Self {
            numbers: Sequence::new(MAX_JUMP),
            arrivals: BTreeMap::new(),
            first_unreported: None,
            unreported: 0,
            reported_end: None,
            last_arrival: now,
        }
    }

    /// Whether there is something new to report.
    fn on_packet(
        &mut self,
        now: Instant,
        transport_seq: u16,
        history: u64,
        total: &mut usize,
    ) -> bool {
        let number = match self.numbers.step(transport_seq.into()) {
            Step::Suspect => return false,
            Step::Near(number) => number,
            Step::Restarted(number) => {
                *total -= self.unreported;
                *self = Self {
                    numbers: self.numbers.clone(),
                    ..Self::new(now)
                };
                number
            }
        };
        let oldest = self
            .numbers
            .newest()
            .unwrap_or(number)
            .saturating_sub(history);
        if number < oldest || self.arrivals.contains_key(&number) {
            return false;
        }
        self.arrivals.insert(number, now);
        self.last_arrival = now;
        self.first_unreported = Some(
            self.first_unreported
                .map_or(number, |first| first.min(number)),
        );
        self.unreported += 1;
        *total += 1;
        while self.arrivals.len() as u64 > history {
            self.arrivals.pop_first();
        }
        true
    }

    fn fraction_lost(&self) -> f64 {
        let (Some((&oldest, _)), Some((&newest, _))) = (
            self.arrivals.first_key_value(),
            self.arrivals.last_key_value(),
        ) else {
            return 0.0;
        };
        let first = oldest.max((newest + 1).saturating_sub(FRACTION_OF));
        let came = self.arrivals.range(first..).count();
        1.0 - came as f64 / (newest + 1 - first) as f64
    }

    /// The lowest number that arrived after `again` without an older arrival above it; a few
    /// hundred numbers at most.
    fn repeat_from(&self, again: Instant) -> Option<u64> {
        self.arrivals
            .iter()
            .rev()
            .take(MAX_REPEATED)
            .take_while(|&(_, &at)| at > again)
            .last()
            .map(|(&number, _)| number)
    }

    /// Writes what is unreported, and before it what arrived after `again`; false when the datagram
    /// is full.
    fn write(
        &mut self,
        sender: u32,
        again: Instant,
        writer: &mut FeedbackWriter,
        total: &mut usize,
    ) -> bool {
        let mut repeat_from = self.repeat_from(again);
        while let (Some(first), Some((&last, _))) =
            (self.first_unreported, self.arrivals.last_key_value())
        {
            let first = first.max(
                self.arrivals
                    .first_key_value()
                    .map_or(first, |(&oldest, _)| oldest),
            );
            let begin = match self.reported_end {
                // The numbers skipped since the last report are lost as far as we know: say so
                // once.
                Some(end) if end < first && first - end <= WIDEST_HOLE => end,
                _ => first,
            };
            let begin = repeat_from.take().map_or(begin, |from| from.min(begin));
            let mut run = Vec::new();
            let mut next = begin;
            for (&number, &at) in self.arrivals.range(begin..=last) {
                if number - next > WIDEST_HOLE
                    || run.len() >= usize::from(crate::wire::feedback::MAX_GROUP_PACKETS)
                {
                    break;
                }
                run.extend((next..number).map(|_| None));
                run.push(Some(at));
                next = number + 1;
            }
            if run.is_empty() {
                self.settle(last + 1, total);
                break;
            }
            let taken = writer.push_group(sender, (begin & 0xffff) as u16, &run);
            if taken == 0 {
                return false;
            }
            let end = begin + taken as u64;
            self.reported_end = Some(self.reported_end.map_or(end, |earlier| earlier.max(end)));
            self.settle(end, total);
        }
        true
    }

    /// Everything below `end` is in a report now.
    fn settle(&mut self, end: u64, total: &mut usize) {
        let rest = self.arrivals.range(end..).count();
        self.first_unreported = self.arrivals.range(end..).next().map(|(&number, _)| number);
        // Above the highest number reported nothing was reported; below it a late packet pulled the
        // start back and everything from there to the newest goes into this report or the next.
        *total -= self.unreported.saturating_sub(rest);
        self.unreported = self.unreported.min(rest);
        if self.unreported == 0 {
            self.first_unreported = None;
        }
    }
}

#[cfg(test)]
mod tests;
