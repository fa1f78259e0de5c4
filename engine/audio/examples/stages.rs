//! How fast each stage is, in times real time on one core, as one JSON object:
//! `cargo run --release -p smrtc-audio --example stages`.
//!
//! Each number is the best of five runs over 20 s of a synthetic talker, in CPU time where the system tells it.

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    reason = "a stopwatch needs a clock, and a benchmark that cannot start should stop"
)]

#[path = "../tests/common/mod.rs"]
mod common;

use std::time::Instant as Stopwatch;

use common::speech;

use smrtc_audio::{
    AudioOptions, BLOCK_SAMPLES, Capture, CaptureConfig, EncodedAudio, EncoderOptions,
    HowlingDetector, Playout, PlayoutConfig, SAMPLE_RATE_HZ, SourceId,
};
use smrtc_engine::time::{Instant, MediaTime};

const SECONDS: usize = 20;

/// Rounds over all cases; the best of each counts.
const ROUNDS: usize = 5;

fn main() {
    let near = speech(1, 0.5, SECONDS * SAMPLE_RATE_HZ as usize);
    let far = speech(2, 0.5, SECONDS * SAMPLE_RATE_HZ as usize);
    let plain = packets(&near, 0.0);
    let protected = packets(&near, 0.2);
    let off = AudioOptions::OFF;
    let effort = EncoderOptions::default().complexity;

    type Case<'a> = Box<dyn Fn() + 'a>;
    let capture = |audio, complexity| {
        let (near, far) = (&near, &far);
        Box::new(move || run_capture(near, far, audio, complexity)) as Case
    };
    // The first is the codec alone; it is taken off the four stages after it.
    let mut cases: Vec<(&str, Case)> = vec![
        ("opus_encode", capture(off, effort)),
        (
            "high_pass",
            capture(
                AudioOptions {
                    high_pass: true,
                    ..off
                },
                effort,
            ),
        ),
        (
            "echo_cancellation_with_high_pass",
            capture(
                AudioOptions {
                    echo_cancellation: true,
                    ..off
                },
                effort,
            ),
        ),
        (
            "noise_suppression",
            capture(
                AudioOptions {
                    noise_suppression: true,
                    ..off
                },
                effort,
            ),
        ),
        (
            "auto_gain_control",
            capture(
                AudioOptions {
                    auto_gain_control: true,
                    ..off
                },
                effort,
            ),
        ),
        ("opus_encode_complexity_10", capture(off, 10)),
        ("opus_encode_complexity_5", capture(off, 5)),
        ("capture_all", capture(AudioOptions::default(), effort)),
    ];
    cases.push(("howling_detection", Box::new(|| run_howling(&near))));
    cases.push(("playout_clean", Box::new(|| run_playout(&plain, 0))));
    cases.push((
        "playout_20_percent_lost",
        Box::new(|| run_playout(&plain, 5)),
    ));
    cases.push((
        "playout_20_percent_lost_fec",
        Box::new(|| run_playout(&protected, 5)),
    ));

    let mut best = vec![f64::INFINITY; cases.len()];
    for _ in 0..ROUNDS {
        for (best, (_, run)) in best.iter_mut().zip(&cases) {
            *best = best.min(time(run));
        }
    }
    for n in 1..=4 {
        best[n] -= best[0];
    }
    // Nobody can switch it off, so the codec alone is not measured without it.
    let howling = cases.iter().position(|case| case.0 == "howling_detection");
    best[0] -= howling.map_or(0.0, |n| best[n]);

    println!("{{");
    println!("  \"unit\": \"times real time\",");
    for (n, ((name, _), seconds)) in cases.iter().zip(&best).enumerate() {
        let comma = if n + 1 < cases.len() { "," } else { "" };
        println!(
            "  \"{name}\": {:.0}{comma}",
            SECONDS as f64 / seconds.max(1e-6)
        );
    }
    println!("}}");
}

fn capture(audio: AudioOptions, encoder: EncoderOptions) -> Capture {
    Capture::new(CaptureConfig { audio, encoder }).expect("an encoder")
}

fn run_capture(near: &[f32], far: &[f32], audio: AudioOptions, complexity: u8) {
    let mut capture = capture(
        audio,
        EncoderOptions {
            complexity,
            ..Default::default()
        },
    );
    for (near, far) in near.chunks(BLOCK_SAMPLES).zip(far.chunks(BLOCK_SAMPLES)) {
        capture.push(near, far);
        std::hint::black_box(capture.poll_packet());
    }
}

fn run_howling(near: &[f32]) {
    let mut detector = HowlingDetector::default();
    for near in near.chunks(BLOCK_SAMPLES) {
        detector.push(near);
        std::hint::black_box(detector.howl());
    }
}

fn packets(sound: &[f32], expected_loss: f32) -> Vec<EncodedAudio> {
    let mut capture = capture(
        AudioOptions::OFF,
        EncoderOptions {
            expected_loss,
            ..Default::default()
        },
    );
    let mut packets = Vec::new();
    for block in sound.chunks(BLOCK_SAMPLES) {
        capture.push(block, &[]);
        packets.extend(capture.poll_packet());
    }
    packets
}

/// Plays the packets but every `loses`-th, none if that is 0.
fn run_playout(packets: &[EncodedAudio], loses: usize) {
    let mut playout = Playout::new(PlayoutConfig::default());
    let mut out = [0.0; BLOCK_SAMPLES];
    for (n, packet) in packets.iter().enumerate() {
        let now = n as u64 * 20;
        let media_time = MediaTime::from_micros(now * 1_000);
        if loses == 0 || n % loses != loses - 1 {
            playout.insert(
                SourceId(1),
                Instant::from_millis(now),
                n as u32,
                media_time,
                &packet.opus,
            );
        }
        for block in 0..2 {
            playout.render(Instant::from_millis(now + block * 10), &mut out);
            std::hint::black_box(&out);
        }
    }
}

fn time(run: impl Fn()) -> f64 {
    let wall_clock = Stopwatch::now();
    let cpu = cpu_seconds();
    run();
    match (cpu, cpu_seconds()) {
        (Some(start), Some(end)) => end - start,
        _ => wall_clock.elapsed().as_secs_f64(),
    }
}

/// Time that this thread has spent on a core, so that a busy machine does not slow the result; Linux tells it.
fn cpu_seconds() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanos: u64 = text.split_whitespace().next()?.parse().ok()?;
    Some(nanos as f64 / 1e9)
}
