//! The knobs of the capture side. All of them can be turned while it runs.

use smrtc_engine::time::Bitrate;

/// How to start a [`crate::Capture`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CaptureConfig {
    /// The processing stages.
    pub audio: AudioOptions,
    /// The codec.
    pub encoder: EncoderOptions,
}

/// Which processing stages are on. Costs are shares of one core in Wasm, where one times real time
/// is 100 %.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AudioOptions {
    /// Removes what the loudspeaker plays from the microphone. Default on; about 3.5 %. Implies
    /// `high_pass`.
    pub echo_cancellation: bool,
    /// Removes noise that is not speech. Default on; about 1 %, and 10 ms of delay.
    pub noise_suppression: bool,
    /// Evens out loudness. Default on; about 0.1 %.
    pub auto_gain_control: bool,
    /// Removes offset and rumble. Default on; next to nothing.
    pub high_pass: bool,
    /// Estimates the probability of speech even when `noise_suppression` is off. Default off; about
    /// 1 %.
    pub voice_detection: bool,
}

impl AudioOptions {
    /// Everything off: the samples reach the codec as they are.
    pub const OFF: Self = Self {
        echo_cancellation: false,
        noise_suppression: false,
        auto_gain_control: false,
        high_pass: false,
        voice_detection: false,
    };
}

impl Default for AudioOptions {
    fn default() -> Self {
        Self {
            echo_cancellation: true,
            noise_suppression: true,
            auto_gain_control: true,
            high_pass: true,
            voice_detection: false,
        }
    }
}

/// How Opus encodes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EncoderOptions {
    /// Target bitrate, 6 to 510 kbit/s. Default 32 kbit/s, fullband speech.
    pub bitrate: Bitrate,
    /// Every packet the same size. Default off. Costs quality; hides from an observer of the
    /// ciphertext what packet sizes tell about the speech inside.
    pub constant_bitrate: bool,
    /// Puts a low-bitrate copy of each frame into the next packet, once `expected_loss` is above 0.
    /// Default on; the copy takes its share of `bitrate`.
    pub inband_fec: bool,
    /// Share of packets that get lost, 0 to 1. Default 0.
    pub expected_loss: f32,
    /// Stops sending while nobody speaks. Default off.
    pub discontinuous_transmission: bool,
    /// 0 (fast) to 10 (good). Default 8: at 32 kbit/s more is not heard (PESQ 3.96), and 5 is
    /// (3.64) for 0.6 of its work; `make bench-speech` and the example `stages` measure it.
    pub complexity: u8,
}

impl Default for EncoderOptions {
    fn default() -> Self {
        Self {
            bitrate: Bitrate::from_kbps(32),
            constant_bitrate: false,
            inband_fec: true,
            expected_loss: 0.0,
            discontinuous_transmission: false,
            complexity: 8,
        }
    }
}
