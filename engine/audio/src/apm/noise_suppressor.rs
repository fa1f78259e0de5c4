//! Removes noise that is not speech, and says how likely the audio is speech: RNNoise, in the Rust
//! port `nnnoiseless`.
//!
//! Adds 10 ms of delay while it suppresses.

use nnnoiseless::DenoiseState;

use crate::{BLOCK_SAMPLES, Block};

const _: () = assert!(DenoiseState::FRAME_SIZE == BLOCK_SAMPLES);

/// The network was trained on samples of 16 bits.
const FULL_SCALE: f32 = 32_768.0;

pub(super) struct NoiseSuppressor {
    state: Box<DenoiseState<'static>>,
    input: Block,
    output: Block,
    suppressing: bool,
}

/// Shows the latest audio; the state does not print.
impl std::fmt::Debug for NoiseSuppressor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NoiseSuppressor")
            .field("output", &self.output)
            .field("suppressing", &self.suppressing)
            .finish_non_exhaustive()
    }
}

impl NoiseSuppressor {
    pub(super) fn new() -> Self {
        Self {
            state: DenoiseState::new(),
            input: [0.0; BLOCK_SAMPLES],
            output: [0.0; BLOCK_SAMPLES],
            suppressing: true,
        }
    }

    /// When not suppressing, the stage only estimates and passes the audio on undelayed.
    pub(super) fn set_suppressing(&mut self, on: bool) {
        self.suppressing = on;
    }

    /// Processes one block in place and returns the probability, 0 to 1, that it holds speech.
    pub(super) fn process(&mut self, block: &mut Block) -> f32 {
        for (scaled, sample) in self.input.iter_mut().zip(block.iter()) {
            *scaled = sample * FULL_SCALE;
        }
        let voice = self.state.process_frame(&mut self.output, &self.input);
        if self.suppressing {
            for (sample, scaled) in block.iter_mut().zip(self.output.iter()) {
                *sample = scaled / FULL_SCALE;
            }
        }
        voice.clamp(0.0, 1.0)
    }
}
