//! Noise far below hearing, added to what the stages process, so that no filter decays to nothing.
//!
//! A number below 1.2e-38 is subnormal, and processors compute with those a hundred times more
//! slowly. The memory of a recursive filter gets there within a second of digital silence, and Wasm
//! has no switch that rounds such numbers to zero. With silence at the far end the echo canceller
//! then took eight times the CPU that it takes for speech.
//!
//! Not heard and not sent: [`super::Stages`] gives out digital silence where only this noise is
//! left.

use crate::Block;

/// Greatest amplitude: −140 dB of full scale, below the last bit of 24-bit audio.
pub(super) const AMPLITUDE: f32 = 1e-7;

/// A source of white noise. The same noise each time: runs are functions of their input.
#[derive(Debug)]
pub(super) struct Dither {
    state: u32,
}

impl Default for Dither {
    fn default() -> Self {
        Self { state: 0x9E37_79B9 }
    }
}

impl Dither {
    /// Adds noise to a block. Each block gets new noise, so that no two blocks look like echoes of
    /// each other.
    pub(super) fn add(&mut self, block: &mut Block) {
        for sample in block {
            self.state = self
                .state
                .wrapping_mul(1_664_525)
                .wrapping_add(1_013_904_223);
            *sample += ((self.state >> 8) as f32 / (1 << 23) as f32 - 1.0) * AMPLITUDE;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::BLOCK_SAMPLES;

    #[test]
    fn silence_becomes_noise_that_is_not_heard_and_never_repeats() {
        let mut dither = Dither::default();
        let mut blocks = vec![[0.0; BLOCK_SAMPLES]; 200];
        blocks.iter_mut().for_each(|block| dither.add(block));
        for (n, block) in blocks.iter().enumerate() {
            assert!(block.iter().all(|sample| sample.abs() <= AMPLITUDE));
            let power = block.iter().map(|s| s * s).sum::<f32>() / BLOCK_SAMPLES as f32;
            assert!((0.2..0.5).contains(&(power / AMPLITUDE.powi(2))), "{power}");
            assert!(blocks[..n].iter().all(|before| before != block));
        }
    }
}
