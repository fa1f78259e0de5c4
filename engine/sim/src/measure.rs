//! What a viewer would notice: the delay of frames, their number, and the gaps between them.

use std::time::Duration;

use smrtc_engine::Instant;

use crate::trace::ShownFrame;

/// A gap between frames longer than this is noticed.
const GAP: Duration = Duration::from_millis(200);
/// webrtc-stats `freezeCount`: an interval above max(3 × mean, mean + 150 ms), the mean over the
/// last 30 frames.
const FREEZE_MEAN_FRAMES: usize = 30;
const FREEZE_MARGIN: Duration = Duration::from_millis(150);

/// Frames by capture and display.
#[derive(Debug, Default)]
pub(crate) struct Measure {
    frames: Vec<(Instant, Instant)>,
    /// When frames of another size than before were shown, and which.
    sizes: Vec<(Instant, u8)>,
}

/// What a viewer saw in a span of time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Seen {
    pub(crate) fps: f64,
    pub(crate) freezes: u64,
    pub(crate) freeze_share: f64,
    pub(crate) gap_share: f64,
    pub(crate) longest_gap: Duration,
    /// Median, 95th and 99th percentile.
    pub(crate) delay: [Duration; 3],
}

impl Measure {
    pub(crate) fn on_frame(&mut self, captured: Instant, shown: Instant, size: u8) {
        self.frames.push((captured, shown));
        if self.sizes.last().is_none_or(|&(_, last)| last != size) {
            self.sizes.push((shown, size));
        }
    }

    /// Of the frames shown from `from` to `to`: the share that was of this size or larger, and
    /// how often the size changed.
    pub(crate) fn sizes(&self, from: Instant, to: Instant, size: u8) -> (f64, u64) {
        let within = |at: &Instant| (from..to).contains(at);
        let shown = self.frames.iter().map(|&(_, shown)| shown).filter(within);
        let of = |at: Instant| {
            let before = self.sizes.partition_point(|&(since, _)| since <= at);
            self.sizes
                .get(before.wrapping_sub(1))
                .map(|&(_, size)| size)
        };
        let all = shown.clone().count().max(1);
        let large = shown.filter(|&at| of(at) >= Some(size)).count();
        let changes = self.sizes.iter().skip(1).filter(|(at, _)| within(at));
        (large as f64 / all as f64, changes.count() as u64)
    }

    /// All frames, for plots.
    pub(crate) fn frames(&self) -> Vec<ShownFrame> {
        let frame = |&(captured, shown): &(Instant, Instant)| ShownFrame {
            shown: (shown - Instant::ZERO).as_secs_f64(),
            delay_ms: (shown - captured).as_secs_f64() * 1e3,
        };
        self.frames.iter().map(frame).collect()
    }

    /// What was seen from `from` to `to`.
    pub(crate) fn seen(&self, from: Instant, to: Instant) -> Seen {
        let span = (to - from).as_secs_f64();
        let shown = || {
            let frames = self.frames.iter().copied();
            frames.filter(|&(_, shown)| (from..to).contains(&shown))
        };
        let mut delays: Vec<_> = shown().map(|(captured, shown)| shown - captured).collect();
        delays.sort_unstable();
        // The end of the span counts as a frame: a freeze that goes on to it is one.
        let times: Vec<Instant> = [from]
            .into_iter()
            .chain(shown().map(|(_, shown)| shown))
            .chain([to])
            .collect();
        let gaps: Vec<Duration> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let share = |gaps: Duration| gaps.as_secs_f64() / span;
        // Before the first frame there is nothing to freeze.
        let frozen = freezes(gaps.get(1..).unwrap_or_default());
        Seen {
            fps: delays.len() as f64 / span,
            freezes: frozen.len() as u64,
            freeze_share: share(frozen.iter().sum()),
            gap_share: share(gaps.iter().filter(|&&gap| gap > GAP).sum()),
            longest_gap: gaps.iter().max().copied().unwrap_or_default(),
            delay: [0.5, 0.95, 0.99].map(|share| quantile(&delays, share)),
        }
    }
}

fn freezes(gaps: &[Duration]) -> Vec<Duration> {
    let mut frozen = Vec::new();
    for (i, &gap) in gaps.iter().enumerate() {
        let before = &gaps[i.saturating_sub(FREEZE_MEAN_FRAMES)..i];
        if before.is_empty() {
            continue;
        }
        let mean = before.iter().sum::<Duration>() / before.len() as u32;
        if gap > (mean * 3).max(mean + FREEZE_MARGIN) {
            frozen.push(gap);
        }
    }
    frozen
}

/// The quantile `share` of `sorted`.
pub(crate) fn quantile(sorted: &[Duration], share: f64) -> Duration {
    let rank = (sorted.len().saturating_sub(1)) as f64 * share;
    sorted
        .get(rank.round() as usize)
        .copied()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measure(times_ms: impl IntoIterator<Item = u64>) -> Measure {
        let mut measure = Measure::default();
        for ms in times_ms {
            let shown = Instant::from_millis(ms);
            measure.on_frame(shown - Duration::from_millis(40), shown, 0);
        }
        measure
    }

    #[test]
    fn a_steady_four_frames_a_second_is_no_freeze_but_all_gap() {
        let seen =
            measure((0..40).map(|n| n * 250)).seen(Instant::ZERO, Instant::from_millis(10_000));
        assert_eq!((seen.freezes, seen.gap_share, seen.fps), (0, 1.0, 4.0));
    }

    #[test]
    fn a_stop_is_a_freeze_even_if_it_goes_on() {
        let steady = (0..60).map(|n| n * 33);
        let seen = measure(steady).seen(Instant::ZERO, Instant::from_millis(3_000));
        assert_eq!(seen.freezes, 1);
        assert_eq!(seen.longest_gap, Duration::from_millis(3_000 - 59 * 33));
        assert_eq!(seen.delay, [Duration::from_millis(40); 3]);
    }
}
