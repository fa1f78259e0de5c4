//! Speech through the path of audio without a browser: `speech [OPTION VALUE]... <in.f32 >out.f32`,
//! both 48 kHz mono, 32-bit little-endian floats.
//!
//! Capture without processing, a network of 25 ms that loses packets at random and carries the
//! engine's copies of earlier frames, playout. What happened to the audio goes to stderr as one
//! JSON object. `make bench-speech` runs it and judges what comes out.
//!
//! Options: `--loss` 0 to 1 (0), `--complexity` of the encoder, 0 to 10 (as by default),
//! `--copies-known` 0 or 1: whether the buffer is told of copies (1), `--seed` (1).

#![allow(
    clippy::expect_used,
    reason = "a measurement that cannot start should stop"
)]

#[path = "../tests/common/mod.rs"]
mod common;

use std::io::{Read, Write};
use std::time::Duration;

use common::Rng;
use common::call::{Call, encode};
use smrtc_audio::{EncodedAudio, EncoderOptions};
use smrtc_engine::fec::{Protection, audio_redundancy};

const ONE_WAY_MICROS: u64 = 25_000;
const FRAME_MICROS: u64 = 20_000;
const BLOCK_MICROS: u64 = 10_000;

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
        .expect("audio on stdin");
    let audio: Vec<f32> = bytes
        .chunks_exact(4)
        .map(|sample| f32::from_le_bytes(sample.try_into().unwrap_or_default()))
        .collect();
    let packets = encode(&audio, options.encoder);
    let copies = audio_redundancy(Protection {
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

/// What is heard, for as long as it was spoken.
fn play(packets: &[EncodedAudio], copies: usize, options: &Options) -> Vec<f32> {
    let mut random = Rng::new(options.seed);
    let lost: Vec<bool> = (0..packets.len() + copies)
        .map(|_| f64::from(random.unit()) < options.loss)
        .collect();
    // A frame comes with its own packet, or just after that of the first later packet that is not
    // lost, as a copy.
    let transit = |frame: usize| {
        let behind = (0..=copies).find(|behind| !lost[frame + behind])? as u64;
        Some(ONE_WAY_MICROS + behind * FRAME_MICROS + u64::from(behind > 0))
    };
    let mut call = Call {
        copies: if options.copies_known {
            copies as u8
        } else {
            0
        },
        ..Call::new()
    };
    call.play(
        packets,
        |frame| transit(frame).into_iter().collect(),
        |block| block * BLOCK_MICROS,
    );
    let stats = call.stats();
    let share = |samples| samples as f64 / stats.total_samples_received as f64;
    eprintln!(
        "{{\"copies\": {copies}, \"lost\": {}, \"concealed_share\": {:.5}, \"stretched_share\": {:.5}, \"target_delay_ms\": {:.0}}}",
        (0..packets.len())
            .filter(|&frame| transit(frame).is_none())
            .count(),
        share(stats.concealed_samples),
        share(stats.inserted_samples_for_deceleration + stats.removed_samples_for_acceleration),
        stats.target_delay * 1e3,
    );
    call.out
}
