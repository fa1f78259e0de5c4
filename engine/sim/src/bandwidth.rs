//! Recorded bandwidth: when a link let a packet through, millisecond by millisecond.
//!
//! The format is that of Mahimahi (Netravali et al., *Mahimahi: Accurate Record-and-Replay for
//! HTTP*, USENIX ATC 2015), so its traces, and those that others have published in it, can be used
//! as they are: text, one opportunity on each line, as the millisecond in which it comes; several
//! may come in one. Each lets [`OPPORTUNITY_BYTES`] through; what is not used at once is lost. The
//! last line is also the length, after which the trace begins anew.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use smrtc_engine::{Bitrate, Instant};

/// What an opportunity lets through: the 1,500 bytes of an Ethernet frame, and the 4 that Linux's
/// TUN device puts before them.
pub const OPPORTUNITY_BYTES: u64 = 1_504;
/// One day. What is longer is no trace of a call.
const LONGEST_MS: u64 = 86_400_000;

/// Why a text is no trace. Lines count from 1.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TraceError {
    /// No line at all.
    #[error("there is no opportunity in it")]
    Empty,
    /// Something else than a whole number of milliseconds, without a sign.
    #[error("line {line}: not a whole number of milliseconds")]
    NotANumber {
        /// Which.
        line: usize,
    },
    /// An opportunity before the one in front of it.
    #[error("line {line}: {ms} ms comes before the line above it, {above} ms")]
    Backwards {
        /// Which.
        line: usize,
        /// What it says.
        ms: u64,
        /// What the line above says.
        above: u64,
    },
    /// Past one day.
    #[error("line {line}: longer than a day")]
    TooLong {
        /// Which.
        line: usize,
    },
    /// All opportunities come at 0, so that it would begin anew without end.
    #[error("it lasts 0 ms")]
    NoLength,
}

/// When a link lets something through; in a loop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BandwidthTrace {
    /// Ascending, in milliseconds; the last is also the length, and not 0.
    opportunities: Vec<u64>,
}

impl BandwidthTrace {
    /// Reads a file's text.
    ///
    /// # Errors
    ///
    /// See [`TraceError`]; the first line that is wrong is named.
    pub fn parse(text: &str) -> Result<Self, TraceError> {
        let mut opportunities = Vec::new();
        let mut above = 0;
        for (line, content) in (1..).zip(text.lines()) {
            let digits = content.trim();
            // `parse` would take a plus sign.
            if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(TraceError::NotANumber { line });
            }
            let ms = digits
                .parse()
                .ok()
                .filter(|&ms| ms <= LONGEST_MS)
                .ok_or(TraceError::TooLong { line })?;
            if ms < above {
                return Err(TraceError::Backwards { line, ms, above });
            }
            opportunities.push(ms);
            above = ms;
        }
        match opportunities.last() {
            None => Err(TraceError::Empty),
            Some(0) => Err(TraceError::NoLength),
            Some(_) => Ok(Self { opportunities }),
        }
    }

    /// After this long it begins anew.
    pub fn length(&self) -> Duration {
        Duration::from_millis(self.length_ms())
    }

    /// Over the whole length.
    pub fn mean_rate(&self) -> Bitrate {
        let bytes = self.opportunities.len() as u64 * OPPORTUNITY_BYTES;
        Bitrate::from_bytes(bytes, self.length())
    }

    fn length_ms(&self) -> u64 {
        self.opportunities.last().copied().unwrap_or(1)
    }

    /// When the `n`-th opportunity since the trace first began comes, in milliseconds.
    fn opportunity_ms(&self, n: u64) -> u64 {
        let count = self.opportunities.len() as u64;
        n / count * self.length_ms() + self.opportunities[(n % count) as usize]
    }

    /// The number of opportunities before a time, which is also the number of the first that is
    /// not.
    fn count_before_us(&self, us: u64) -> u64 {
        let count = self.opportunities.len() as u64;
        // The moment of the last opportunity belongs to its round, not to the next.
        let Some(last_us) = us.checked_sub(1) else {
            return 0;
        };
        let length = self.length_ms() * 1_000;
        let (rounds, within) = (last_us / length, last_us % length);
        let early = self
            .opportunities
            .partition_point(|&ms| ms * 1_000 <= within);
        rounds * count + early as u64
    }
}

/// A trace as it is replayed on a link: entered at some place, and used up from there.
#[derive(Clone, Debug)]
pub(crate) struct Replay {
    trace: Arc<BandwidthTrace>,
    /// The place in the trace, in microseconds, at which the link's time begins.
    entered_us: u64,
    /// The first opportunity of which nothing is used.
    next: u64,
    /// What is left of the one before, for what comes at the same moment.
    left: u64,
}

impl Replay {
    pub(crate) fn new(trace: Arc<BandwidthTrace>, entered: Duration) -> Self {
        let entered_us = entered.as_micros() as u64;
        Self {
            next: trace.count_before_us(entered_us),
            trace,
            entered_us,
            left: 0,
        }
    }

    /// When `bytes` are through that come to the head of the queue at `now`.
    pub(crate) fn send(&mut self, now: Instant, bytes: u64) -> Instant {
        // The moment of an opportunity of which something is left is that of its last use, which is
        // now.
        let mut sent = now;
        if self.left < bytes {
            let now_us = self.entered_us + now.as_micros();
            self.next = self.next.max(self.trace.count_before_us(now_us));
        }
        while self.left < bytes {
            self.left += OPPORTUNITY_BYTES;
            sent = self.time_of(self.next);
            self.next += 1;
        }
        self.left -= bytes;
        sent.max(now)
    }

    /// Nothing is there to be sent: what is left of an opportunity is lost.
    pub(crate) fn idle(&mut self) {
        self.left = 0;
    }

    /// How long `bytes` would take from `now` on.
    pub(crate) fn time_for(&self, now: Instant, bytes: u64) -> Duration {
        self.clone().send(now, bytes) - now
    }

    /// What could go through in a span, its end not included.
    pub(crate) fn bytes_between(&self, from: Instant, to: Instant) -> u64 {
        let [from, to] =
            [from, to].map(|at| self.trace.count_before_us(self.entered_us + at.as_micros()));
        (to - from) * OPPORTUNITY_BYTES
    }

    fn time_of(&self, opportunity: u64) -> Instant {
        let us = self.trace.opportunity_ms(opportunity) * 1_000;
        Instant::from_micros(us.saturating_sub(self.entered_us))
    }
}

/// The name of a trace in a scenario, and the trace itself once it is read.
#[derive(Clone, Debug, Deserialize)]
#[serde(from = "PathBuf")]
pub struct TraceFile {
    path: PathBuf,
    trace: Option<Arc<BandwidthTrace>>,
}

impl From<PathBuf> for TraceFile {
    fn from(path: PathBuf) -> Self {
        Self { path, trace: None }
    }
}

impl TraceFile {
    /// Reads it; the name is relative to `folder`.
    ///
    /// # Errors
    ///
    /// A sentence for people: which file, and what is wrong with it.
    pub(crate) fn read(&mut self, folder: &Path) -> Result<(), String> {
        let path = folder.join(&self.path);
        let of_file = |why: String| format!("{}: {why}", path.display());
        let text = std::fs::read_to_string(&path).map_err(|why| of_file(why.to_string()))?;
        let trace = BandwidthTrace::parse(&text).map_err(|why| of_file(why.to_string()))?;
        self.trace = Some(Arc::new(trace));
        Ok(())
    }

    /// The trace, if it was read.
    pub(crate) fn trace(&self) -> Option<&Arc<BandwidthTrace>> {
        self.trace.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn replay(text: &str, entered_ms: u64) -> Replay {
        let trace = BandwidthTrace::parse(text).expect("it is a trace");
        Replay::new(Arc::new(trace), Duration::from_millis(entered_ms))
    }

    fn ms(ms: u64) -> Instant {
        Instant::from_millis(ms)
    }

    #[test]
    fn what_is_no_trace_is_refused_with_its_line() {
        let error = |text| BandwidthTrace::parse(text).expect_err("it is none");
        assert_eq!(error(""), TraceError::Empty);
        assert_eq!(error("0\n0\n"), TraceError::NoLength);
        for wrong in [
            "1\n\n2\n",
            "1\n2 3\n",
            "1\n-2\n",
            "1\n+2\n",
            "1\n2.5\n",
            "1\n# two\n",
        ] {
            assert_eq!(
                error(wrong),
                TraceError::NotANumber { line: 2 },
                "{wrong:?}"
            );
        }
        for long in ["5\n86400001\n", "5\n99999999999999999999999\n"] {
            assert_eq!(error(long), TraceError::TooLong { line: 2 });
        }
        let backwards = error("5\n7\n6\n");
        assert_eq!(
            backwards.to_string(),
            "line 3: 6 ms comes before the line above it, 7 ms"
        );
    }

    #[test]
    fn a_packet_takes_the_opportunities_that_it_needs_and_small_ones_share_one() {
        let mut replay = replay("3\r\n5\r\n5\r\n10\r\n", 0);
        // Two opportunities for the first, whose rest is enough for the second and not for the
        // third.
        assert_eq!(replay.send(ms(0), 2_000), ms(5));
        assert_eq!(replay.send(ms(5), 1_000), ms(5));
        assert_eq!(replay.send(ms(5), 1_000), ms(5));
        assert_eq!(replay.send(ms(5), 1_000), ms(10));
        replay.idle();
        // Round two: 13, 15, 15, 20. What passed while nothing was there is gone.
        assert_eq!(replay.send(ms(14), 100), ms(15));
        assert_eq!(replay.send(ms(15), 1_404), ms(15));
        assert_eq!(replay.send(ms(15), 1), ms(15));
        assert_eq!(replay.time_for(ms(15), 1_504), Duration::from_millis(5));
    }

    #[test]
    fn a_trace_may_be_entered_anywhere_and_begins_anew_at_its_end() {
        let mut replay = replay("0\n4\n10\n10\n", 4);
        let sent: Vec<_> = (0..6)
            .map(|_| replay.send(Instant::ZERO, OPPORTUNITY_BYTES))
            .collect();
        assert_eq!(sent, [0, 6, 6, 6, 10, 16].map(ms));
        assert_eq!(replay.trace.mean_rate(), Bitrate::from_bps(4 * 1_504 * 800));
    }

    proptest! {
        #[test]
        fn nothing_goes_faster_than_the_trace_and_a_full_queue_goes_as_fast(
            gaps in prop::collection::vec(0u64..30, 1..40),
            sizes in prop::collection::vec(1u64..4_000, 1..60),
            entered in 0u64..2_000,
        ) {
            let mut at = 1;
            let lines = gaps.iter().map(|gap| { at += gap; format!("{at}\n") });
            let fresh = replay(&lines.collect::<String>(), entered);
            let mut replay = fresh.clone();
            let (mut now, mut bytes) = (Instant::ZERO, 0);
            for size in sizes {
                let sent = replay.send(now, size);
                prop_assert!(sent >= now, "time ran backwards");
                (now, bytes) = (sent, bytes + size);
                let until = |at| fresh.bytes_between(Instant::ZERO, at);
                prop_assert!(until(now) < bytes, "an earlier opportunity would have done");
                let until_now = until(now + Duration::from_micros(1));
                prop_assert!(until_now >= bytes, "more went through than could");
            }
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[0-9 \\n\\-x]{0,40}") {
            if let Ok(trace) = BandwidthTrace::parse(&text) {
                prop_assert!(trace.length() > Duration::ZERO && trace.mean_rate().as_bps() > 0);
            }
        }
    }
}
