//! Keeps the sum of several talkers within ±1 without clipping it flat.

use crate::{NOTHING, SAMPLE_RATE_HZ};

/// Below this the signal passes unchanged.
const THRESHOLD: f32 = 0.85;

/// Time in which the envelope falls to 1/e.
const RELEASE_SECONDS: f32 = 0.1;

/// A peak limiter: instant attack, slow release, and a soft knee that approaches 1.
pub(super) struct Limiter {
    envelope: f32,
    release: f32,
}

impl Default for Limiter {
    fn default() -> Self {
        Self {
            envelope: 0.0,
            release: (-1.0 / (RELEASE_SECONDS * SAMPLE_RATE_HZ as f32)).exp(),
        }
    }
}

impl Limiter {
    pub(super) fn process(&mut self, samples: &mut [f32]) {
        for sample in samples {
            // Ends at what is nothing: in silence it would become subnormal, and the limiter slow.
            self.envelope = (self.envelope * self.release)
                .max(sample.abs())
                .max(NOTHING);
            if self.envelope > THRESHOLD {
                let room = 1.0 - THRESHOLD;
                let limited = THRESHOLD + room * (1.0 - ((THRESHOLD - self.envelope) / room).exp());
                *sample *= limited / self.envelope;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loud_sums_stay_within_full_scale_and_quiet_ones_are_untouched() {
        let mut limiter = Limiter::default();
        let mut quiet: Vec<f32> = (0..480).map(|n| (n as f32 * 0.1).sin() * 0.8).collect();
        let before = quiet.clone();
        limiter.process(&mut quiet);
        assert_eq!(quiet, before);

        let mut loud: Vec<f32> = (0..4_800).map(|n| (n as f32 * 0.1).sin() * 5.0).collect();
        limiter.process(&mut loud);
        let peak = loud.iter().fold(0.0f32, |peak, s| peak.max(s.abs()));
        assert!((0.95..=1.0).contains(&peak), "{peak}");
    }

    #[test]
    fn the_envelope_of_silence_does_not_become_subnormal() {
        let mut limiter = Limiter::default();
        limiter.process(&mut [0.5; 480]);
        limiter.process(&mut vec![0.0; 12 * SAMPLE_RATE_HZ as usize]);
        assert!(limiter.envelope.is_normal(), "{}", limiter.envelope);
    }
}
