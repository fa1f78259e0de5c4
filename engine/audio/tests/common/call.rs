//! A call in virtual time: packets leave every 20 ms, a network takes them, the loudspeaker asks
//! every 10 ms.

use std::time::Duration;

use smrtc_audio::{
    AudioOptions, AudioReceiveStats, BLOCK_SAMPLES, Capture, CaptureConfig, EncodedAudio,
    EncoderOptions, Playout, PlayoutConfig, SourceId,
};
use smrtc_engine::time::{Instant, MediaTime};

pub(crate) const SOURCE: SourceId = SourceId(7);

/// Encodes without processing.
pub(crate) fn encode(audio: &[f32], encoder: EncoderOptions) -> Vec<EncodedAudio> {
    let mut capture = Capture::new(CaptureConfig {
        audio: AudioOptions::OFF,
        encoder,
    })
    .unwrap();
    let mut packets = Vec::new();
    for piece in audio.chunks(BLOCK_SAMPLES) {
        capture.push(piece, &[]);
        packets.extend(std::iter::from_fn(|| capture.poll_packet()));
    }
    packets
}

/// Encodes as by default, without in-band FEC.
pub(crate) fn encode_plain(audio: &[f32]) -> Vec<EncodedAudio> {
    encode(
        audio,
        EncoderOptions {
            inband_fec: false,
            ..Default::default()
        },
    )
}

pub(crate) fn media_time(packet: &EncodedAudio) -> MediaTime {
    // An origin near the wrap, so that every call crosses it.
    MediaTime::from_micros(MediaTime::MODULUS - 500_000)
        + Duration::from_micros(packet.media_offset * 125 / 6)
}

/// One packet on its way: arrival in microseconds, frame id, index into the packets.
type Arrival = (u64, u32, usize);

pub(crate) struct Call {
    pub(crate) playout: Playout,
    /// Copies of earlier frames that packets are said to carry.
    pub(crate) copies: u8,
    pub(crate) out: Vec<f32>,
    /// Target delay in seconds after each block.
    pub(crate) targets: Vec<f64>,
    /// Time, in seconds of virtual time, of each block, and the source's position then.
    pub(crate) positions: Vec<(Instant, Option<MediaTime>)>,
}

impl Call {
    pub(crate) fn new() -> Self {
        Self {
            playout: Playout::new(PlayoutConfig::default()),
            copies: 0,
            out: Vec::new(),
            targets: Vec::new(),
            positions: Vec::new(),
        }
    }

    pub(crate) fn stats(&self) -> AudioReceiveStats {
        self.playout.stats(SOURCE).unwrap()
    }

    /// Mean delay, in milliseconds, of the audio rendered between two looks at the statistics.
    pub(crate) fn mean_delay_millis(before: &AudioReceiveStats, after: &AudioReceiveStats) -> f64 {
        let count = after.jitter_buffer_emitted_count - before.jitter_buffer_emitted_count;
        1_000.0 * (after.jitter_buffer_delay - before.jitter_buffer_delay) / count as f64
    }

    /// Sends all packets, with frame ids from just before the wrap. `network` gives the transit
    /// times in microseconds of packet n, one for each copy that comes.
    pub(crate) fn run(packets: &[EncodedAudio], network: impl FnMut(usize) -> Vec<u64>) -> Self {
        let mut call = Self::new();
        call.play(packets, network, |n| n * 10_000);
        call
    }

    /// As [`Self::run`], with the time in microseconds of the n-th block of the loudspeaker.
    pub(crate) fn play(
        &mut self,
        packets: &[EncodedAudio],
        mut network: impl FnMut(usize) -> Vec<u64>,
        render_time: impl Fn(u64) -> u64,
    ) {
        let mut arrivals: Vec<Arrival> = Vec::new();
        for n in 0..packets.len() {
            let sent = (n as u64 + 1) * 20_000;
            let frame_id = (u32::MAX - 20).wrapping_add(n as u32);
            arrivals.extend(
                network(n)
                    .into_iter()
                    .map(|transit| (sent + transit, frame_id, n)),
            );
        }
        arrivals.sort_by_key(|&(at, _, n)| (at, n));
        let end = packets.len() as u64 * 20_000;
        let mut arrivals = arrivals.into_iter().peekable();
        for block in 0.. {
            let now = render_time(block);
            if now > end {
                break;
            }
            while let Some((at, frame_id, n)) = arrivals.next_if(|&(at, ..)| at <= now) {
                let packet = &packets[n];
                let at = Instant::from_micros(at);
                self.playout
                    .insert(SOURCE, at, frame_id, media_time(packet), &packet.opus);
                self.playout.expect_redundancy(SOURCE, at, self.copies);
            }
            let now = Instant::from_micros(now);
            let mut out = [0.0; BLOCK_SAMPLES];
            self.playout.render(now, &mut out);
            self.out.extend_from_slice(&out);
            self.positions.push((now, self.playout.position(SOURCE)));
            self.targets.push(
                self.playout
                    .stats(SOURCE)
                    .map_or(0.0, |stats| stats.target_delay),
            );
        }
    }
}
