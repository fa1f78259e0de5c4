//! The settings of the capture side. All of them can be changed while it runs.

use crate::apm::AudioOptions;
use crate::codec::EncoderOptions;

/// How to start a [`crate::Capture`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CaptureConfig {
    /// The processing stages.
    pub audio: AudioOptions,
    /// The codec.
    pub encoder: EncoderOptions,
}
