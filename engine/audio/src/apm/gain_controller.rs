//! Brings quiet talkers up and keeps loud ones from clipping: libwebrtc's AGC2, in the Rust port
//! `sonora`.
//!
//! Digital gain only. The browser's own gain control of the microphone is asked to be off, else the
//! two would chase each other.

use sonora::config::{AdaptiveDigital, GainController2};
use sonora::{AudioProcessing, Config};

use super::echo_canceller::{build, pipeline};
use crate::Block;

#[derive(Debug)]
pub(super) struct GainController {
    processing: AudioProcessing,
}

impl GainController {
    pub(super) fn new() -> Self {
        Self {
            processing: build(Config {
                pipeline: pipeline(),
                gain_controller2: Some(GainController2 {
                    adaptive_digital: Some(AdaptiveDigital::default()),
                    ..Default::default()
                }),
                ..Default::default()
            }),
        }
    }

    pub(super) fn process(&mut self, block: &mut Block) {
        let input = *block;
        let done = self.processing.process_capture_f32(&[&input], &mut [block]);
        debug_assert!(done.is_ok(), "the formats are fixed");
        if done.is_err() {
            *block = input;
        }
    }
}
