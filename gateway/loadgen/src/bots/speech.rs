//! Opus packets of 20 ms, encoded once by the encoder of the product and shared by all bots.

use std::path::Path;

use anyhow::{Context, bail, ensure};
use smrtc_audio::{AudioOptions, Capture, CaptureConfig, EncoderOptions};
use smrtc_engine::time::Bitrate;
use smrtc_sim::Voice;

/// Packets that are sent over and over.
#[derive(Debug)]
pub(crate) struct Speech {
    packets: Vec<Vec<u8>>,
}

impl Speech {
    /// A second of something like a voice.
    pub(crate) fn voice() -> Self {
        let voice = Voice::new();
        let packet = |n| voice.packet(BITRATE, n).to_vec();
        Self {
            packets: (0..VOICE_PACKETS).map(packet).collect(),
        }
    }

    /// Silence, as an encoder without discontinuous transmission sends it.
    pub(crate) fn silence() -> anyhow::Result<Self> {
        Self::encode(&[0.0; PACKET])
    }

    /// A WAV file of one channel at 48 kHz.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let read = || -> anyhow::Result<Self> {
            let mut file = hound::WavReader::open(path)?;
            let spec = file.spec();
            ensure!(
                spec.channels == 1 && spec.sample_rate == 48_000,
                "it has {} channels at {} Hz, not one at 48000 Hz",
                spec.channels,
                spec.sample_rate
            );
            let samples: Result<Vec<f32>, _> = match spec.sample_format {
                hound::SampleFormat::Float => file.samples().collect(),
                hound::SampleFormat::Int => {
                    let full_scale = (1_u32 << (spec.bits_per_sample - 1)) as f32;
                    let samples = file.samples::<i32>();
                    samples
                        .map(|sample| Ok(sample? as f32 / full_scale))
                        .collect()
                }
            };
            let samples = samples?;
            if samples.len() < PACKET {
                bail!("it is shorter than 20 ms");
            }
            Self::encode(&samples)
        };
        read().with_context(|| format!("{} cannot be used as audio", path.display()))
    }

    /// The `n`-th packet from the start.
    pub(crate) fn packet(&self, n: u64) -> &[u8] {
        let length = self.packets.len().max(1) as u64;
        self.packets
            .get((n % length) as usize)
            .map_or(&[], |packet| packet)
    }

    fn encode(samples: &[f32]) -> anyhow::Result<Self> {
        let mut capture = Capture::new(CaptureConfig {
            audio: AudioOptions::OFF,
            encoder: EncoderOptions {
                bitrate: BITRATE,
                ..EncoderOptions::default()
            },
        })?;
        let mut packets = Vec::new();
        for block in samples.chunks_exact(BLOCK) {
            capture.push(block, &[0.0; BLOCK]);
            packets.extend(std::iter::from_fn(|| capture.poll_packet()).map(|packet| packet.opus));
        }
        ensure!(!packets.is_empty(), "the encoder made no packet");
        Ok(Self { packets })
    }
}

const BITRATE: Bitrate = Bitrate::from_kbps(32);
const VOICE_PACKETS: usize = 50;
/// Samples of 10 ms, which capture takes at a time.
const BLOCK: usize = 480;
const PACKET: usize = 2 * BLOCK;
