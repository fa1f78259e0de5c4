//! Removes from the microphone what the loudspeaker played: libwebrtc's AEC3, in the Rust port
//! `sonora`.
//!
//! AEC3 finds the delay between the two itself, up to about 500 ms; the host only has to hand over
//! both at the same pace.

use sonora::config::{MaxProcessingRate, Pipeline};
use sonora::{AudioProcessing, Config, StreamConfig};

use crate::{BLOCK_SAMPLES, Block, SAMPLE_RATE_HZ};

#[derive(Debug)]
pub(super) struct EchoCanceller {
    processing: AudioProcessing,
    rendered: Block,
}

impl EchoCanceller {
    pub(super) fn new() -> Self {
        let config = Config {
            pipeline: pipeline(),
            echo_canceller: Some(sonora::config::EchoCanceller {
                // The stage before this one does it.
                enforce_high_pass_filtering: false,
                ..Default::default()
            }),
            ..Default::default()
        };
        Self {
            processing: build(config),
            rendered: [0.0; BLOCK_SAMPLES],
        }
    }

    pub(super) fn process(&mut self, near: &mut Block, far: &Block) {
        let input = *near;
        let rendered = self
            .processing
            .process_render_f32(&[far], &mut [&mut self.rendered]);
        let captured = self.processing.process_capture_f32(&[&input], &mut [near]);
        debug_assert!(
            rendered.is_ok() && captured.is_ok(),
            "the formats are fixed"
        );
        if captured.is_err() {
            *near = input;
        }
    }

    pub(super) fn return_loss(&self) -> (Option<f64>, Option<f64>) {
        let stats = self.processing.statistics();
        (stats.echo_return_loss, stats.echo_return_loss_enhancement)
    }
}

/// All of the band that Opus carries, instead of the default 32 kHz that would end it at 16 kHz.
pub(super) fn pipeline() -> Pipeline {
    Pipeline {
        maximum_internal_processing_rate: MaxProcessingRate::Rate48kHz,
        multi_channel_render: false,
        multi_channel_capture: false,
        ..Default::default()
    }
}

pub(super) fn build(config: Config) -> AudioProcessing {
    AudioProcessing::builder()
        .config(config)
        .capture_config(StreamConfig::new(SAMPLE_RATE_HZ, 1))
        .render_config(StreamConfig::new(SAMPLE_RATE_HZ, 1))
        .build()
}
