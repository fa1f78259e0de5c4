//! Which operation comes next, from what lies in the buffer and how far the delay is off.

use std::collections::VecDeque;

use super::Operation;
use super::time_stretch::MIN_LAG;
use crate::BLOCK_SAMPLES;

/// Concealment comes in multiples of this, which libopus asks for.
const STEP_SAMPLES: i64 = 120;

/// The earliest packet in the buffer, seen from the end of the audio made so far.
#[derive(Clone, Copy, Debug)]
pub(super) struct Next {
    /// Samples of media time between the two; negative if the packet comes after its time.
    pub(super) gap_samples: i64,
    /// Whether frames are missing before it, rather than never sent.
    pub(super) follows_loss: bool,
    /// Whether it holds a copy of the frame before it.
    pub(super) has_lbrr: bool,
}

/// Picks the operation and, where it makes audio of its own, how many samples of it.
pub(super) fn decide(
    next: Option<Next>,
    frame_samples: i64,
    expanding: bool,
    in_dtx: bool,
) -> (Operation, usize) {
    let filler = if in_dtx {
        Operation::ComfortNoise
    } else {
        Operation::Expand
    };
    let block = BLOCK_SAMPLES as i64;
    let Some(next) = next else {
        return (filler, BLOCK_SAMPLES);
    };
    let gap = next.gap_samples / STEP_SAMPLES * STEP_SAMPLES;
    let recoverable = !in_dtx && next.follows_loss && next.has_lbrr;
    if gap <= 0 {
        let operation = if expanding {
            Operation::Merge
        } else {
            Operation::Normal
        };
        (operation, 0)
    } else if recoverable && gap == frame_samples {
        (Operation::Recover, gap as usize)
    } else if recoverable && gap > frame_samples {
        (filler, block.min(gap - frame_samples) as usize)
    } else {
        (filler, block.min(gap) as usize)
    }
}

/// Calls of `render` over which the least delay is taken: a host that renders several blocks at
/// once looks, at the first of them, as if it had time left.
const SLACK_WINDOW: usize = 12;

/// Above the target by more than this, audio is shortened; below it by more than `LOW`, lengthened.
/// Both aim between.
const HIGH_MICROS: i64 = 15_000;
const LOW_MICROS: i64 = 5_000;
const AIM_MICROS: i64 = 5_000;

/// Above the target by more than this, a rougher seam is better than the delay.
const URGENT_MICROS: i64 = 60_000;

/// Decoded frames between two corrections: at most 15 ms in 100 ms, or in 40 ms when urgent.
const SPACING_FRAMES: u32 = 5;
const URGENT_SPACING_FRAMES: u32 = 2;

/// The seam asked for at first, and how much less with each frame that offers none: any seam is
/// taken after 1 s.
const CORRELATION: f32 = 0.9;
const URGENT_CORRELATION: f32 = 0.5;
const PATIENCE_PER_FRAME: f32 = 0.04;

/// Wanted change of the delay.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Correction {
    pub(super) operation: Operation,
    /// At most so many samples.
    pub(super) samples: usize,
    /// Quality of the seam that is asked for, −1 to 1.
    pub(super) min_correlation: f32,
}

/// Watches the delay and says when to correct it.
#[derive(Default)]
pub(super) struct Corrector {
    slack_micros: VecDeque<i64>,
    frames_since: u32,
    frames_wanted: u32,
}

impl Corrector {
    /// Notes the delay of the sample about to be rendered.
    pub(super) fn on_render(&mut self, delay_micros: i64) {
        if self.slack_micros.len() == SLACK_WINDOW {
            self.slack_micros.pop_front();
        }
        self.slack_micros.push_back(delay_micros);
    }

    /// The stream jumped; what was measured before says nothing now.
    pub(super) fn on_discontinuity(&mut self) {
        self.slack_micros.clear();
        self.frames_wanted = 0;
    }

    /// A join has made the audio longer; that is no correction, and the next may come at once.
    pub(super) fn on_lengthened(&mut self, micros: i64) {
        for slack in &mut self.slack_micros {
            *slack += micros;
        }
    }

    /// The delay has been changed by a correction.
    pub(super) fn on_corrected(&mut self, change_micros: i64) {
        for slack in &mut self.slack_micros {
            *slack += change_micros;
        }
        self.frames_since = 0;
        self.frames_wanted = 0;
    }

    /// Called once for each decoded frame.
    pub(super) fn poll(&mut self, target_micros: i64) -> Option<Correction> {
        self.frames_since = self.frames_since.saturating_add(1);
        if self.slack_micros.len() < SLACK_WINDOW {
            return None;
        }
        let excess = self.slack_micros.iter().min()? - target_micros;
        let (operation, micros) = if excess > HIGH_MICROS {
            (Operation::Accelerate, excess - AIM_MICROS)
        } else if excess < -LOW_MICROS {
            (Operation::PreemptiveExpand, AIM_MICROS - excess)
        } else {
            self.frames_wanted = 0;
            return None;
        };
        let urgent = excess > URGENT_MICROS;
        let spacing = if urgent {
            URGENT_SPACING_FRAMES
        } else {
            SPACING_FRAMES
        };
        if self.frames_since < spacing {
            return None;
        }
        let patience = PATIENCE_PER_FRAME * self.frames_wanted as f32;
        self.frames_wanted += 1;
        Some(Correction {
            operation,
            samples: (micros as usize * 48 / 1_000).max(MIN_LAG),
            min_correlation: if urgent {
                URGENT_CORRELATION
            } else {
                CORRELATION
            } - patience,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(gap_samples: i64, has_lbrr: bool) -> Option<Next> {
        Some(Next {
            gap_samples,
            follows_loss: gap_samples > 0,
            has_lbrr,
        })
    }

    #[test]
    fn a_missing_frame_is_recovered_only_from_its_direct_successor() {
        assert_eq!(
            decide(next(0, true), 960, false, false),
            (Operation::Normal, 0)
        );
        assert_eq!(
            decide(next(960, true), 960, false, false),
            (Operation::Recover, 960)
        );
        assert_eq!(
            decide(next(960, false), 960, false, false),
            (Operation::Expand, 480)
        );
        assert_eq!(
            decide(next(1_920, true), 960, true, false),
            (Operation::Expand, 480)
        );
        assert_eq!(
            decide(next(1_200, true), 960, true, false),
            (Operation::Expand, 240)
        );
        assert_eq!(
            decide(next(480, true), 960, true, false),
            (Operation::Expand, 480)
        );
        assert_eq!(
            decide(next(-480, true), 960, true, false),
            (Operation::Merge, 0)
        );
    }

    #[test]
    fn a_meant_pause_is_comfort_noise_and_an_empty_buffer_is_not() {
        assert_eq!(decide(None, 960, false, false), (Operation::Expand, 480));
        assert_eq!(
            decide(None, 960, false, true),
            (Operation::ComfortNoise, 480)
        );
        assert_eq!(
            decide(next(960, true), 960, false, true),
            (Operation::ComfortNoise, 480)
        );
    }

    #[test]
    fn corrections_wait_for_a_good_seam_but_not_for_ever() {
        let mut corrector = Corrector::default();
        for _ in 0..SLACK_WINDOW {
            assert_eq!(corrector.poll(20_000), None);
            corrector.on_render(45_000);
        }
        let first = corrector.poll(20_000).unwrap();
        assert_eq!(
            (first.operation, first.samples),
            (Operation::Accelerate, 960)
        );
        let later = (0..60)
            .filter_map(|_| corrector.poll(20_000))
            .last()
            .unwrap();
        assert!(first.min_correlation > 0.8 && later.min_correlation < -1.0);
        corrector.on_corrected(-20_000);
        assert_eq!(
            (0..9).find_map(|_| corrector.poll(20_000)),
            None,
            "25 ms is near enough to 20"
        );
    }

    #[test]
    fn the_last_of_a_burst_of_renders_counts() {
        let mut corrector = Corrector::default();
        for n in 0..SLACK_WINDOW as i64 {
            corrector.on_render(50_000 - n % 4 * 10_000);
        }
        assert_eq!((0..9).find_map(|_| corrector.poll(20_000)), None);
    }
}
