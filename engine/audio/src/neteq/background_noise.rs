//! What a room sounds like while nobody speaks, so that concealment ends in that and not in dead
//! silence.
//!
//! The quietest stretch of late is modelled as white noise through an all-pole filter (linear
//! prediction by the autocorrelation method, Levinson–Durbin; as NetEQ's `BackgroundNoise`). Its
//! level is that stretch's; a voice that never pauses raises it slowly.

/// Enough for the colour of a room.
const ORDER: usize = 8;

/// A model is taken from so much audio: 10 ms.
const BLOCK: usize = 480;

/// How much louder than the quietest a block may be to replace it, growing with each block: doubles
/// in 2 s.
const RISE: f32 = 1.003_5;

/// Mean square of what passes for no noise at all: −90 dB.
const NOTHING: f32 = 1e-9;

/// Louder than this (−40 dB) is no background: mean square.
const LOUDEST: f32 = 1e-4;

/// The model and its filter's memory.
#[derive(Debug)]
pub(super) struct BackgroundNoise {
    /// A block quieter than this becomes the model.
    threshold: f32,
    /// Prediction of a sample from those before it, the latest first.
    coefficients: [f32; ORDER],
    /// Amplitude of the white noise that goes in.
    amplitude: f32,
    past: [f32; ORDER],
    state: u32,
}

impl Default for BackgroundNoise {
    fn default() -> Self {
        Self {
            threshold: LOUDEST,
            coefficients: [0.0; ORDER],
            amplitude: 0.0,
            past: [0.0; ORDER],
            state: 0x2545_F491,
        }
    }
}

impl BackgroundNoise {
    /// Takes in audio that was really sent.
    pub(super) fn on_audio(&mut self, audio: &[f32]) {
        for block in audio.chunks_exact(BLOCK) {
            let mut autocorrelation = [0.0; ORDER + 1];
            for (lag, value) in autocorrelation.iter_mut().enumerate() {
                *value = block[lag..].iter().zip(block).map(|(a, b)| a * b).sum();
            }
            let power = autocorrelation[0] / BLOCK as f32;
            self.threshold = (self.threshold * RISE).min(LOUDEST);
            if power.is_nan() || power >= self.threshold {
                continue;
            }
            self.threshold = power.max(NOTHING);
            if power < NOTHING {
                // Nothing goes into the filter, so nothing may go round in it: what decays in there
                // becomes subnormal and slow to compute with.
                (self.coefficients, self.amplitude) = ([0.0; ORDER], 0.0);
                continue;
            }
            let (coefficients, error) = predict(autocorrelation);
            self.coefficients = coefficients;
            // Uniform noise of amplitude a has a power of a²/3.
            self.amplitude = (3.0 * error / BLOCK as f32).max(0.0).sqrt();
        }
    }

    /// The next sample of it.
    pub(super) fn sample(&mut self) -> f32 {
        self.state = self
            .state
            .wrapping_mul(1_664_525)
            .wrapping_add(1_013_904_223);
        let white = ((self.state >> 8) as f32 / (1 << 23) as f32 - 1.0) * self.amplitude;
        let predicted: f32 = self
            .coefficients
            .iter()
            .zip(&self.past)
            .map(|(c, s)| c * s)
            .sum();
        let sample = white + predicted;
        self.past.rotate_right(1);
        self.past[0] = sample;
        sample
    }
}

/// The coefficients that predict a signal of this autocorrelation best, and the power (times
/// length) of what they leave.
fn predict(autocorrelation: [f32; ORDER + 1]) -> ([f32; ORDER], f32) {
    let mut coefficients = [0.0; ORDER];
    // A little white noise on top keeps the filter stable whatever the audio was.
    let mut error = autocorrelation[0] * 1.001 + f32::MIN_POSITIVE;
    for order in 0..ORDER {
        let known: f32 = (0..order)
            .map(|n| coefficients[n] * autocorrelation[order - n])
            .sum();
        let reflection = ((autocorrelation[order + 1] - known) / error).clamp(-0.98, 0.98);
        let before = coefficients;
        coefficients[order] = reflection;
        for n in 0..order {
            coefficients[n] = before[n] - reflection * before[order - 1 - n];
        }
        error *= 1.0 - reflection * reflection;
    }
    (coefficients, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn power(samples: &[f32]) -> f32 {
        samples.iter().map(|s| s * s).sum::<f32>() / samples.len() as f32
    }

    /// Dull noise: white noise through a pole at 0.9.
    fn room(amplitude: f32, samples: usize) -> Vec<f32> {
        let (mut state, mut last) = (7u32, 0.0);
        (0..samples)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                last = 0.9 * last + ((state >> 8) as f32 / (1 << 23) as f32 - 1.0) * amplitude;
                last
            })
            .collect()
    }

    /// Correlation of neighbouring samples: 0 for white noise.
    fn dullness(samples: &[f32]) -> f32 {
        let both: f32 = samples.windows(2).map(|w| w[0] * w[1]).sum();
        both / samples.iter().map(|s| s * s).sum::<f32>()
    }

    #[test]
    fn it_sounds_like_the_pauses_and_not_like_the_voice() {
        let mut noise = BackgroundNoise::default();
        let pause = room(0.002, 4_800);
        let voice: Vec<f32> = (0..24_000).map(|n| 0.3 * (n as f32 * 0.02).sin()).collect();
        noise.on_audio(&voice);
        noise.on_audio(&pause);
        noise.on_audio(&voice);
        let made: Vec<f32> = (0..24_000).map(|_| noise.sample()).collect();
        let ratio = 10.0 * (power(&made) / power(&pause)).log10();
        assert!((-6.0..=1.0).contains(&ratio), "{ratio} dB");
        assert!(
            (0.8..0.97).contains(&dullness(&made)),
            "{}",
            dullness(&made)
        );
    }

    #[test]
    fn silence_stays_silent_and_a_voice_alone_is_no_background() {
        let mut noise = BackgroundNoise::default();
        noise.on_audio(&room(0.002, 4_800));
        assert!((0..4_800).any(|_| noise.sample() != 0.0));
        noise.on_audio(&[0.0; 4_800]);
        let after: Vec<f32> = (0..4_800).map(|_| noise.sample()).collect();
        assert!(after[ORDER..].iter().all(|sample| *sample == 0.0));
        let mut noise = BackgroundNoise::default();
        noise.on_audio(&room(0.1, 48_000));
        assert!((0..4_800).all(|_| noise.sample() == 0.0));
    }

    #[test]
    fn whatever_the_audio_was_the_filter_is_stable() {
        for period in [2, 3, 7, 48, 1_000] {
            let mut noise = BackgroundNoise::default();
            let tone: Vec<f32> = (0..960)
                .map(|n| if n % period == 0 { 0.01 } else { -0.005 })
                .collect();
            noise.on_audio(&tone);
            noise.on_audio(&[f32::NAN; 960]);
            let made: Vec<f32> = (0..96_000).map(|_| noise.sample()).collect();
            assert!(made.iter().all(|s| s.abs() < 0.5), "period {period}");
        }
    }
}
