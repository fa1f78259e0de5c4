//! Speech through the path of sound without a browser: `speech [OPTION VALUE]... <in.f32 >out.f32`, both 48 kHz mono, 32-bit little-endian floats.
//!
//! Capture without processing, a network of 25 ms that loses packets at random and carries the engine's copies of earlier frames, playout.
//! What happened to the sound goes to stderr as one JSON object. `make bench-speech` runs it and judges what comes out.
//!
//! Options: `--loss` 0 to 1 (0), `--complexity` of the encoder, 0 to 10 (as by default), `--copies-known` 0 or 1: whether the buffer is told of
//! copies (1), `--seed` (1).

#![allow(
    clippy::expect_used,
    reason = "a measurement that cannot start should stop"
)]

use std::io::{Read, Write};
use std::time::Duration;

use smrtc_audio::{
    AudioOptions, BLOCK_SAMPLES, Capture, CaptureConfig, EncodedAudio, EncoderOptions, Playout,
    PlayoutConfig, SourceId,
};
use smrtc_engine::fec::{Protection, audio_copies};
use smrtc_engine::time::{Instant, MediaTime};

const ONE_WAY_MICROS: u64 = 25_000;
const FRAME_MICROS: u64 = 20_000;
const BLOCK_MICROS: u64 = 10_000;
const SOURCE: SourceId = SourceId(1);

struct Options {
    loss: f64,
    encoder: EncoderOptions,
    copies_known: bool,
    seed: u64,
}

fn main() {
    let options = options();
    let mut bytes = Vec::new();
    std::io::stdin()
        .read_to_end(&mut bytes)
        .expect("sound on stdin");
    let sound: Vec<f32> = bytes
        .chunks_exact(4)
        .map(|sample| f32::from_le_bytes(sample.try_into().unwrap_or_default()))
        .collect();
    let packets = encode(&sound, options.encoder);
    let copies = audio_copies(Protection {
        loss: options.loss,
        burst: 1.0,
        rtt: Duration::from_micros(2 * ONE_WAY_MICROS),
        key: false,
    });
    let heard = play(&packets, copies, &options);
    let bytes: Vec<u8> = heard
        .iter()
        .flat_map(|sample| sample.to_le_bytes())
        .collect();
    std::io::stdout()
        .write_all(&bytes)
        .expect("somebody reads stdout");
}

fn options() -> Options {
    let mut options = Options {
        loss: 0.0,
        encoder: EncoderOptions::default(),
        copies_known: true,
        seed: 1,
    };
    let mut words = std::env::args().skip(1);
    while let Some(name) = words.next() {
        let value: f64 = words
            .next()
            .and_then(|value| value.parse().ok())
            .expect("a number after each option");
        match name.as_str() {
            "--loss" => options.loss = value,
            "--complexity" => options.encoder.complexity = value as u8,
            "--copies-known" => options.copies_known = value != 0.0,
            "--seed" => options.seed = value as u64,
            _ => panic!("no option is called {name}"),
        }
    }
    options
}

fn encode(sound: &[f32], encoder: EncoderOptions) -> Vec<EncodedAudio> {
    let audio = AudioOptions::OFF;
    let mut capture = Capture::new(CaptureConfig { audio, encoder }).expect("an encoder");
    let mut packets = Vec::new();
    for block in sound.chunks(BLOCK_SAMPLES) {
        capture.push(block, &[]);
        packets.extend(std::iter::from_fn(|| capture.poll_packet()));
    }
    packets
}

/// What is heard, for as long as it was spoken.
fn play(packets: &[EncodedAudio], copies: usize, options: &Options) -> Vec<f32> {
    let mut random = options.seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let lost: Vec<bool> = (0..packets.len() + copies)
        .map(|_| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            ((random >> 11) as f64) < options.loss * (1u64 << 53) as f64
        })
        .collect();
    // A frame comes with its own packet, or as a copy with the first after it that is not lost.
    let mut arrivals: Vec<(u64, usize)> = (0..packets.len())
        .filter_map(|frame| {
            let carrier = (frame..=frame + copies).find(|&packet| !lost[packet])?;
            Some(((carrier as u64 + 1) * FRAME_MICROS + ONE_WAY_MICROS, frame))
        })
        .collect();
    // With one packet the frame itself goes first.
    arrivals.sort_by_key(|&(at, frame)| (at, std::cmp::Reverse(frame)));
    let mut arrivals = arrivals.into_iter().peekable();
    let mut playout = Playout::new(PlayoutConfig::default());
    let mut heard = Vec::new();
    for now in (0..packets.len() as u64 * FRAME_MICROS).step_by(BLOCK_MICROS as usize) {
        while let Some((at, frame)) = arrivals.next_if(|&(at, _)| at <= now) {
            let at = Instant::from_micros(at);
            let packet = &packets[frame];
            let captured = MediaTime::from_micros(packet.media_offset * 125 / 6);
            playout.insert(SOURCE, at, frame as u32, captured, &packet.opus);
            if options.copies_known {
                playout.expect_copies(SOURCE, at, copies as u8);
            }
        }
        let mut block = [0.0; BLOCK_SAMPLES];
        playout.render(Instant::from_micros(now), &mut block);
        heard.extend_from_slice(&block);
    }
    let stats = playout.stats(SOURCE).expect("the source has begun");
    let share = |samples| samples as f64 / stats.total_samples_received as f64;
    eprintln!(
        "{{\"copies\": {copies}, \"lost\": {}, \"concealed_share\": {:.5}, \"stretched_share\": {:.5}, \"target_delay_ms\": {:.0}}}",
        packets.len() - stats.jitter_buffer_emitted_count as usize / 960,
        share(stats.concealed_samples),
        share(stats.inserted_samples_for_deceleration + stats.removed_samples_for_acceleration),
        stats.target_delay * 1e3,
    );
    heard
}
