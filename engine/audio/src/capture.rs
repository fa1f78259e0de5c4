//! The way out: microphone samples in, Opus packets out.
//!
//! Not a recorder: it keeps no audio but the part of a block or frame that is still being filled.

mod config;
mod stats;

use std::collections::VecDeque;

pub use config::CaptureConfig;
pub use stats::CaptureStats;

use smrtc_engine::time::Bitrate;

use crate::apm::{AudioOptions, Stages};
use crate::codec::{Encoder, EncoderOptions, is_dtx};
use crate::howling::HowlingDetector;
use crate::level::{Dbov, LevelMeter};
use crate::{BLOCK_SAMPLES, Block, FRAME_SAMPLES, audible};

/// One second: a host that polls less often loses the oldest audio, not memory.
const MAX_QUEUED_PACKETS: usize = 50;

/// Why a [`Capture`] could not be made or changed.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CaptureError {
    /// libopus refused; with the ranges that the options are clamped to, only for want of memory.
    #[error("the Opus encoder refused its configuration")]
    Encoder,
}

/// One packet for the network.
#[derive(Clone, Debug, PartialEq)]
pub struct EncodedAudio {
    /// An Opus packet of 20 ms.
    pub opus: Vec<u8>,
    /// Where the packet's first sample stands among all samples pushed, in samples at 48 kHz.
    pub media_offset: u64,
    /// The level of the audio in the packet, after processing and mute.
    pub level_dbov: Dbov,
    /// How likely the packet holds speech, 0 to 1; `None` unless suppression or voice detection is
    /// on.
    pub voice_probability: Option<f32>,
}

/// Processes and encodes one microphone.
pub struct Capture {
    stages: Stages,
    options: AudioOptions,
    encoder: Encoder,
    encoder_options: EncoderOptions,
    near: Block,
    far: Block,
    block_fill: usize,
    frame: [f32; FRAME_SAMPLES],
    frame_fill: usize,
    samples_encoded: u64,
    mute: Mute,
    howling: HowlingDetector,
    voice_probability: Option<f32>,
    in_dtx: bool,
    packets: VecDeque<EncodedAudio>,
    meter: LevelMeter,
    stats: CaptureStats,
}

impl Capture {
    /// Starts with empty buffers; the first sample pushed has offset 0.
    ///
    /// # Errors
    ///
    /// [`CaptureError::Encoder`] if libopus cannot make an encoder.
    pub fn new(config: CaptureConfig) -> Result<Self, CaptureError> {
        let encoder = Encoder::new(&config.encoder).map_err(|_| CaptureError::Encoder)?;
        Ok(Self {
            stages: Stages::new(config.audio),
            options: config.audio,
            encoder,
            encoder_options: config.encoder,
            near: [0.0; BLOCK_SAMPLES],
            far: [0.0; BLOCK_SAMPLES],
            block_fill: 0,
            frame: [0.0; FRAME_SAMPLES],
            frame_fill: 0,
            samples_encoded: 0,
            mute: Mute::default(),
            howling: HowlingDetector::default(),
            voice_probability: None,
            in_dtx: false,
            packets: VecDeque::new(),
            meter: LevelMeter::default(),
            stats: CaptureStats::default(),
        })
    }

    /// Takes samples of the microphone, and those that the loudspeaker played at the same time.
    ///
    /// Any number at a time, nominally within ±1. A shorter `far` counts as silence at its end;
    /// what is not a number, as 0.
    pub fn push(&mut self, near: &[f32], far: &[f32]) {
        let far = far.iter().copied().chain(std::iter::repeat(0.0));
        for (&near, far) in near.iter().zip(far) {
            self.near[self.block_fill] = audible(near);
            self.far[self.block_fill] = audible(far);
            self.block_fill += 1;
            if self.block_fill == BLOCK_SAMPLES {
                self.block_fill = 0;
                self.process_block();
            }
        }
    }

    /// The next packet, oldest first.
    pub fn poll_packet(&mut self) -> Option<EncodedAudio> {
        self.packets.pop_front()
    }

    /// Silences the microphone, or opens it again, within 10 ms and without a click. Packets go on.
    pub fn set_muted(&mut self, muted: bool) {
        if muted {
            // Nothing comes round any more.
            self.howling.reset();
        }
        self.mute.target = if muted { 0.0 } else { 1.0 };
    }

    /// Whether the microphone is silenced.
    pub fn is_muted(&self) -> bool {
        self.mute.target == 0.0
    }

    /// Switches stages on and off. A stage that is switched on needs a moment to adapt.
    pub fn set_options(&mut self, options: AudioOptions) {
        self.options = options;
        self.stages.set_options(options);
        if !(options.noise_suppression || options.voice_detection) {
            self.voice_probability = None;
        }
    }

    /// The stages that are on.
    pub fn options(&self) -> AudioOptions {
        self.options
    }

    /// Changes how the next frames are encoded.
    ///
    /// # Errors
    ///
    /// [`CaptureError::Encoder`] if libopus refuses; then some of the options may have changed.
    pub fn set_encoder_options(&mut self, options: EncoderOptions) -> Result<(), CaptureError> {
        self.encoder
            .set_options(&options)
            .map_err(|_| CaptureError::Encoder)?;
        self.encoder_options = options;
        Ok(())
    }

    /// How frames are encoded now.
    pub fn encoder_options(&self) -> EncoderOptions {
        self.encoder_options
    }

    /// Sets the target bitrate, clamped to 6 to 510 kbit/s.
    ///
    /// # Errors
    ///
    /// As [`Self::set_encoder_options`].
    pub fn set_bitrate(&mut self, bitrate: Bitrate) -> Result<(), CaptureError> {
        self.set_encoder_options(EncoderOptions {
            bitrate,
            ..self.encoder_options
        })
    }

    /// Tells the encoder what share of its packets gets lost, 0 to 1; it sizes the in-band
    /// redundancy by it.
    ///
    /// # Errors
    ///
    /// As [`Self::set_encoder_options`].
    pub fn set_expected_loss(&mut self, ratio: f32) -> Result<(), CaptureError> {
        self.set_encoder_options(EncoderOptions {
            expected_loss: ratio,
            ..self.encoder_options
        })
    }

    /// Counters since the start.
    pub fn stats(&self) -> CaptureStats {
        let (echo_return_loss, echo_return_loss_enhancement) = self.stages.echo_return_loss();
        CaptureStats {
            audio_level: self.meter.audio_level(),
            total_audio_energy: self.meter.total_audio_energy(),
            total_samples_duration: self.meter.total_samples_duration(),
            echo_return_loss,
            echo_return_loss_enhancement,
            voice_probability: self.voice_probability,
            howling_frequency: self.howling.howl().map(|howl| howl.frequency_hz),
            howling_count: self.howling.count(),
            encoder_lookahead_samples: self.encoder.lookahead() as u32,
            ..self.stats.clone()
        }
    }

    fn process_block(&mut self) {
        if !self.is_muted() {
            self.howling.push(&self.near);
        }
        let mut block = self.near;
        self.stages.process(&mut block, &self.far);
        self.mute.apply(&mut block);
        self.meter.add(&block);
        self.voice_probability = self.stages.voice_probability();

        self.frame[self.frame_fill..][..BLOCK_SAMPLES].copy_from_slice(&block);
        self.frame_fill += BLOCK_SAMPLES;
        if self.frame_fill == FRAME_SAMPLES {
            self.frame_fill = 0;
            self.encode_frame();
        }
    }

    fn encode_frame(&mut self) {
        let media_offset = self.samples_encoded;
        self.samples_encoded += FRAME_SAMPLES as u64;
        let level_dbov = self.meter.take_level();
        let opus = match self.encoder.encode(&self.frame) {
            Ok(opus) => opus.to_vec(),
            Err(_) => {
                self.stats.encode_errors += 1;
                return;
            }
        };
        // The first empty packet tells the receiver that the pause is meant; the rest would only
        // cost headers.
        let repeats_dtx = self.in_dtx && is_dtx(&opus);
        self.in_dtx = is_dtx(&opus);
        if repeats_dtx {
            self.stats.dtx_frames += 1;
            return;
        }
        self.stats.packets_encoded += 1;
        self.stats.bytes_encoded += opus.len() as u64;
        if self.packets.len() == MAX_QUEUED_PACKETS {
            self.packets.pop_front();
            self.stats.packets_dropped += 1;
        }
        self.packets.push_back(EncodedAudio {
            opus,
            media_offset,
            level_dbov,
            voice_probability: self.voice_probability,
        });
    }
}

/// A gain of 0 or 1 that gets from one to the other over a block.
struct Mute {
    gain: f32,
    target: f32,
}

impl Default for Mute {
    fn default() -> Self {
        Self {
            gain: 1.0,
            target: 1.0,
        }
    }
}

impl Mute {
    fn apply(&mut self, block: &mut Block) {
        if self.gain == 1.0 && self.target == 1.0 {
            return;
        }
        let step = (self.target - self.gain) / BLOCK_SAMPLES as f32;
        for sample in block.iter_mut() {
            self.gain += step;
            *sample *= self.gain;
        }
        self.gain = self.target;
        if self.target == 0.0 {
            block[BLOCK_SAMPLES - 1] = 0.0;
        }
    }
}
