//! The settings of the encoder. All of them can be changed while it runs.

use smrtc_engine::time::Bitrate;

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
