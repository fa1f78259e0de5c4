//! What the capture side counts.

/// Statistics of one microphone. Names of W3C webrtc-stats (`RTCAudioSourceStats`) where there are
/// such; serialised in camel case.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CaptureStats {
    /// Linear, 0 to 1, after processing.
    pub audio_level: f64,
    /// Integral of the squared level, in seconds.
    pub total_audio_energy: f64,
    /// Seconds of audio processed.
    pub total_samples_duration: f64,
    /// Far end against its echo in the microphone, in dB; `None` until estimated.
    pub echo_return_loss: Option<f64>,
    /// Echo before against after cancellation, in dB; `None` until estimated.
    pub echo_return_loss_enhancement: Option<f64>,
    /// Probability of speech in the last block, 0 to 1; `None` while nothing estimates it.
    pub voice_probability: Option<f32>,
    /// Where the microphone hears acoustic feedback, in Hz; `None` while it hears none.
    pub howling_frequency: Option<f32>,
    /// How many times such feedback began.
    pub howling_count: u64,
    /// Packets made.
    pub packets_encoded: u64,
    /// Bytes in them.
    pub bytes_encoded: u64,
    /// Frames left out because discontinuous transmission is on and nobody speaks.
    pub dtx_frames: u64,
    /// Packets that the host did not fetch within a second.
    pub packets_dropped: u64,
    /// Frames that libopus refused.
    pub encode_errors: u64,
    /// Samples at 48 kHz by which the codec delays the audio.
    pub encoder_lookahead_samples: u32,
}
