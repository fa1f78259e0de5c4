//! Short-time spectra, and the peaks that may be a howl.

use std::sync::Arc;

use realfft::num_complex::Complex;
use realfft::{RealFftPlanner, RealToComplex};

/// Samples in a spectrum: 85 ms, bins of 11.7 Hz, so that the harmonics of a low voice stand apart.
pub(super) const SIZE: usize = 4_096;
/// Samples from one spectrum to the next: 20 ms.
pub(super) const HOP: usize = 960;
/// 100 Hz; below, a microphone hears rumble.
const FIRST_BIN: usize = 9;
/// 12 kHz; above, neither loudspeakers nor microphones have a gain that howls.
const END_BIN: usize = 1_024;
/// Bins of a tone on each side of its peak: two under a Hann window, and one because a howl has
/// some width at first, for a loop with much delay howls at several frequencies next to each other.
const LOBE: usize = 3;
/// Power of a peak over the mean of all (PAPR): 10 dB.
const MIN_OVER_MEAN: f32 = 10.0;
/// Power of a peak over that of each bin just outside its lobe (PNPR): 10 dB.
const MIN_OVER_NEIGHBOURS: f32 = 10.0;
/// The bins of which that is asked, 60 to 80 Hz away.
const NEIGHBOURS: std::ops::RangeInclusive<usize> = LOBE + 2..=LOBE + 4;
/// What a howl may have at twice its frequency, in dB below it: what clips a loop clips both sides
/// alike, which makes nothing there.
const MAX_SECOND_DB: f32 = -15.0;
/// And at three times: a square wave has −9.5.
const MAX_THIRD_DB: f32 = -8.0;
/// And at the places of both partials beside it, were it the second, third or fourth harmonic of a
/// voice.
const MAX_PARTIAL_DB: f32 = -25.0;
/// The candidates of a frame, at most.
const MAX_PEAKS: usize = 6;

/// A candidate.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peak {
    /// Where, in bins, and between them.
    pub(super) bin: f32,
    power: f32,
}

pub(super) struct Spectrum {
    fft: Arc<dyn RealToComplex<f32>>,
    window: Vec<f32>,
    /// The last [`SIZE`] samples; the oldest first.
    samples: Vec<f32>,
    fresh: usize,
    windowed: Vec<f32>,
    output: Vec<Complex<f32>>,
    scratch: Vec<Complex<f32>>,
    /// Power of each bin, scaled so that a tone has its mean square in its lobe.
    power: Vec<f32>,
}

impl Spectrum {
    pub(super) fn new() -> Self {
        let fft = RealFftPlanner::new().plan_fft_forward(SIZE);
        let turn = std::f32::consts::TAU / SIZE as f32;
        Self {
            window: (0..SIZE)
                .map(|n| 0.5 - 0.5 * (n as f32 * turn).cos())
                .collect(),
            samples: vec![0.0; SIZE],
            fresh: 0,
            windowed: fft.make_input_vec(),
            output: fft.make_output_vec(),
            scratch: fft.make_scratch_vec(),
            power: vec![0.0; END_BIN + 8],
            fft,
        }
    }

    pub(super) fn clear(&mut self) {
        self.samples.fill(0.0);
        self.fresh = 0;
    }

    /// Samples until the next spectrum.
    pub(super) fn missing(&self) -> usize {
        HOP - self.fresh
    }

    /// Takes at most [`Self::missing`] samples; true if there is a new spectrum.
    pub(super) fn push(&mut self, samples: &[f32]) -> bool {
        self.samples.copy_within(samples.len().., 0);
        self.samples[SIZE - samples.len()..].copy_from_slice(samples);
        self.fresh += samples.len();
        if self.fresh < HOP {
            return false;
        }
        self.fresh = 0;
        self.transform();
        true
    }

    fn transform(&mut self) {
        let windowed = self
            .windowed
            .iter_mut()
            .zip(&self.samples)
            .zip(&self.window);
        windowed.for_each(|((out, sample), window)| *out = sample * window);
        // Only lengths can be wrong, and these are its own.
        let _ =
            self.fft
                .process_with_scratch(&mut self.windowed, &mut self.output, &mut self.scratch);
        // A sine of amplitude A has (A · SIZE / 4)² in its middle bin and half as much again beside
        // it, and a mean square of A² / 2.
        let scale = 16.0 / (3.0 * (SIZE * SIZE) as f32);
        for (power, value) in self.power.iter_mut().zip(&self.output) {
            *power = value.norm_sqr() * scale;
        }
    }

    /// The strongest candidates, the strongest first.
    pub(super) fn peaks(&self) -> Vec<Peak> {
        let least = MIN_OVER_MEAN * self.total() / (END_BIN - FIRST_BIN) as f32;
        let mut peaks: Vec<Peak> = (FIRST_BIN..END_BIN)
            .filter(|&bin| self.power[bin] > least && self.stands_out(bin))
            .map(|bin| Peak {
                bin: self.refined(bin),
                power: self.power[bin],
            })
            .collect();
        peaks.sort_by(|a, b| b.power.total_cmp(&a.power));
        peaks.truncate(MAX_PEAKS);
        peaks
    }

    fn stands_out(&self, bin: usize) -> bool {
        let power = self.power[bin];
        let beside = |distance: usize| self.power[bin - distance].max(self.power[bin + distance]);
        power > beside(1).max(f32::MIN_POSITIVE)
            && NEIGHBOURS
                .into_iter()
                .all(|distance| power > MIN_OVER_NEIGHBOURS * beside(distance))
    }

    /// The top of the parabola through the peak and what is beside it, in decibels.
    fn refined(&self, bin: usize) -> f32 {
        let [a, b, c] = [bin - 1, bin, bin + 1].map(|bin| self.power[bin].max(1e-20).log10());
        let offset = 0.5 * (a - c) / (a - 2.0 * b + c).min(-1e-6);
        bin as f32 + offset.clamp(-0.5, 0.5)
    }

    /// Mean square of all that is heard.
    pub(super) fn total(&self) -> f32 {
        self.power[FIRST_BIN..END_BIN].iter().sum()
    }

    /// Mean square of the tone at a bin.
    pub(super) fn lobe(&self, bin: f32) -> f32 {
        let bin = (bin.round() as usize).clamp(LOBE, END_BIN);
        self.power[bin - LOBE..=bin + LOBE].iter().sum()
    }

    /// The tone at a bin in dB; a sine at full scale is −3.
    pub(super) fn level_db(&self, bin: f32) -> f32 {
        10.0 * self.lobe(bin).max(1e-12).log10()
    }

    /// Whether a tone has nothing that a voice or an instrument would have with it (PHPR): neither
    /// harmonics, nor partials on both sides if it is a harmonic itself.
    pub(super) fn is_pure(&self, bin: f32) -> bool {
        let level = self.level_db(bin);
        let over =
            |other: f32, least: f32| other < END_BIN as f32 && self.level_db(other) - level > least;
        let of_voice =
            |n: f32| over(bin - bin / n, MAX_PARTIAL_DB) && over(bin + bin / n, MAX_PARTIAL_DB);
        !(over(2.0 * bin, MAX_SECOND_DB)
            || over(3.0 * bin, MAX_THIRD_DB)
            || [2.0, 3.0, 4.0].into_iter().any(of_voice))
    }
}
