//! How loud it is: the level of a stretch of samples and the energy sums of webrtc-stats.

use crate::SAMPLE_RATE_HZ;

/// A level in decibels relative to the overload point, as in RFC 6464 §3: 0 is a square wave at
/// full scale, a sine at full scale is −3, and −127 stands for silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(transparent)]
pub struct Dbov(i8);

impl Dbov {
    /// Digital silence.
    pub const SILENCE: Self = Self(-127);

    /// The level of samples whose mean square is `mean_square` (1.0 at full scale).
    pub fn from_mean_square(mean_square: f64) -> Self {
        if mean_square <= 0.0 {
            return Self::SILENCE;
        }
        Self((10.0 * mean_square.log10()).round().clamp(-127.0, 0.0) as i8)
    }

    /// Decibels, −127 to 0.
    pub const fn as_db(self) -> i8 {
        self.0
    }
}

/// Accumulates what webrtc-stats calls `audioLevel`, `totalAudioEnergy` and `totalSamplesDuration`.
#[derive(Clone, Debug, Default)]
pub struct LevelMeter {
    sum_of_squares: f64,
    samples: u64,
    level: f64,
    total_energy: f64,
    total_samples: u64,
}

impl LevelMeter {
    /// Adds one block of samples, nominally within ±1.
    pub fn add(&mut self, block: &[f32]) {
        if block.is_empty() {
            return;
        }
        let mut sum = 0.0;
        let mut peak = 0.0f32;
        for &sample in block {
            sum += f64::from(sample) * f64::from(sample);
            peak = peak.max(sample.abs());
        }
        let seconds = block.len() as f64 / f64::from(SAMPLE_RATE_HZ);
        self.sum_of_squares += sum;
        self.samples += block.len() as u64;
        // The peak with a decay of 12 dB a second, so that a poll between two syllables does not
        // read silence.
        self.level = f64::from(peak.min(1.0)).max(self.level * 0.25f64.powf(seconds));
        self.total_energy += sum / block.len() as f64 * seconds;
        self.total_samples += block.len() as u64;
    }

    /// The level since the last call of this function; silence if nothing was added.
    pub fn take_level(&mut self) -> Dbov {
        let mean_square = self.sum_of_squares / self.samples.max(1) as f64;
        self.sum_of_squares = 0.0;
        self.samples = 0;
        Dbov::from_mean_square(mean_square)
    }

    /// webrtc-stats `audioLevel`: 0 to 1, linear.
    pub fn audio_level(&self) -> f64 {
        self.level
    }

    /// webrtc-stats `totalAudioEnergy`: the integral of the squared level over time, in seconds.
    pub fn total_audio_energy(&self) -> f64 {
        self.total_energy
    }

    /// webrtc-stats `totalSamplesDuration`: seconds of audio added.
    pub fn total_samples_duration(&self) -> f64 {
        self.total_samples as f64 / f64::from(SAMPLE_RATE_HZ)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_scale_sine_is_three_decibels_below_overload() {
        let sine: Vec<f32> = (0..480)
            .map(|n| (n as f32 * std::f32::consts::TAU / 48.0).sin())
            .collect();
        let mut meter = LevelMeter::default();
        meter.add(&sine);
        assert_eq!(meter.take_level().as_db(), -3);
        assert!((meter.audio_level() - 1.0).abs() < 0.01);
        assert!((meter.total_audio_energy() - 0.005).abs() < 1e-5);
        assert!((meter.total_samples_duration() - 0.01).abs() < 1e-9);
    }

    #[test]
    fn silence_reads_as_the_lowest_level() {
        let mut meter = LevelMeter::default();
        assert_eq!(meter.take_level(), Dbov::SILENCE);
        meter.add(&[0.0; 480]);
        assert_eq!(meter.take_level(), Dbov::SILENCE);
        assert_eq!(meter.audio_level(), 0.0);
    }
}
