//! The Opus encoder: 20 ms of mono audio in, one packet out.

use audiopus::{Application, Bitrate, Channels, SampleRate, Signal};

use super::EncoderOptions;
use crate::FRAME_SAMPLES;

/// The largest frame libopus makes (RFC 6716 §3.2.1).
const MAX_PACKET_BYTES: usize = 1_275;

pub(crate) struct Encoder {
    inner: audiopus::coder::Encoder,
    packet: [u8; MAX_PACKET_BYTES],
}

impl Encoder {
    pub(crate) fn new(options: &EncoderOptions) -> Result<Self, audiopus::Error> {
        let mut inner =
            audiopus::coder::Encoder::new(SampleRate::Hz48000, Channels::Mono, Application::Voip)?;
        inner.set_signal(Signal::Auto)?;
        let mut encoder = Self {
            inner,
            packet: [0; MAX_PACKET_BYTES],
        };
        encoder.set_options(options)?;
        Ok(encoder)
    }

    /// Takes effect from the next frame on.
    pub(crate) fn set_options(&mut self, options: &EncoderOptions) -> Result<(), audiopus::Error> {
        let bits_per_second = options.bitrate.as_bps().clamp(6_000, 510_000) as i32;
        let expected_loss_percent = (options.expected_loss.clamp(0.0, 1.0) * 100.0).round() as u8;
        self.inner
            .set_bitrate(Bitrate::BitsPerSecond(bits_per_second))?;
        self.inner.set_vbr(!options.constant_bitrate)?;
        self.inner.set_inband_fec(options.inband_fec)?;
        self.inner.set_packet_loss_perc(expected_loss_percent)?;
        self.inner.set_complexity(options.complexity.min(10))?;
        self.inner.set_dtx(options.discontinuous_transmission)
    }

    pub(crate) fn encode(
        &mut self,
        frame: &[f32; FRAME_SAMPLES],
    ) -> Result<&[u8], audiopus::Error> {
        let length = self.inner.encode_float(frame, &mut self.packet)?;
        Ok(&self.packet[..length])
    }

    /// Samples by which the codec delays the audio.
    pub(crate) fn lookahead(&self) -> usize {
        self.inner.lookahead().unwrap_or(0) as usize
    }
}
