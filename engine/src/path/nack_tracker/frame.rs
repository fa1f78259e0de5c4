//! What a NACK tracker knows of one frame that is not complete.

use std::time::Duration;

use crate::fec::Blocks;
use crate::time::Instant;

/// Waiting times, the same for every frame of a tracker.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waits {
    pub(super) reorder_window: Duration,
    pub(super) retry: Duration,
}

/// A frame that began to arrive, or that is missing altogether.
#[derive(Debug)]
pub(super) struct Frame {
    /// When it was first known to exist.
    pub(super) since: Instant,
    /// For a frame missing altogether: whether a frame that came refers to it, or every hole counts
    /// as loss.
    pub(super) needed: bool,
    /// How many times it was asked for.
    pub(super) tries: u32,
    /// How many of its packets were counted as lost.
    pub(super) counted_lost: u32,
    fragments: Option<Fragments>,
    /// When the oldest gap not asked for yet appeared.
    gap: Option<Instant>,
    asked_at: Option<Instant>,
    /// Fragments below this were part of the last request.
    asked_end: u16,
}

#[derive(Debug)]
struct Fragments {
    count: u16,
    came: Vec<u64>,
    came_count: u16,
    /// One more than the highest index that came.
    end: u16,
    last_arrival: Instant,
    /// Repair packets that came, by index.
    repairs: Vec<u16>,
    /// The last packet of the frame as it was first sent, repairs included, has come.
    sent_all: bool,
}

impl Frame {
    /// A frame of which nothing came.
    pub(super) fn missing(now: Instant, needed: bool) -> Self {
        Self {
            since: now,
            needed,
            tries: 0,
            counted_lost: 0,
            fragments: None,
            gap: Some(now),
            asked_at: None,
            asked_end: 0,
        }
    }

    /// The same, but its gap counts from later on.
    pub(super) fn asked_from(self, at: Instant) -> Self {
        Self {
            gap: Some(at),
            ..self
        }
    }

    pub(super) fn is_missing_altogether(&self) -> bool {
        self.fragments.is_none()
    }

    /// Takes in one fragment; false if it had come before. A gap in a `protected` frame is none
    /// before all of it was sent.
    pub(super) fn on_fragment(
        &mut self,
        now: Instant,
        index: u16,
        count: u16,
        protected: bool,
    ) -> bool {
        let fragments = self.fragments.get_or_insert_with(|| {
            // Asked for as a whole: what comes of it now may be all that was sent.
            self.gap = None;
            self.asked_end = if self.asked_at.is_some() { count } else { 0 };
            Fragments::new(now, count)
        });
        let before = fragments.end;
        if !fragments.insert(index) {
            return false;
        }
        fragments.last_arrival = now;
        if fragments.came_count == fragments.end {
            self.gap = None;
        } else if index > before && self.gap.is_none() && !protected {
            self.gap = Some(now);
        }
        true
    }

    /// Takes in one repair packet, of `repairs` that were sent with the frame; false if it had come
    /// before.
    pub(super) fn on_repair(&mut self, now: Instant, count: u16, index: u16, repairs: u16) -> bool {
        let fragments = self.fragments.get_or_insert_with(|| {
            self.gap = None;
            self.asked_end = if self.asked_at.is_some() { count } else { 0 };
            Fragments::new(now, count)
        });
        if fragments.repairs.contains(&index) {
            return false;
        }
        fragments.repairs.push(index);
        fragments.last_arrival = now;
        if index + 1 == repairs && !fragments.sent_all {
            fragments.sent_all = true;
            if self.asked_at.is_none() {
                self.gap = Some(now);
            }
        }
        true
    }

    /// How late fragment `index` is if it fills a gap by itself.
    pub(super) fn lateness(&self, now: Instant, index: u16) -> Option<Duration> {
        let fills = |f: &Fragments| index < f.end && !f.has(index);
        match (&self.fragments, self.gap) {
            (None, _) => Some(now - self.since),
            (Some(f), Some(since)) if fills(f) => Some(now - since),
            (Some(f), None) if fills(f) => self.asked_at.map(|at| now - at),
            _ => None,
        }
    }

    /// A packet of this stream came that is not one of this frame's missing ones; `later_frame` if
    /// its frame comes after this one.
    pub(super) fn on_later_packet(&mut self, now: Instant, later_frame: bool, protected: bool) {
        let unasked = |f: &Fragments| {
            f.end < f.count && f.end >= self.asked_end || protected && self.asked_at.is_none()
        };
        if self.gap.is_none() && later_frame && self.fragments.as_ref().is_some_and(unasked) {
            self.gap = Some(now);
        }
    }

    pub(super) fn is_complete(&self) -> bool {
        self.fragments
            .as_ref()
            .is_some_and(|f| f.came_count == f.count || f.is_repaired())
    }

    /// When there is something to ask for. `tail_wait` is how long the last packet may lie back
    /// before what follows it counts as missing although no later frame came.
    pub(super) fn due(&self, waits: Waits, tail_wait: Duration) -> Option<Instant> {
        let retry = self.asked_at.map(|at| at + waits.retry);
        let Some(fragments) = &self.fragments else {
            return if self.needed {
                retry.or_else(|| self.gap_due(waits))
            } else {
                None
            };
        };
        let retry = retry.filter(|_| fragments.missing_below(self.asked_end));
        let tail = (fragments.came_count < fragments.count && self.asked_end < fragments.count)
            .then(|| fragments.last_arrival + tail_wait);
        [retry, self.gap_due(waits), tail]
            .into_iter()
            .flatten()
            .min()
    }

    fn gap_due(&self, waits: Waits) -> Option<Instant> {
        self.gap.map(|since| since + waits.reorder_window)
    }

    /// Decides what to ask for now: `None` for the whole frame, or the fragments. `last` says that
    /// no later frame came.
    pub(super) fn ask(
        &mut self,
        now: Instant,
        waits: Waits,
        tail_wait: Duration,
        last: bool,
    ) -> Option<Vec<u16>> {
        let retry = self.asked_at.is_none_or(|at| now >= at + waits.retry);
        let from = if retry { 0 } else { self.asked_end };
        self.asked_at = Some(now);
        self.gap = None;
        self.tries += 1;
        let fragments = self.fragments.as_ref()?;
        let tail = !last || now >= fragments.last_arrival + tail_wait;
        let end = if tail { fragments.count } else { fragments.end };
        self.asked_end = end.max(self.asked_end);
        Some(
            (from..self.asked_end)
                .filter(|&index| !fragments.has(index))
                .collect(),
        )
    }

    /// How many packets are known to be missing.
    pub(super) fn missing_count(&self) -> u32 {
        self.fragments
            .as_ref()
            .map_or(1, |f| u32::from(f.count - f.came_count))
    }
}

impl Fragments {
    fn new(now: Instant, count: u16) -> Self {
        Self {
            count,
            came: vec![0; usize::from(count).div_ceil(64)],
            came_count: 0,
            end: 0,
            last_arrival: now,
            repairs: Vec::new(),
            sent_all: false,
        }
    }

    fn has(&self, index: u16) -> bool {
        self.came
            .get(usize::from(index / 64))
            .is_some_and(|word| word >> (index % 64) & 1 == 1)
    }

    fn insert(&mut self, index: u16) -> bool {
        if index >= self.count || self.has(index) {
            return false;
        }
        self.came[usize::from(index / 64)] |= 1 << (index % 64);
        self.came_count += 1;
        self.end = self.end.max(index + 1);
        true
    }

    /// Whether the repair packets that came make up for the fragments that did not. Of a frame of
    /// several blocks only who puts it together can tell.
    fn is_repaired(&self) -> bool {
        usize::from(self.came_count) + self.repairs.len() >= usize::from(self.count)
            && !self.repairs.is_empty()
            && Blocks::new(self.count).count() == 1
    }

    fn missing_below(&self, end: u16) -> bool {
        (0..end).any(|index| !self.has(index))
    }
}
