//! Joins decoded audio to the concealment before it, at the sample where the two are most alike.
//!
//! A cross-fade between two periods of a voice that are out of step cancels it for a moment. So
//! concealment goes on until it is in step (NetEQ's `Merge`), if that makes the seam better at all.

use super::time_stretch::correlation;

/// The cross-fade: 5 ms.
pub(super) const JOIN: usize = 240;

/// Concealment goes on for so long at most: 10 ms, a pitch of 100 Hz.
pub(super) const MAX_SHIFT: usize = 480;

/// Least improvement of the likeness (−1 to 1) that is worth the delay.
const WORTH_IT: f32 = 0.2;

/// How many samples of `tail` come before the cross-fade to `head`.
pub(super) fn shift(tail: &[f32], head: &[f32]) -> usize {
    let Some(head) = head.get(..JOIN) else {
        return 0;
    };
    let longest = MAX_SHIFT.min(tail.len().saturating_sub(JOIN));
    let likeness = |shift: usize| {
        tail.get(shift..shift + JOIN)
            .map_or(-1.0, |tail| correlation(tail, head))
    };
    // A voice looks like itself after each period; the first is as good as the next.
    let coarse = (0..=longest)
        .step_by(4)
        .map(|shift| (shift, likeness(shift)));
    let most = coarse
        .clone()
        .fold(-1.0, |most: f32, (_, found)| most.max(found));
    let rough = coarse
        .clone()
        .find(|&(_, found)| found > most - 0.02)
        .map_or(0, |(shift, _)| shift);
    // Up to the next one but two, for the first within reach of the best may lie before its peak.
    let (fine, found) = (rough.saturating_sub(3)..=(rough + 12).min(longest))
        .map(|shift| (shift, likeness(shift)))
        .max_by(|a, b| a.1.total_cmp(&b.1))
        .unwrap_or((0, -1.0));
    if found > likeness(0) + WORTH_IT {
        fine
    } else {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f32::consts::TAU;

    fn tone(from: usize, samples: usize) -> Vec<f32> {
        (from..from + samples)
            .map(|n| (n as f32 * TAU / 320.0).sin())
            .collect()
    }

    #[test]
    fn a_voice_out_of_step_is_brought_into_step() {
        let tail = tone(0, MAX_SHIFT + JOIN);
        for ahead in [40, 160, 250] {
            let found = shift(&tail, &tone(ahead, 960));
            assert!(found.abs_diff(ahead) <= 2, "{found} for {ahead}");
        }
        assert_eq!(shift(&tail, &tone(10, 960)), 0, "near enough");
    }

    #[test]
    fn what_is_too_short_or_silent_is_joined_where_it_is() {
        assert_eq!(shift(&[], &tone(0, 960)), 0);
        assert_eq!(shift(&tone(0, 700), &tone(160, JOIN - 1)), 0);
        assert_eq!(shift(&[0.0; 700], &tone(160, 960)), 0);
    }
}
