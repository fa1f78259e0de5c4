//! What each stage costs, in milliseconds of CPU per second of audio, as one JSON object:
//! `cargo run --release -p smrtc-audio --example stages`.
//!
//! Each stage runs over three sounds: two talkers (`speech`); two talkers who both fall digitally
//! silent (`silence`); and a talker whose far end falls silent (`far_end_silent`). Silence costs
//! more than speech where the memory of a filter decays into subnormal numbers, which processors
//! compute with slowly. A stage that hears the one side alone has no third number.
//!
//! The first 5 s are not counted: the sounds are the same until then. Each number is the best of
//! five runs over the 10 s after that, in CPU time where the system tells it.

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    reason = "a stopwatch needs a clock, and a benchmark that cannot start should stop"
)]

#[path = "../tests/common/mod.rs"]
mod common;

use std::hint::black_box;
use std::time::Instant as Stopwatch;

use common::{RATE, speech};

use smrtc_audio::{
    AudioOptions, BLOCK_SAMPLES, Capture, CaptureConfig, EncodedAudio, EncoderOptions,
    FRAME_SAMPLES, HowlingDetector, Playout, PlayoutConfig, SourceId,
};
use smrtc_engine::time::{Instant, MediaTime};

/// Until then all sounds are speech.
const SPEECH_SECONDS: usize = 5;
const MEASURED_SECONDS: usize = 10;
const FRAMES_A_SECOND: usize = RATE / FRAME_SAMPLES;

/// Rounds over all cases; the best of each counts.
const ROUNDS: usize = 5;

struct Audio {
    name: &'static str,
    near: Vec<f32>,
    far: Vec<f32>,
    packets: Vec<EncodedAudio>,
    /// With in-band FEC.
    protected: Vec<EncodedAudio>,
}

impl Audio {
    fn new(name: &'static str, near_falls_silent: bool, far_falls_silent: bool) -> Self {
        let talker = |seed, falls_silent| {
            let mut audio = speech(seed, 0.5, (SPEECH_SECONDS + MEASURED_SECONDS) * RATE);
            if falls_silent {
                audio[SPEECH_SECONDS * RATE..].fill(0.0);
            }
            audio
        };
        let near = talker(1, near_falls_silent);
        Self {
            name,
            packets: packets(&near, 0.0),
            protected: packets(&near, 0.2),
            far: talker(2, far_falls_silent),
            near,
        }
    }
}

/// A stage that has started: processes the 20 ms of this number.
type Run<'a> = Box<dyn FnMut(usize) + 'a>;

struct Case {
    name: &'static str,
    start: Box<dyn Fn(&Audio) -> Run<'_>>,
    hears_the_far_end: bool,
    /// The case that does the same without this stage.
    without: Option<&'static str>,
}

fn main() {
    let sounds = [
        Audio::new("speech", false, false),
        Audio::new("silence", true, true),
        Audio::new("far_end_silent", false, true),
    ];
    let cases = cases();
    let mut best = vec![[f64::INFINITY; 3]; cases.len()];
    for _ in 0..ROUNDS {
        for (best, case) in best.iter_mut().zip(&cases) {
            for (best, audio) in best.iter_mut().zip(&sounds) {
                *best = best.min(measure((case.start)(audio)));
            }
        }
    }
    println!("{{");
    println!("  \"unit\": \"ms of CPU per second of audio\",");
    for (n, case) in cases.iter().enumerate() {
        let without = case.without.and_then(|name| {
            let case = cases.iter().position(|case| case.name == name)?;
            Some(best[case])
        });
        let shown = if case.hears_the_far_end { 3 } else { 2 };
        let numbers: Vec<String> = (0..shown)
            .map(|audio| {
                let millis = best[n][audio] - without.map_or(0.0, |without| without[audio]);
                let millis = 1e3 * millis.max(0.0) / MEASURED_SECONDS as f64;
                format!("\"{}\": {millis:.2}", sounds[audio].name)
            })
            .collect();
        let comma = if n + 1 < cases.len() { "," } else { "" };
        println!("  \"{}\": {{ {} }}{comma}", case.name, numbers.join(", "));
    }
    println!("}}");
}

fn cases() -> Vec<Case> {
    let off = AudioOptions::OFF;
    let effort = EncoderOptions::default().complexity;
    let case = |name, start, without| Case {
        name,
        start,
        hears_the_far_end: false,
        without,
    };
    // With as little of the codec as there is: its work varies with what a stage does to the audio.
    let stage = |name, audio| {
        case(
            name,
            capture(audio, 0),
            Some("opus_encode_complexity_0_with_howling_detection"),
        )
    };
    vec![
        // Nobody can switch howling detection off.
        case(
            "opus_encode",
            capture(off, effort),
            Some("howling_detection"),
        ),
        case(
            "opus_encode_complexity_10",
            capture(off, 10),
            Some("howling_detection"),
        ),
        case(
            "opus_encode_complexity_5",
            capture(off, 5),
            Some("howling_detection"),
        ),
        case(
            "opus_encode_complexity_0_with_howling_detection",
            capture(off, 0),
            None,
        ),
        stage(
            "high_pass",
            AudioOptions {
                high_pass: true,
                ..off
            },
        ),
        Case {
            hears_the_far_end: true,
            ..stage(
                "echo_cancellation_with_high_pass",
                AudioOptions {
                    echo_cancellation: true,
                    ..off
                },
            )
        },
        stage(
            "noise_suppression",
            AudioOptions {
                noise_suppression: true,
                ..off
            },
        ),
        stage(
            "auto_gain_control",
            AudioOptions {
                auto_gain_control: true,
                ..off
            },
        ),
        Case {
            hears_the_far_end: true,
            ..case(
                "capture_all",
                capture(AudioOptions::default(), effort),
                None,
            )
        },
        case("howling_detection", Box::new(howling), None),
        case("playout_clean", playout(0, false), None),
        case("playout_20_percent_lost", playout(5, false), None),
        case("playout_20_percent_lost_fec", playout(5, true), None),
    ]
}

fn new_capture(audio: AudioOptions, encoder: EncoderOptions) -> Capture {
    Capture::new(CaptureConfig { audio, encoder }).expect("an encoder")
}

fn capture(audio: AudioOptions, complexity: u8) -> Box<dyn Fn(&Audio) -> Run<'_>> {
    let encoder = EncoderOptions {
        complexity,
        ..Default::default()
    };
    Box::new(move |talk| {
        let mut capture = new_capture(audio, encoder);
        Box::new(move |frame| {
            let samples = frame * FRAME_SAMPLES..(frame + 1) * FRAME_SAMPLES;
            capture.push(&talk.near[samples.clone()], &talk.far[samples]);
            black_box(capture.poll_packet());
        })
    })
}

fn howling(audio: &Audio) -> Run<'_> {
    let mut detector = HowlingDetector::default();
    Box::new(move |frame| {
        detector.push(&audio.near[frame * FRAME_SAMPLES..][..FRAME_SAMPLES]);
        black_box(detector.howl());
    })
}

fn packets(audio: &[f32], expected_loss: f32) -> Vec<EncodedAudio> {
    let mut capture = new_capture(
        AudioOptions::OFF,
        EncoderOptions {
            expected_loss,
            ..Default::default()
        },
    );
    let mut packets = Vec::new();
    for frame in audio.chunks(FRAME_SAMPLES) {
        capture.push(frame, &[]);
        packets.extend(capture.poll_packet());
    }
    packets
}

/// Plays the packets but every `loses`-th, none if that is 0.
fn playout(loses: usize, is_protected: bool) -> Box<dyn Fn(&Audio) -> Run<'_>> {
    Box::new(move |audio| {
        let packets = if is_protected {
            &audio.protected
        } else {
            &audio.packets
        };
        let mut playout = Playout::new(PlayoutConfig::default());
        let mut out = [0.0; BLOCK_SAMPLES];
        Box::new(move |frame| {
            let now = frame as u64 * 20;
            let media_time = MediaTime::from_micros(now * 1_000);
            if loses == 0 || frame % loses != loses - 1 {
                playout.insert(
                    SourceId(1),
                    Instant::from_millis(now),
                    frame as u32,
                    media_time,
                    &packets[frame].opus,
                );
            }
            for block in 0..2 {
                playout.render(Instant::from_millis(now + block * 10), &mut out);
                black_box(&out);
            }
        })
    })
}

/// Seconds for the audio after [`SPEECH_SECONDS`].
fn measure(mut run: Run<'_>) -> f64 {
    let start = SPEECH_SECONDS * FRAMES_A_SECOND;
    let end = start + MEASURED_SECONDS * FRAMES_A_SECOND;
    (0..start).for_each(&mut run);
    let wall_clock = Stopwatch::now();
    let cpu = cpu_seconds();
    (start..end).for_each(&mut run);
    match (cpu, cpu_seconds()) {
        (Some(start), Some(end)) => end - start,
        _ => wall_clock.elapsed().as_secs_f64(),
    }
}

/// Time that this thread has spent on a core, so that a busy machine does not slow the result;
/// Linux tells it.
fn cpu_seconds() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanos: u64 = text.split_whitespace().next()?.parse().ok()?;
    Some(nanos as f64 / 1e9)
}
