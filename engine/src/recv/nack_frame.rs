//! What a NACK tracker knows of one frame that is not complete.

use std::time::Duration;

use crate::time::Instant;

/// Waiting times, the same for every frame of a tracker.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waits {
    pub(super) reorder_window: Duration,
    pub(super) reorder_packets: u32,
    pub(super) retry: Duration,
}

/// A frame that began to arrive, or that is missing altogether.
#[derive(Debug)]
pub(super) struct Frame {
    /// When it was first known to exist.
    pub(super) since: Instant,
    /// Of a frame missing altogether: whether a frame that came refers to it, or every hole counts as loss.
    pub(super) needed: bool,
    /// How many times it was asked for.
    pub(super) tries: u32,
    /// How many of its packets were counted as lost.
    pub(super) counted_lost: u32,
    fragments: Option<Fragments>,
    /// When the oldest gap not asked for yet appeared, and how many packets of the stream came since.
    gap: Option<(Instant, u32)>,
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
            gap: Some((now, 0)),
            asked_at: None,
            asked_end: 0,
        }
    }

    pub(super) fn is_missing_altogether(&self) -> bool {
        self.fragments.is_none()
    }

    /// Takes in one fragment; false if it had come before.
    pub(super) fn on_fragment(&mut self, now: Instant, index: u16, count: u16) -> bool {
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
        } else if index > before && self.gap.is_none() {
            self.gap = Some((now, 0));
        }
        true
    }

    /// A packet of this stream came that is not one of this frame's missing ones; `later_frame` if its frame comes
    /// after this one.
    pub(super) fn on_later_packet(&mut self, now: Instant, later_frame: bool) {
        match &mut self.gap {
            Some((_, packets)) => *packets = packets.saturating_add(1),
            None if later_frame
                && self
                    .fragments
                    .as_ref()
                    .is_some_and(|f| f.end < f.count && f.end >= self.asked_end) =>
            {
                self.gap = Some((now, 0));
            }
            None => {}
        }
    }

    pub(super) fn is_complete(&self) -> bool {
        self.fragments
            .as_ref()
            .is_some_and(|f| f.came_count == f.count)
    }

    /// When there is something to ask for. `tail_wait` is how long the last packet may lie back before what follows it
    /// counts as missing although no later frame came.
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
        let tail = (fragments.end < fragments.count && self.asked_end < fragments.count)
            .then(|| fragments.last_arrival + tail_wait);
        [retry, self.gap_due(waits), tail]
            .into_iter()
            .flatten()
            .min()
    }

    fn gap_due(&self, waits: Waits) -> Option<Instant> {
        self.gap.map(|(since, packets)| {
            if packets >= waits.reorder_packets {
                since
            } else {
                since + waits.reorder_window
            }
        })
    }

    /// Decides what to ask for now: `None` for the whole frame, or the fragments. `last` says that no later frame came.
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

    fn missing_below(&self, end: u16) -> bool {
        (0..end).any(|index| !self.has(index))
    }
}
