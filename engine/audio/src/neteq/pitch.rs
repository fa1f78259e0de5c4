//! Concealment of our own: the last pitch period, repeated (the core of NetEQ's `Expand` and of
//! ITU-T G.711 appendix I).
//!
//! libopus conceals first: its decoder goes on from its own concealment without a seam, where a
//! join of ours to this one is heard (135 steps that stand alone, in a minute of the vowel of
//! `tests/loss.rs` at 5 % loss). This is for where libopus has nothing to give, and for what its
//! concealment would go on like when a packet comes in the middle of it.

use super::time_stretch::{MAX_LAG, MIN_LAG, correlation};

/// Length of the two stretches, one period apart, that are compared: 7.5 ms.
const COMPARED: usize = 360;

/// As much of the past as is ever looked at.
pub(super) const HISTORY: usize = MAX_LAG + COMPARED;

/// Appends `samples` that continue `past`; silence if there is too little of it.
pub(super) fn continue_pitch(past: &[f32], samples: usize, out: &mut impl Extend<f32>) {
    match period(past) {
        Some(lag) => {
            let from = past.len() - lag;
            out.extend((0..samples).map(|n| past[from + n % lag]));
        }
        None => out.extend(std::iter::repeat_n(0.0, samples)),
    }
}

/// The lag at which the end of `past` looks most like itself.
fn period(past: &[f32]) -> Option<usize> {
    let tail = past.len().checked_sub(COMPARED)?;
    let longest = MAX_LAG.min(tail);
    let likeness = |lag: usize| correlation(&past[tail..], &past[tail - lag..past.len() - lag]);
    let best = |lags: &mut dyn Iterator<Item = usize>| {
        lags.map(|lag| (lag, likeness(lag)))
            .max_by(|a, b| a.1.total_cmp(&b.1))
            .map(|(lag, _)| lag)
    };
    let rough = best(&mut (MIN_LAG..=longest).step_by(4))?;
    best(&mut (rough.saturating_sub(3).max(MIN_LAG)..=(rough + 3).min(longest)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f32::consts::TAU;

    #[test]
    fn a_tone_goes_on_as_it_was() {
        let tone = |n: usize| 0.5 * (n as f32 * TAU / 300.0).sin();
        let past: Vec<f32> = (0..HISTORY).map(tone).collect();
        let mut next = Vec::new();
        continue_pitch(&past, 960, &mut next);
        for (n, sample) in next.into_iter().enumerate() {
            assert!((sample - tone(HISTORY + n)).abs() < 0.02, "{n}");
        }
    }

    #[test]
    fn too_little_past_is_silence() {
        let mut next = Vec::new();
        for length in 0..COMPARED + MIN_LAG {
            continue_pitch(&vec![1.0; length], 3, &mut next);
        }
        assert_eq!(next, vec![0.0; 3 * (COMPARED + MIN_LAG)]);
    }
}
