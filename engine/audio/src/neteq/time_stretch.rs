//! Takes a short piece out of the audio, or repeats one, where it is heard least.
//!
//! The piece is between 2.5 and 15 ms long, which covers the pitch periods of speech; its length is
//! the one at which the audio looks most like itself, and the seam is cross-faded (NetEQ's
//! `TimeStretch`, without its voiced/unvoiced model).

/// 2.5 ms, a pitch of 400 Hz.
pub(super) const MIN_LAG: usize = 120;

/// 15 ms, a pitch of 67 Hz.
pub(super) const MAX_LAG: usize = 720;

/// 5 ms of cross-fade.
const OVERLAP: usize = 240;

/// Mean square below which any seam is inaudible: −55 dB.
const SILENCE: f32 = 3e-6;

/// Removes one piece of at most `max_samples` from the start of `pcm` if the seam is at least as
/// good as `min_correlation` (−1 to 1); returns how many samples went.
pub(super) fn accelerate(pcm: &mut Vec<f32>, max_samples: usize, min_correlation: f32) -> usize {
    let Some(lag) = best_lag(pcm, max_samples, min_correlation) else {
        return 0;
    };
    for n in 0..OVERLAP {
        pcm[lag + n] = mix(pcm[n], pcm[lag + n], n);
    }
    pcm.drain(..lag);
    lag
}

/// Repeats one piece of at most `max_samples` at the start of `pcm`, under the same condition;
/// returns how many samples came.
pub(super) fn preemptive_expand(
    pcm: &mut Vec<f32>,
    max_samples: usize,
    min_correlation: f32,
) -> usize {
    let Some(lag) = best_lag(pcm, max_samples, min_correlation) else {
        return 0;
    };
    let mut head = Vec::with_capacity(lag + OVERLAP);
    head.extend_from_slice(&pcm[..lag]);
    head.extend((0..OVERLAP).map(|n| mix(pcm[lag + n], pcm[n], n)));
    pcm.splice(..OVERLAP, head);
    lag
}

fn mix(from: f32, to: f32, n: usize) -> f32 {
    let weight = (n as f32 + 0.5) / OVERLAP as f32;
    from + (to - from) * weight
}

fn best_lag(pcm: &[f32], max_samples: usize, min_correlation: f32) -> Option<usize> {
    let longest = MAX_LAG
        .min(max_samples)
        .min(pcm.len().saturating_sub(OVERLAP));
    if longest < MIN_LAG {
        return None;
    }
    let power =
        pcm[..OVERLAP + longest].iter().map(|s| s * s).sum::<f32>() / (OVERLAP + longest) as f32;
    if power < SILENCE {
        return Some(longest);
    }
    let coarse = (MIN_LAG..=longest).step_by(4);
    let rough = best_of(pcm, coarse)?.0;
    let fine = rough.saturating_sub(3).max(MIN_LAG)..=(rough + 3).min(longest);
    let (lag, correlation) = best_of(pcm, fine)?;
    (correlation >= min_correlation).then_some(lag)
}

fn best_of(pcm: &[f32], lags: impl Iterator<Item = usize>) -> Option<(usize, f32)> {
    lags.map(|lag| (lag, correlation(&pcm[..OVERLAP], &pcm[lag..lag + OVERLAP])))
        .max_by(|a, b| a.1.total_cmp(&b.1))
}

/// Normalised: 1 for the same shape, −1 for the opposite.
pub(super) fn correlation(a: &[f32], b: &[f32]) -> f32 {
    let (mut ab, mut aa, mut bb) = (0.0f32, 0.0f32, 0.0f32);
    for (a, b) in a.iter().zip(b) {
        ab += a * b;
        aa += a * a;
        bb += b * b;
    }
    ab / (aa * bb).sqrt().max(1e-9)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f32::consts::TAU;

    /// 200 Hz: a period of 240 samples.
    fn voiced() -> Vec<f32> {
        (0..1_440)
            .map(|n| 0.5 * (n as f32 * TAU / 240.0).sin())
            .collect()
    }

    fn steepest(pcm: &[f32]) -> f32 {
        pcm.windows(2)
            .map(|w| (w[1] - w[0]).abs())
            .fold(0.0, f32::max)
    }

    #[test]
    fn whole_periods_are_removed_and_repeated_without_a_seam() {
        let smooth = steepest(&voiced()) * 1.1;
        let mut shorter = voiced();
        let removed = accelerate(&mut shorter, usize::MAX, 0.9);
        assert!(removed > 0 && removed % 240 < 4, "{removed}");
        assert_eq!(shorter.len(), 1_440 - removed);
        assert!(steepest(&shorter) < smooth);

        let mut longer = voiced();
        let inserted = preemptive_expand(&mut longer, usize::MAX, 0.9);
        assert!(inserted > 0 && inserted % 240 < 4, "{inserted}");
        assert_eq!(longer.len(), 1_440 + inserted);
        assert!(steepest(&longer) < smooth);
    }

    #[test]
    fn a_bad_seam_is_refused_and_a_pause_takes_any() {
        let mut state = 1u32;
        let mut hiss: Vec<f32> = (0..960)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                state as f32 / u32::MAX as f32 - 0.5
            })
            .collect();
        assert_eq!(accelerate(&mut hiss, usize::MAX, 0.9), 0);
        assert!(accelerate(&mut hiss, usize::MAX, -1.0) > 0);
        assert_eq!(accelerate(&mut vec![0.0; 960], usize::MAX, 0.9), 720);
        assert_eq!(preemptive_expand(&mut vec![0.0; 960], 300, 0.9), 300);
    }

    #[test]
    fn too_little_audio_is_left_alone() {
        for length in 0..MIN_LAG + OVERLAP {
            assert_eq!(accelerate(&mut vec![0.0; length], usize::MAX, -1.0), 0);
        }
    }
}
