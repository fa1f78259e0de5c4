//! Removes the microphone's offset and the rumble below about 100 Hz.

use crate::{BLOCK_SAMPLES, Block, SAMPLE_RATE_HZ};

/// libwebrtc's high-pass filter, three biquads.
#[derive(Debug)]
pub(super) struct HighPass {
    filter: sonora::high_pass_filter::HighPassFilter,
    /// The filter wants vectors, one for each channel.
    channels: [Vec<f32>; 1],
}

impl HighPass {
    pub(super) fn new() -> Self {
        Self {
            filter: sonora::high_pass_filter::HighPassFilter::new(SAMPLE_RATE_HZ as i32, 1),
            channels: [vec![0.0; BLOCK_SAMPLES]],
        }
    }

    pub(super) fn process(&mut self, block: &mut Block) {
        self.channels[0].copy_from_slice(block);
        self.filter.process_channels(&mut self.channels);
        block.copy_from_slice(&self.channels[0]);
    }
}
