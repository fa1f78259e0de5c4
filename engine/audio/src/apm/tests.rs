//! What silence does to the memory of the stages, and what it comes out as.
//!
//! No clock decides here: the stages print what they hold, and a subnormal number in it is what
//! makes silence slow.

use std::f32::consts::TAU;
use std::fmt::Debug;

use super::*;
use crate::BLOCK_SAMPLES;

const BLOCKS_A_SECOND: usize = 100;

/// A buzz with harmonics over the whole band, in syllables: loud enough for every stage to adapt
/// to.
fn buzz(block: usize) -> Block {
    std::array::from_fn(|n| {
        let n = block * BLOCK_SAMPLES + n;
        let syllable = (n as f32 * TAU / 12_000.0).sin().max(0.0);
        let pulse = (1 + n % 400) as f32 / 400.0 - 0.5;
        0.5 * syllable * pulse
    })
}

/// Two seconds of audio on both sides, then `silent` seconds of digital silence.
fn run(stages: &mut Stages, silent: usize) -> Block {
    let mut near = [0.0; BLOCK_SAMPLES];
    let mut peak = 0.0f32;
    for n in 0..2 * BLOCKS_A_SECOND {
        near = buzz(n);
        stages.process(&mut near, &buzz(n + 7));
        peak = near
            .iter()
            .fold(peak, |peak, sample| peak.max(sample.abs()));
    }
    assert!(peak > 0.01, "no audio came out");
    for _ in 0..silent * BLOCKS_A_SECOND {
        near = [0.0; BLOCK_SAMPLES];
        stages.process(&mut near, &[0.0; BLOCK_SAMPLES]);
    }
    near
}

/// How many numbers a stage holds, and how many of them are subnormal, by what it prints of itself.
fn numbers_in(stage: &impl Debug) -> (usize, usize) {
    let text = format!("{stage:?}");
    let numbers = text
        .split(|c: char| !(c.is_ascii_alphanumeric() || "+-.".contains(c)))
        .filter_map(|word| word.parse::<f32>().ok());
    numbers.fold((0, 0), |(all, subnormal), number| {
        (all + 1, subnormal + usize::from(number.is_subnormal()))
    })
}

#[test]
fn silence_after_audio_leaves_no_subnormal_numbers_in_the_stages() {
    let mut stages = Stages::new(AudioOptions::default());
    run(&mut stages, 2);
    let mut alone = Stages::new(AudioOptions {
        noise_suppression: true,
        ..AudioOptions::OFF
    });
    run(&mut alone, 2);
    let stages = [
        ("high-pass", 6, numbers_in(&stages.high_pass)),
        ("canceller", 100_000, numbers_in(&stages.echo_canceller)),
        ("suppressor", 480, numbers_in(&alone.noise_suppressor)),
        ("gain", 1_000, numbers_in(&stages.gain_controller)),
    ];
    for (name, least, (numbers, _)) in stages {
        assert!(numbers >= least, "{name} shows {numbers} numbers only");
    }
    // One spectrum of the canceller is zero whenever hardly anything is heard: 65 numbers of
    // 135,000. Without dither there are 3,000, and they are in what is computed with most.
    let slow = stages.map(|(name, _, (all, subnormal))| (name, subnormal * 1_000 / all));
    assert!(
        slow.iter().all(|(_, per_mille)| *per_mille == 0),
        "{slow:?}"
    );
}

#[test]
fn silence_stays_silence_with_each_stage_and_with_all() {
    for bits in [1, 2, 4, 8, 16, 31u8] {
        let on = |bit: u8| bits >> bit & 1 != 0;
        let mut stages = Stages::new(AudioOptions {
            echo_cancellation: on(0),
            noise_suppression: on(1),
            auto_gain_control: on(2),
            high_pass: on(3),
            voice_detection: on(4),
        });
        let is_silent = run(&mut stages, 1).iter().all(|sample| *sample == 0.0);
        assert!(is_silent, "{bits:05b}");
    }
}
