//! Which processing stages are on.

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
