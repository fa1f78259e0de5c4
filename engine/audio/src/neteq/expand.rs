//! Concealment over its whole course: libopus continues the past, and however long nothing comes, the sound fades to
//! silence instead of droning on.

use std::collections::VecDeque;

use crate::SAMPLE_RATE_HZ;
use crate::codec::Decoder;

const MILLISECOND: usize = SAMPLE_RATE_HZ as usize / 1_000;

/// Concealment is trusted so long.
const FADE_START: usize = 60 * MILLISECOND;

/// From here on there is silence.
const FADE_END: usize = 200 * MILLISECOND;

/// The cross-fade from concealment to what is real again.
const JOIN: usize = 5 * MILLISECOND;

/// A run of concealment: its sound, its fade and its end.
#[derive(Default)]
pub(super) struct Expand {
    run: usize,
    /// Made and not yet used: libopus conceals best in whole frames, and the next packet may come after half of one.
    reserve: VecDeque<f32>,
}

impl Expand {
    /// Samples concealed since the last real one.
    pub(super) fn run(&self) -> usize {
        self.run
    }

    /// Whether the next concealed sample is silent anyhow.
    pub(super) fn is_silent(&self) -> bool {
        self.run >= FADE_END
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
        if self.run + samples.len() > FADE_START {
            for (n, sample) in samples.iter_mut().enumerate() {
                *sample *= gain(self.run + n);
            }
        }
        self.run += samples.len();
    }

    /// The next real sound is the first: it comes in from silence.
    pub(super) fn begin_from_silence(&mut self) {
        self.reserve.resize(JOIN, 0.0);
    }

    /// The next real sound does not continue the last: what that would have gone on like is faded out under it.
    pub(super) fn cover_jump(&mut self, decoder: Option<&mut Decoder>, frame_samples: usize) {
        if !self.is_silent() {
            self.fill(JOIN, decoder, frame_samples);
        }
    }

    /// Ends the run: `samples` are real again and come in over the rest of the concealment, or from where the fade had got to.
    pub(super) fn end(&mut self, samples: &mut [f32]) {
        let from = gain(std::mem::take(&mut self.run));
        if from < 1.0 || !self.reserve.is_empty() {
            let has_tail = !self.reserve.is_empty();
            for (n, sample) in samples.iter_mut().take(JOIN).enumerate() {
                let weight = (n as f32 + 0.5) / JOIN as f32;
                let tail = match self.reserve.get(n) {
                    Some(tail) => tail * from,
                    None if has_tail => 0.0,
                    None => *sample * from,
                };
                *sample = tail + (*sample - tail) * weight;
            }
        }
        self.reserve.clear();
    }

    /// Conceals whole frames until the reserve holds so many samples.
    fn fill(&mut self, samples: usize, decoder: Option<&mut Decoder>, frame_samples: usize) {
        let Some(decoder) = decoder else {
            return;
        };
        while self.reserve.len() < samples {
            match decoder.conceal(frame_samples) {
                Ok(frame) if !frame.is_empty() => self.reserve.extend(frame),
                _ => return,
            }
        }
    }
}

fn gain(position: usize) -> f32 {
    let faded = position.saturating_sub(FADE_START) as f32 / (FADE_END - FADE_START) as f32;
    (1.0 - faded).max(0.0)
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
        let mut real = [1.0; 480];
        expand.end(&mut real);
        assert!(real[0] < 0.01 && real[479] == 1.0 && expand.run() == 0);
    }
}
