//! The Opus decoder of one source, and its two ways of making up for a packet that is not there.

use audiopus::coder::GenericCtl;
use audiopus::packet::Packet;
use audiopus::{Channels, MutSignals, SampleRate};

use crate::audible;

/// 120 ms, the longest packet (RFC 6716 §3.2.5).
const MAX_PACKET_SAMPLES: usize = 5_760;

pub(crate) struct Decoder {
    inner: audiopus::coder::Decoder,
    pcm: Vec<f32>,
}

impl Decoder {
    pub(crate) fn new() -> Result<Self, audiopus::Error> {
        Ok(Self {
            inner: audiopus::coder::Decoder::new(SampleRate::Hz48000, Channels::Mono)?,
            pcm: vec![0.0; MAX_PACKET_SAMPLES],
        })
    }

    /// Decodes a packet that came.
    pub(crate) fn decode(&mut self, opus: &[u8]) -> Result<&[f32], audiopus::Error> {
        self.run(Some(opus), MAX_PACKET_SAMPLES, false)
    }

    /// Decodes the low-bitrate copy, inside `successor`, of the packet before it. `samples` is that
    /// packet's duration.
    pub(crate) fn decode_fec(
        &mut self,
        successor: &[u8],
        samples: usize,
    ) -> Result<&[f32], audiopus::Error> {
        self.run(Some(successor), samples, true)
    }

    /// Conceals `samples`, a multiple of 120 (2.5 ms).
    pub(crate) fn conceal(&mut self, samples: usize) -> Result<&[f32], audiopus::Error> {
        self.run(None, samples, false)
    }

    /// Forgets the audio so far.
    pub(crate) fn reset(&mut self) -> Result<(), audiopus::Error> {
        self.inner.reset_state()
    }

    fn run(
        &mut self,
        opus: Option<&[u8]>,
        samples: usize,
        fec: bool,
    ) -> Result<&[f32], audiopus::Error> {
        let packet = opus.map(Packet::try_from).transpose()?;
        let output = MutSignals::try_from(&mut self.pcm[..samples.min(MAX_PACKET_SAMPLES)])?;
        let decoded = self.inner.decode_float(packet, output, fec)?;
        let pcm = &mut self.pcm[..decoded];
        // libopus keeps its own filters out of the subnormal numbers by adding 1e-30.
        for sample in &mut *pcm {
            *sample = audible(*sample);
        }
        Ok(pcm)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot start should stop")]
mod tests {
    use super::*;
    use crate::codec::{Encoder, EncoderOptions};
    use crate::{FRAME_SAMPLES, NOTHING};

    #[test]
    fn silence_is_decoded_and_concealed_as_zeros_and_not_as_next_to_nothing() {
        let mut encoder = Encoder::new(&EncoderOptions::default()).unwrap();
        let mut decoder = Decoder::new().unwrap();
        let tone = std::array::from_fn(|n| 0.3 * (n as f32 * 0.05).sin());
        let mut heard = Vec::new();
        for n in 0..200 {
            let frame = if n < 50 { tone } else { [0.0; FRAME_SAMPLES] };
            let packet = encoder.encode(&frame).unwrap().to_vec();
            let audio = match n % 5 {
                4 => decoder.conceal(FRAME_SAMPLES),
                _ => decoder.decode(&packet),
            };
            heard.extend_from_slice(audio.unwrap());
        }
        assert!(heard.iter().any(|sample| sample.abs() > 0.1));
        let tiny = |sample: &&f32| **sample != 0.0 && sample.abs() < NOTHING;
        assert_eq!(heard.iter().filter(tiny).count(), 0);
    }
}
