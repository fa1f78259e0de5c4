//! Signals to test with, all functions of their seed, and measures of what comes out.

#![allow(dead_code, reason = "each test file uses its own part")]
#![allow(clippy::unwrap_used, reason = "a test that cannot start should stop")]

pub(crate) mod call;

use std::f32::consts::TAU;

/// Samples per second.
pub(crate) const RATE: usize = 48_000;

/// A sine with an amplitude of `amplitude`.
pub(crate) fn tone(frequency_hz: f32, amplitude: f32, samples: usize) -> Vec<f32> {
    let step = frequency_hz / RATE as f32;
    (0..samples)
        .map(|n| (n as f64 * f64::from(step)).fract() as f32)
        .map(|phase| amplitude * (phase * TAU).sin())
        .collect()
}

/// xorshift64*: enough randomness for noise and losses.
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// Uniform in 0..1.
    pub(crate) fn unit(&mut self) -> f32 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 40) as f32 / (1u64 << 24) as f32
    }
}

/// White noise, uniform within ±`amplitude`.
pub(crate) fn noise(seed: u64, amplitude: f32, samples: usize) -> Vec<f32> {
    let mut rng = Rng::new(seed);
    (0..samples)
        .map(|_| (rng.unit() * 2.0 - 1.0) * amplitude)
        .collect()
}

/// Sounds like a talker to the detectors: glottal pulses of a moving pitch through three moving
/// formants, in syllables with pauses, with some hiss at their starts.
pub(crate) fn speech(seed: u64, amplitude: f32, samples: usize) -> Vec<f32> {
    const VOWELS: [[f32; 3]; 5] = [
        [730.0, 1090.0, 2440.0],
        [270.0, 2290.0, 3010.0],
        [300.0, 870.0, 2240.0],
        [530.0, 1840.0, 2480.0],
        [570.0, 840.0, 2410.0],
    ];
    let mut rng = Rng::new(seed);
    let mut out = Vec::with_capacity(samples);
    let mut formants = [
        Resonator::default(),
        Resonator::default(),
        Resonator::default(),
    ];
    let mut phase = 0.0f32;
    while out.len() < samples {
        let length = RATE / 8 + (rng.unit() * (RATE / 6) as f32) as usize;
        let pause = if rng.unit() < 0.2 {
            RATE / 3
        } else {
            RATE / 40
        };
        let vowel = VOWELS[(rng.unit() * 5.0) as usize % 5];
        let pitch_start = 100.0 + 50.0 * rng.unit();
        let pitch_end = 90.0 + 50.0 * rng.unit();
        for n in 0..length + pause {
            let progress = n as f32 / length as f32;
            let envelope = if progress < 1.0 {
                (progress * TAU / 2.0).sin().max(0.0).sqrt()
            } else {
                0.0
            };
            let pitch = pitch_start + (pitch_end - pitch_start) * progress;
            phase += pitch / RATE as f32;
            let pulse = if phase >= 1.0 {
                phase -= 1.0;
                1.0
            } else {
                0.0
            };
            let hiss = (rng.unit() - 0.5) * if progress < 0.1 { 0.05 } else { 0.002 };
            let mut sample = 0.0;
            for (formant, (frequency, gain)) in formants
                .iter_mut()
                .zip(vowel.into_iter().zip([1.0, 0.5, 0.25]))
            {
                sample += gain * formant.step(frequency, 80.0, (pulse + hiss) * envelope);
            }
            out.push(sample);
        }
    }
    out.truncate(samples);
    let peak = out
        .iter()
        .fold(0.0f32, |peak, sample| peak.max(sample.abs()));
    for sample in &mut out {
        *sample *= amplitude / peak;
    }
    out
}

/// A vowel held for ever at 120 Hz, as loud as a sine of `amplitude`.
pub(crate) fn vowel(amplitude: f32, samples: usize) -> Vec<f32> {
    let mut formants = [Resonator::default(), Resonator::default()];
    let mut out: Vec<f32> = (0..samples)
        .map(|n| {
            let pulse = if n % (RATE / 120) == 0 { 1.0 } else { 0.0 };
            formants[0].step(530.0, 60.0, pulse) + 0.5 * formants[1].step(1840.0, 90.0, pulse)
        })
        .collect();
    let scale = amplitude * 10f32.powf((-3.0 - power_db(&out) as f32) / 20.0);
    out.iter_mut().for_each(|sample| *sample *= scale);
    out
}

#[derive(Default)]
struct Resonator {
    y1: f32,
    y2: f32,
}

impl Resonator {
    fn step(&mut self, frequency_hz: f32, bandwidth_hz: f32, input: f32) -> f32 {
        let radius = (-std::f32::consts::PI * bandwidth_hz / RATE as f32).exp();
        let y = input + 2.0 * radius * (TAU * frequency_hz / RATE as f32).cos() * self.y1
            - radius * radius * self.y2;
        self.y2 = self.y1;
        self.y1 = y;
        y
    }
}

/// Mean power in dB of full scale.
pub(crate) fn power_db(samples: &[f32]) -> f64 {
    let sum: f64 = samples.iter().map(|&s| f64::from(s) * f64::from(s)).sum();
    10.0 * (sum / samples.len() as f64).max(1e-15).log10()
}

/// Power in dB of the part of `samples` at `frequency_hz` (Goertzel), a sine of amplitude 1 being
/// −3.
pub(crate) fn tone_power_db(samples: &[f32], frequency_hz: f32) -> f64 {
    let step = std::f64::consts::TAU * f64::from(frequency_hz) / RATE as f64;
    let (mut re, mut im) = (0.0, 0.0);
    for (n, &sample) in samples.iter().enumerate() {
        let window = 0.5 - 0.5 * (std::f64::consts::TAU * n as f64 / samples.len() as f64).cos();
        re += f64::from(sample) * window * (step * n as f64).cos();
        im += f64::from(sample) * window * (step * n as f64).sin();
    }
    let amplitude = 4.0 * re.hypot(im) / samples.len() as f64;
    10.0 * (amplitude * amplitude / 2.0).max(1e-15).log10()
}

/// Frequency in Hz from the zero crossings upwards.
pub(crate) fn frequency(samples: &[f32]) -> f64 {
    let crossings: Vec<f64> = samples
        .windows(2)
        .enumerate()
        .filter(|(_, w)| w[0] < 0.0 && w[1] >= 0.0)
        .map(|(n, w)| n as f64 + f64::from(-w[0] / (w[1] - w[0])))
        .collect();
    let periods = crossings.len() - 1;
    RATE as f64 * periods as f64 / (crossings[periods] - crossings[0])
}
