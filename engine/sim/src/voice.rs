//! Real Opus packets of a synthetic voice, for the jitter buffer.

use smrtc_audio::{AudioOptions, Capture, CaptureConfig, EncoderOptions};
use smrtc_engine::Bitrate;

/// The bitrates of the packets, in kbit/s, ascending.
const RATES_KBPS: [u64; 5] = [12, 16, 20, 24, 32];
/// One second, played over and over.
const PACKETS: usize = 50;
const BLOCK: usize = 480;

/// Packets of 20 ms for each bitrate.
#[derive(Debug)]
pub struct Voice {
    packets: Vec<Vec<Vec<u8>>>,
}

impl Voice {
    /// Encodes it.
    ///
    /// # Panics
    ///
    /// If libopus cannot be used at all.
    pub fn new() -> Self {
        Self {
            packets: RATES_KBPS.iter().map(|&rate| encode(rate)).collect(),
        }
    }

    /// The `n`-th packet at the highest bitrate that is not above `bitrate`, or at the lowest.
    pub fn packet(&self, bitrate: Bitrate, n: usize) -> &[u8] {
        let fits = |&rate: &u64| Bitrate::from_kbps(rate) <= bitrate;
        let index = RATES_KBPS.iter().rposition(fits).unwrap_or(0);
        let packets = &self.packets[index];
        &packets[n % packets.len()]
    }
}

impl Default for Voice {
    fn default() -> Self {
        Self::new()
    }
}

fn encode(kbps: u64) -> Vec<Vec<u8>> {
    let mut capture = Capture::new(CaptureConfig {
        audio: AudioOptions::OFF,
        encoder: EncoderOptions {
            bitrate: Bitrate::from_kbps(kbps),
            ..EncoderOptions::default()
        },
    })
    .expect("libopus makes an encoder");
    let mut packets = Vec::new();
    let mut sample = 0;
    while packets.len() < PACKETS {
        let block: Vec<f32> = (sample..sample + BLOCK).map(vowel).collect();
        sample += BLOCK;
        capture.push(&block, &[0.0; BLOCK]);
        packets.extend(std::iter::from_fn(|| capture.poll_packet()).map(|packet| packet.opus));
    }
    packets
}

/// A pulse train with two formants that come and go four times a second.
fn vowel(n: usize) -> f32 {
    let t = n as f32 / 48_000.0;
    let tau = core::f32::consts::TAU;
    let syllable = (tau * 4.0 * t).sin().max(0.0);
    let harmonics = (1..20).map(|k| {
        let f = 125.0 * k as f32;
        let formant = |centre: f32| (-((f - centre) / 250.0).powi(2)).exp();
        (formant(700.0) + 0.5 * formant(1_200.0)) * (tau * f * t).sin()
    });
    0.2 * syllable * harmonics.sum::<f32>()
}
