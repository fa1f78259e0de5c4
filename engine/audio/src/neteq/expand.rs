//! The end of a concealment: however long nothing comes, the sound fades to silence instead of droning on.

use crate::SAMPLE_RATE_HZ;

const MILLISECOND: usize = SAMPLE_RATE_HZ as usize / 1_000;

/// Concealment is trusted so long.
const FADE_START: usize = 60 * MILLISECOND;

/// From here on there is silence.
const FADE_END: usize = 200 * MILLISECOND;

/// The fade-in after a concealment that had got quieter.
const FADE_IN: usize = 5 * MILLISECOND;

/// Where in a run of concealed samples we are.
#[derive(Default)]
pub(super) struct Expand {
    run: usize,
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

    /// Applies the fade to the next concealed samples.
    pub(super) fn fade(&mut self, samples: &mut [f32]) {
        if self.run + samples.len() > FADE_START {
            for (n, sample) in samples.iter_mut().enumerate() {
                *sample *= gain(self.run + n);
            }
        }
        self.run += samples.len();
    }

    /// What the fade has got to, 1 to 0.
    pub(super) fn gain(&self) -> f32 {
        gain(self.run)
    }

    /// Ends the run: `samples` are real again and come in from where the fade had got to.
    pub(super) fn end(&mut self, samples: &mut [f32]) {
        let from = gain(std::mem::take(&mut self.run));
        if from < 1.0 {
            for (n, sample) in samples.iter_mut().take(FADE_IN).enumerate() {
                *sample *= from + (1.0 - from) * n as f32 / FADE_IN as f32;
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
        assert_eq!((real[0], real[479], expand.run()), (0.0, 1.0, 0));
    }
}
