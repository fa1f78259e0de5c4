//! Audio, from the microphone's samples to Opus packets and back to the loudspeaker's samples.
//!
//! ```text
//!  near ─► high-pass ─► echo canceller ─► noise suppressor ─► gain ─► level ─► Opus ─► packets    Capture
//!   │  far ────────────────────┘
//!   └► howling detector
//!  packets ─► per source: jitter buffer ─► Opus, concealment, time stretch ─► volume ─► mix ─► limiter    Playout
//! ```
//!
//! Everything is mono `f32` at 48 kHz. Like the rest of the engine this crate reads no clock, opens
//! no device and draws no random numbers: the same calls give the same samples. It knows nothing of
//! keys, networks or tracks: what a source is, and when packets travel, is the host's business.
//!
//! The far end, that is what our own loudspeaker plays, is handed to [`Capture::push`] next to the
//! microphone's samples; there is no hidden coupling between the two halves.

mod apm;
mod capture;
mod codec;
mod howling;
mod level;
pub mod neteq;
mod playout;

pub use apm::AudioOptions;
pub use capture::{Capture, CaptureConfig, CaptureError, CaptureStats, EncodedAudio};
pub use codec::EncoderOptions;
pub use howling::{Howl, HowlingDetector};
pub use level::{Dbov, LevelMeter};
pub use neteq::AudioReceiveStats;
pub use playout::{Playout, PlayoutConfig, SourceId};

/// Samples per second of everything in this crate.
pub const SAMPLE_RATE_HZ: u32 = 48_000;

/// Samples in the 10 ms block that the processing stages and the mixer work on.
pub const BLOCK_SAMPLES: usize = 480;

/// 10 ms of mono audio.
pub(crate) type Block = [f32; BLOCK_SAMPLES];

/// Samples in the 20 ms frame that one packet carries.
pub const FRAME_SAMPLES: usize = 960;

/// How long so many samples last.
pub(crate) fn duration(samples: usize) -> std::time::Duration {
    std::time::Duration::from_nanos(samples as u64 * 1_000_000_000 / u64::from(SAMPLE_RATE_HZ))
}

/// Samples closer to zero than this, −200 dB of full scale, are taken for zero: half the last bit
/// of 32-bit audio. Their squares would come near the subnormal numbers, which are slow to compute
/// with.
pub(crate) const NOTHING: f32 = 1e-10;

/// The sample; 0 if it is no number, or [`NOTHING`].
pub(crate) fn audible(sample: f32) -> f32 {
    if sample.is_finite() && sample.abs() >= NOTHING {
        sample
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_audio_becomes_zero_and_the_last_bit_of_24_stays() {
        for sample in [f32::NAN, f32::INFINITY, f32::MIN_POSITIVE / 2.0, -1e-30] {
            assert_eq!(audible(sample), 0.0);
        }
        let bit = 1.0 / (1 << 23) as f32;
        assert_eq!([audible(bit), audible(-1.0)], [bit, -1.0]);
    }
}
