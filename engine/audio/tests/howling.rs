//! Acoustic feedback is told, with its frequency and in time, and what only sounds alike is not.

#![allow(clippy::unwrap_used, reason = "a test that cannot start should stop")]

mod common;

use common::{RATE, noise, power_db, speech, tone, tone_power_db, vowel};
use smrtc_audio::{Capture, CaptureConfig, HowlingDetector};

/// Microphone → delay → gain → loudspeaker, which has a limit → room → microphone.
struct Loop {
    /// Samples once round, but for the room.
    delay: usize,
    /// What comes from loudspeaker to microphone, and how many samples after it was played. Its
    /// gain where that is highest is 1.
    room: Vec<(usize, f32)>,
}

impl Loop {
    /// A room with a reverberation time (RT60) of 0.3 s.
    fn new(seed: u64, delay_ms: usize) -> Self {
        let positions = noise(seed, 1.0, 120);
        let strengths = noise(seed + 100, 1.0, 120);
        let reflection = |(position, strength): (&f32, &f32)| {
            let after = (position.abs() * 0.2 * RATE as f32) as usize;
            (
                after,
                strength * (-(after as f32) / (0.0434 * RATE as f32)).exp(),
            )
        };
        let mut room: Vec<_> = positions.iter().zip(&strengths).map(reflection).collect();
        let gain = |hz: f32| {
            let (mut re, mut im) = (0.0, 0.0);
            for (after, strength) in &room {
                let phase = (*after as f32 * hz / RATE as f32).fract() * std::f32::consts::TAU;
                re += strength * phase.cos();
                im += strength * phase.sin();
            }
            re.hypot(im) * band(hz)
        };
        let most = (300..6_000).map(|hz| gain(hz as f32)).fold(0.0, f32::max);
        room.iter_mut().for_each(|(_, strength)| *strength /= most);
        Self {
            delay: delay_ms * RATE / 1_000,
            room,
        }
    }

    /// What the microphone hears of a talker with this gain once round, where it is highest; the
    /// loop closes after a second.
    fn run(&self, voice: &[f32], gain: f32) -> Vec<f32> {
        let mut out = vec![0.0f32; voice.len()];
        let mut mic = vec![0.0f32; voice.len()];
        let mut loudspeaker = Band::default();
        for n in 0..voice.len() {
            let taps = self.room.iter();
            let back: f32 = taps
                .map(|(after, tap)| tap * n.checked_sub(*after).map_or(0.0, |at| out[at]))
                .sum();
            mic[n] = voice[n] + back;
            if let Some(later) = out.get_mut(n + self.delay).filter(|_| n > RATE) {
                *later = loudspeaker.step((gain * mic[n]).clamp(-0.5, 0.5));
            }
        }
        mic
    }
}

/// What a small loudspeaker carries: one pole at 4 kHz and one zero at 0 with its pole at 300 Hz.
#[derive(Default)]
struct Band {
    low: f32,
    rest: f32,
}

const LOW: f32 = 4_000.0 * std::f32::consts::TAU / RATE as f32;
const HIGH: f32 = 300.0 * std::f32::consts::TAU / RATE as f32;

impl Band {
    fn step(&mut self, sample: f32) -> f32 {
        self.low += LOW / (1.0 + LOW) * (sample - self.low);
        self.rest += HIGH * (self.low - self.rest);
        self.low - self.rest
    }
}

/// About its gain.
fn band(hz: f32) -> f32 {
    1.0 / (1.0 + (hz / 4_000.0).powi(2)).sqrt() / (1.0 + (300.0 / hz).powi(2)).sqrt()
}

/// When howls begin and end, in seconds, and at which frequency they begin.
fn howls(audio: &[f32]) -> Vec<(f32, f32, f32)> {
    let mut detector = HowlingDetector::default();
    let mut found: Vec<(f32, f32, f32)> = Vec::new();
    let mut howling = false;
    for (block, at) in audio.chunks(480).zip(1..) {
        detector.push(block);
        let at = at as f32 / 100.0;
        match detector.howl() {
            Some(howl) if !howling => found.push((at, at, howl.frequency_hz)),
            Some(_) => found.last_mut().unwrap().1 = at,
            None => {}
        }
        howling = detector.howl().is_some();
    }
    found
}

/// From when on, in seconds, a loop is at its limit: every 100 ms are as loud as they get, but for
/// 3 dB.
fn saturated_from(mic: &[f32]) -> f32 {
    let power: Vec<f64> = mic.chunks(4_800).map(power_db).collect();
    let most = power.iter().copied().fold(f64::MIN, f64::max);
    let last_quiet = power.iter().rposition(|&power| power < most - 3.0);
    last_quiet.map_or(0.0, |n| (n + 1) as f32 / 10.0)
}

#[test]
fn a_loop_that_gains_is_told_within_a_second_of_its_limit_with_its_frequency() {
    for (seed, delay_ms, gain) in [
        (1, 60, 1.5),
        (1, 100, 2.0),
        (1, 200, 2.0),
        (2, 60, 2.0),
        (2, 100, 1.5),
        (2, 300, 2.0),
        (3, 100, 1.5),
        (3, 200, 2.0),
        (4, 60, 1.5),
        (4, 200, 2.0),
    ] {
        let voice = speech(seed, 0.2, 7 * RATE);
        let mic = Loop::new(seed, delay_ms).run(&voice, gain);
        let (limit, found) = (saturated_from(&mic), howls(&mic));
        let name = format!(
            "seed {seed}, {delay_ms} ms, gain {gain}, at its limit at {limit} s: {found:?}"
        );
        assert!((1.5..6.0).contains(&limit), "it never howled: {name}");
        let [(begin, end, hz)] = found[..] else {
            panic!("{name}")
        };
        assert!(begin > 1.0 && begin < limit + 1.0 && end == 7.0, "{name}");
        // A quarter of all that is heard, or more, is at that frequency.
        let at = (begin * RATE as f32) as usize;
        let heard = &mic[at - RATE / 20..][..RATE / 10];
        let share = tone_power_db(heard, hz) - power_db(heard);
        assert!(share > -6.0, "{share} dB: {name}");
    }
}

#[test]
fn a_howl_ends_when_the_loop_is_opened_and_the_talker_goes_on() {
    let voice = speech(1, 0.2, 9 * RATE);
    let howling = Loop::new(1, 60).run(&voice[..4 * RATE], 2.0);
    let found = howls(&[&howling, &voice[4 * RATE..]].concat());
    let [(begin, end, _)] = found[..] else {
        panic!("{found:?}")
    };
    assert!(begin < 3.0 && (4.0..4.5).contains(&end), "{found:?}");
}

#[test]
fn a_loop_that_loses_and_a_talker_alone_do_not_howl() {
    for seed in 1..=4 {
        let voice = speech(seed, 0.2, 8 * RATE);
        for (delay_ms, gain) in [(60, 0.8), (100, 0.5), (200, 0.8), (300, 0.5)] {
            let mic = Loop::new(seed, delay_ms).run(&voice, gain);
            assert_ne!(mic, voice, "nothing came back");
            assert_eq!(howls(&mic), [], "seed {seed}, {delay_ms} ms, gain {gain}");
        }
    }
    for seed in 5..25 {
        assert_eq!(howls(&speech(seed, 0.5, 20 * RATE)), [], "seed {seed}");
    }
}

#[test]
fn whistles_keys_chords_and_vowels_do_not_howl() {
    for (name, audio) in alike() {
        assert_eq!(howls(&audio), [], "{name}");
    }
}

/// As the module says: nothing else than its growth tells a howl from a tone.
#[test]
fn a_lone_pure_tone_that_swells_is_taken_for_a_howl() {
    let found = howls(&swelling(tone(1_000.0, 0.5, 5 * RATE), -40.0, 1.0));
    assert!(
        found.len() == 1 && (found[0].2 - 1_000.0).abs() < 3.0,
        "{found:?}"
    );
}

#[test]
fn the_capture_side_tells_a_howl_and_muting_ends_it() {
    let mut capture = Capture::new(CaptureConfig::default()).unwrap();
    let voice = speech(1, 0.2, 4 * RATE);
    capture.push(&voice[..RATE], &[]);
    assert_eq!(capture.stats().howling_frequency, None);
    capture.push(&Loop::new(1, 60).run(&voice, 2.0), &[]);
    let hz = capture.stats().howling_frequency.expect("it howls");
    assert!((750.0..780.0).contains(&hz), "{hz}");
    capture.set_muted(true);
    assert_eq!(capture.stats().howling_frequency, None);
    capture.push(&tone(1_000.0, 0.5, RATE), &[]);
    assert_eq!(capture.stats().howling_count, 1);
}

/// `audio` with a level that goes from `from` dB to 0 in `seconds`, in a straight line, and stays
/// there.
fn swelling(mut audio: Vec<f32>, from: f32, seconds: f32) -> Vec<f32> {
    for (n, sample) in audio.iter_mut().enumerate() {
        let progress = (n as f32 / RATE as f32 / seconds).min(1.0);
        *sample *= 10f32.powf(from * (1.0 - progress) / 20.0);
    }
    audio
}

fn mix(sounds: &[Vec<f32>]) -> Vec<f32> {
    (0..sounds[0].len())
        .map(|n| sounds.iter().map(|audio| audio[n]).sum())
        .collect()
}

/// What sounds alike and is none.
fn alike() -> Vec<(String, Vec<f32>)> {
    let mut all = Vec::new();
    let quiet = || noise(9, 0.002, RATE);
    for onset_ms in [1, 50, 100, 150, 200] {
        for length_ms in [200, 500, 800, 3_000] {
            let whistle = swelling(
                tone(1_700.0, 0.3, length_ms * 48),
                -40.0,
                onset_ms as f32 / 1_000.0,
            );
            all.push((
                format!("whistle {onset_ms} {length_ms}"),
                [quiet(), whistle, quiet()].concat(),
            ));
        }
    }
    all.push((
        "dtmf".into(),
        [
            quiet(),
            mix(&[tone(770.0, 0.3, RATE), tone(1_336.0, 0.3, RATE)]),
            quiet(),
        ]
        .concat(),
    ));
    all.push(("tone".into(), tone(1_000.0, 0.5, 5 * RATE)));
    all.push((
        "vowel".into(),
        [quiet(), swelling(vowel(0.3, 3 * RATE), -30.0, 0.1), quiet()].concat(),
    ));
    all.push((
        "vowel swelling".into(),
        [quiet(), swelling(vowel(0.3, 3 * RATE), -30.0, 1.0), quiet()].concat(),
    ));
    let chord = |root: f32| {
        let notes: Vec<_> = [1.0, 1.26, 1.498, 2.0, 2.52, 3.0]
            .iter()
            .map(|ratio| tone(root * ratio, 0.08, RATE))
            .collect();
        swelling(mix(&notes), -30.0, 0.05)
    };
    all.push((
        "chords".into(),
        [220.0, 262.0, 196.0, 330.0].map(chord).concat(),
    ));
    all.push(("chord swelling".into(), swelling(chord(262.0), -30.0, 0.8)));
    all
}
