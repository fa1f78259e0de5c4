//! Concealment over its whole course: libopus continues the past, however long nothing comes the
//! audio fades to what the room sounds like instead of droning on, and what is real again is joined
//! to it in step.

use std::collections::VecDeque;

use super::background_noise::BackgroundNoise;
use super::merge::{self, JOIN, MAX_SHIFT};
use super::pitch::{self, HISTORY};
use crate::SAMPLE_RATE_HZ;
use crate::codec::Decoder;

const MILLISECOND: usize = SAMPLE_RATE_HZ as usize / 1_000;

/// Concealment is trusted so long.
const FADE_START: usize = 60 * MILLISECOND;

/// From here on there is only background noise.
const FADE_END: usize = 200 * MILLISECOND;

/// From here on the noise fades: the source is gone.
const NOISE_FADE_START: usize = 1_000 * MILLISECOND;
const NOISE_FADE_END: usize = 2_000 * MILLISECOND;

/// A run of concealment: its audio, its fade and its end.
#[derive(Default)]
pub(super) struct Expand {
    run: usize,
    /// Made and not yet used: libopus conceals best in whole frames, and the next packet may come
    /// after half of one.
    reserve: VecDeque<f32>,
    /// The last audio made, real or not, as much as a pitch is found in.
    history: VecDeque<f32>,
    /// Whether the concealment is libopus's.
    is_by_decoder: bool,
    noise: BackgroundNoise,
}

impl Expand {
    /// Samples concealed since the last real one.
    pub(super) fn run(&self) -> usize {
        self.run
    }

    /// Whether the next concealed sample holds nothing of the talker any more.
    pub(super) fn is_silent(&self) -> bool {
        self.run >= FADE_END
    }

    /// Takes in audio that was decoded from a packet, as it is.
    pub(super) fn on_audio(&mut self, audio: &[f32]) {
        self.noise.on_audio(audio);
        self.remember(audio);
    }

    /// The source begins again, in the same room.
    pub(super) fn restart(&mut self) {
        self.run = 0;
        self.reserve.clear();
        self.history.clear();
    }

    /// Appends `samples` of concealment to `pcm`, unfaded; silence if the run has got to that.
    pub(super) fn extend(
        &mut self,
        pcm: &mut Vec<f32>,
        samples: usize,
        decoder: Option<&mut Decoder>,
        frame_samples: usize,
    ) {
        let end = pcm.len() + samples;
        if !self.is_silent() {
            self.fill(samples, decoder, frame_samples);
            pcm.extend(self.reserve.drain(..samples.min(self.reserve.len())));
        }
        pcm.resize(end, 0.0);
    }

    /// Applies the fade to concealed samples just appended, and counts them.
    pub(super) fn fade(&mut self, samples: &mut [f32]) {
        // The talker's continuation is no noise of the room.
        self.remember(samples);
        if self.run + samples.len() > FADE_START {
            for (n, sample) in samples.iter_mut().enumerate() {
                let gain = gain(self.run + n);
                *sample =
                    *sample * gain + self.noise.sample() * noise_gain(self.run + n) * (1.0 - gain);
            }
        }
        self.run += samples.len();
    }

    /// The next real audio is the first: it comes in from silence.
    pub(super) fn begin_from_silence(&mut self) {
        self.reserve.resize(JOIN, 0.0);
    }

    /// The next real audio does not continue the last: what that would have gone on like is faded
    /// out under it.
    pub(super) fn cover_jump(&mut self, decoder: Option<&mut Decoder>, frame_samples: usize) {
        if !self.is_silent() {
            self.fill(JOIN, decoder, frame_samples);
        }
    }

    /// Ends the run: `pcm` from `start` on is real again and comes in over the rest of the
    /// concealment, in step with it. Returns by how many samples that made it longer.
    pub(super) fn end(&mut self, pcm: &mut Vec<f32>, start: usize) -> usize {
        let run = std::mem::take(&mut self.run);
        let mut tail = Vec::from(std::mem::take(&mut self.reserve));
        let from = gain(run);
        // After its own concealment libopus goes on where that ended.
        let is_joined = tail.is_empty() && self.is_by_decoder;
        if from >= 1.0 && (is_joined || run == 0 && tail.is_empty()) {
            return 0;
        }
        let shift = if run > 0 && from >= 1.0 {
            self.lengthen(&mut tail);
            merge::shift(&tail, &pcm[start..])
        } else {
            0
        };
        for (n, sample) in pcm[start..].iter_mut().take(JOIN).enumerate() {
            let weight = (n as f32 + 0.5) / JOIN as f32;
            let noise = if from < 1.0 {
                self.noise.sample() * noise_gain(run)
            } else {
                0.0
            };
            let tail = match tail.get(shift + n) {
                Some(tail) => tail * from,
                None if tail.is_empty() => *sample * from,
                None => 0.0,
            };
            *sample = tail + noise * (1.0 - from) * (1.0 - weight) + (*sample - tail) * weight;
        }
        tail.truncate(shift);
        pcm.splice(start..start, tail);
        shift
    }

    /// Makes what is left of the concealment long enough to choose from where to leave it.
    fn lengthen(&mut self, tail: &mut Vec<f32>) {
        let wanted = MAX_SHIFT + JOIN;
        if tail.len() < wanted {
            self.history.extend(&*tail);
            let past = self.history.make_contiguous();
            pitch::continue_pitch(past, wanted - tail.len(), tail);
        }
    }

    fn remember(&mut self, audio: &[f32]) {
        self.history.extend(audio);
        let surplus = self.history.len().saturating_sub(HISTORY);
        self.history.drain(..surplus);
    }

    /// Conceals whole frames until the reserve holds so many samples.
    fn fill(&mut self, samples: usize, mut decoder: Option<&mut Decoder>, frame_samples: usize) {
        while self.reserve.len() < samples {
            match decoder
                .as_mut()
                .map(|decoder| decoder.conceal(frame_samples))
            {
                Some(Ok(frame)) if !frame.is_empty() => {
                    self.is_by_decoder = true;
                    self.reserve.extend(frame);
                }
                _ => {
                    self.is_by_decoder = false;
                    let past = self.history.make_contiguous();
                    return pitch::continue_pitch(
                        past,
                        samples - self.reserve.len(),
                        &mut self.reserve,
                    );
                }
            }
        }
    }
}

fn gain(position: usize) -> f32 {
    let faded = position.saturating_sub(FADE_START) as f32 / (FADE_END - FADE_START) as f32;
    (1.0 - faded).max(0.0)
}

fn noise_gain(position: usize) -> f32 {
    let faded = position.saturating_sub(NOISE_FADE_START) as f32;
    (1.0 - faded / (NOISE_FADE_END - NOISE_FADE_START) as f32).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_run_ends_in_silence_and_comes_back_without_a_step() {
        let mut expand = Expand::default();
        let mut first = [1.0; 480];
        expand.fade(&mut first);
        assert_eq!(first, [1.0; 480]);
        let mut last = 1.0;
        for _ in 0..25 {
            let mut block = [1.0; 480];
            expand.fade(&mut block);
            for sample in block {
                assert!(last - sample < 0.001 && sample <= last);
                last = sample;
            }
        }
        assert!(expand.is_silent() && last == 0.0);
        let mut real = vec![1.0; 480];
        assert_eq!(expand.end(&mut real, 0), 0);
        assert!(real[0] < 0.01 && real[479] == 1.0 && expand.run() == 0);
    }

    /// A voice of 150 Hz.
    fn voice(n: usize) -> f32 {
        0.5 * (n as f32 * std::f32::consts::TAU / 320.0).sin()
    }

    /// The loudest sample of each 5 ms.
    fn envelope(pcm: &[f32]) -> Vec<f32> {
        pcm.chunks_exact(320)
            .map(|chunk| chunk.iter().fold(0.0, |most, s| s.abs().max(most)))
            .collect()
    }

    #[test]
    fn a_voice_that_comes_back_out_of_step_is_not_cancelled_at_the_join() {
        let mut expand = Expand::default();
        let past: Vec<f32> = (0..4_800).map(voice).collect();
        expand.on_audio(&past);
        let mut pcm = Vec::new();
        expand.extend(&mut pcm, 960, None, 960);
        expand.fade(&mut pcm);
        // Half a period later than the concealment has it.
        pcm.extend((0..960).map(|n| voice(4_800 + 960 + 160 + n)));
        let longer = expand.end(&mut pcm, 960);
        assert!(longer.abs_diff(160) <= 3, "{longer}");
        assert_eq!(pcm.len(), 960 + 960 + longer);
        assert!(
            envelope(&pcm).iter().all(|&peak| peak > 0.45),
            "{:?}",
            envelope(&pcm)
        );
        let step = pcm
            .windows(2)
            .map(|w| (w[1] - w[0]).abs())
            .fold(0.0, f32::max);
        assert!(step < 0.02, "{step}");
    }

    #[test]
    fn a_long_loss_ends_in_what_the_room_sounds_like() {
        let mut expand = Expand::default();
        let mut state = 1u32;
        let room: Vec<f32> = (0..9_600)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                ((state >> 8) as f32 / (1 << 23) as f32 - 1.0) * 0.003
            })
            .collect();
        expand.on_audio(&room);
        let power = |pcm: &[f32]| pcm.iter().map(|s| s * s).sum::<f32>() / pcm.len() as f32;
        let mut late = Vec::new();
        for block in 0..200 {
            let mut pcm = vec![0.0; 480];
            expand.fade(&mut pcm);
            if (30..90).contains(&block) {
                late.extend(pcm);
            } else if block >= 199 {
                assert!(power(&pcm) < power(&room) / 100.0, "it never ends");
            }
        }
        let ratio = power(&late) / power(&room);
        assert!((0.25..1.3).contains(&ratio), "{ratio}");
    }
}
