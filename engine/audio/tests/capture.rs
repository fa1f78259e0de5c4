//! What the capture side does to audio, shown on signals whose answer is known.

#![allow(clippy::unwrap_used, reason = "a test that cannot start should stop")]

mod common;

use common::{RATE, noise, power_db, speech, tone};
use smrtc_audio::{AudioOptions, Capture, CaptureConfig, EncodedAudio, EncoderOptions};
use smrtc_engine::time::Bitrate;

const OFF: AudioOptions = AudioOptions::OFF;

fn capture(audio: AudioOptions) -> Capture {
    Capture::new(CaptureConfig {
        audio,
        ..Default::default()
    })
    .unwrap()
}

/// Pushes everything and returns the power, in dB, of the processed audio of the last `seconds`.
fn power_of_last(capture: &mut Capture, near: &[f32], far: &[f32], seconds: usize) -> f64 {
    let split = near.len() - seconds * RATE;
    capture.push(&near[..split], &far[..split.min(far.len())]);
    let before = capture.stats();
    capture.push(&near[split..], far.get(split..).unwrap_or(&[]));
    let after = capture.stats();
    let energy = after.total_audio_energy - before.total_audio_energy;
    10.0 * (energy / (after.total_samples_duration - before.total_samples_duration))
        .max(1e-15)
        .log10()
}

fn packets(capture: &mut Capture) -> Vec<EncodedAudio> {
    std::iter::from_fn(|| capture.poll_packet()).collect()
}

/// A room of 30 ms with a loudspeaker 40 ms away in buffers: the echo is a little quieter than the
/// far end.
fn echo_of(far: &[f32]) -> Vec<f32> {
    let taps: Vec<f32> = noise(7, 0.25, 1_440)
        .into_iter()
        .enumerate()
        .map(|(n, tap)| tap * (-(n as f32) / 240.0).exp())
        .collect();
    let delay = RATE / 25;
    (0..far.len())
        .map(|n| {
            let n = n.wrapping_sub(delay);
            (0..taps.len())
                .filter_map(|k| Some(taps[k] * far.get(n.checked_sub(k)?)?))
                .sum()
        })
        .collect()
}

#[test]
fn echo_of_the_far_end_falls_by_twenty_decibels() {
    let far = speech(1, 0.5, 10 * RATE);
    let echo = echo_of(&far);
    let options = AudioOptions {
        echo_cancellation: true,
        ..OFF
    };
    let with = power_of_last(&mut capture(options), &echo, &far, 4);
    let without = power_of_last(&mut capture(OFF), &echo, &far, 4);
    assert!(without > -45.0, "there was no echo to cancel: {without} dB");
    assert!(without - with >= 20.0, "only {} dB", without - with);

    // The reference is what does it: with silence for a far end the echo stays.
    let blind = power_of_last(&mut capture(options), &echo, &[], 4);
    assert!(
        without - blind < 3.0,
        "removed {} dB without a reference",
        without - blind
    );
}

#[test]
fn the_near_talker_survives_echo_cancellation() {
    let far = [speech(1, 0.5, 6 * RATE), vec![0.0; 4 * RATE]].concat();
    let mut near = echo_of(&far);
    let talker = speech(2, 0.5, 4 * RATE);
    for (sample, voice) in near[6 * RATE..].iter_mut().zip(&talker) {
        *sample += voice;
    }
    let options = AudioOptions {
        echo_cancellation: true,
        ..OFF
    };
    let out = power_of_last(&mut capture(options), &near, &far, 3);
    let voice = power_db(&talker[RATE..]);
    assert!(
        (out - voice).abs() < 3.0,
        "talker at {voice} dB came out at {out} dB"
    );
}

#[test]
fn stationary_noise_falls_by_ten_decibels() {
    let hiss = noise(3, 0.05, 6 * RATE);
    let options = AudioOptions {
        noise_suppression: true,
        ..OFF
    };
    let with = power_of_last(&mut capture(options), &hiss, &[], 3);
    let without = power_of_last(&mut capture(OFF), &hiss, &[], 3);
    assert!(without - with >= 10.0, "only {} dB", without - with);
}

#[test]
fn speech_survives_noise_suppression_and_is_recognised() {
    let voice = speech(4, 0.5, 6 * RATE);
    let options = AudioOptions {
        noise_suppression: true,
        ..OFF
    };
    let mut suppressing = capture(options);
    let with = power_of_last(&mut suppressing, &voice, &[], 4);
    let without = power_of_last(&mut capture(OFF), &voice, &[], 4);
    assert!(
        (without - with).abs() < 3.0,
        "changed by {} dB",
        with - without
    );

    let voiced = |packets: Vec<EncodedAudio>| {
        packets
            .iter()
            .filter_map(|p| p.voice_probability)
            .map(f64::from)
            .sum::<f64>()
            / packets.len() as f64
    };
    let mut listening = capture(AudioOptions {
        voice_detection: true,
        ..OFF
    });
    listening.push(&noise(5, 0.05, 6 * RATE), &[]);
    let of_speech = voiced(packets(&mut suppressing));
    let of_noise = voiced(packets(&mut listening));
    assert!(
        of_speech > 0.6 && of_noise < 0.2,
        "speech {of_speech}, noise {of_noise}"
    );
}

#[test]
fn gain_control_brings_a_quiet_talker_up() {
    let voice = speech(6, 0.02, 20 * RATE);
    let options = AudioOptions {
        auto_gain_control: true,
        ..OFF
    };
    let with = power_of_last(&mut capture(options), &voice, &[], 5);
    let without = power_of_last(&mut capture(OFF), &voice, &[], 5);
    assert!(with - without > 6.0, "raised by {} dB only", with - without);
}

#[test]
fn the_high_pass_filter_removes_an_offset() {
    let offset = vec![0.25; 2 * RATE];
    let options = AudioOptions {
        high_pass: true,
        ..OFF
    };
    assert!(power_of_last(&mut capture(options), &offset, &[], 1) < -60.0);
    assert!(power_of_last(&mut capture(OFF), &offset, &[], 1) > -13.0);
}

#[test]
fn stages_switch_on_and_off_while_audio_flows() {
    let hiss = noise(3, 0.05, 4 * RATE);
    let mut capture = capture(OFF);
    let before = power_of_last(&mut capture, &hiss, &[], 1);
    capture.set_options(AudioOptions {
        noise_suppression: true,
        ..OFF
    });
    let during = power_of_last(&mut capture, &hiss, &[], 1);
    capture.set_options(OFF);
    let after = power_of_last(&mut capture, &hiss, &[], 1);
    assert!(during < before - 10.0, "{before} then {during} dB");
    assert!((before - after).abs() < 0.1);
    assert_eq!(capture.stats().voice_probability, None);
}

#[test]
fn packets_come_every_twenty_milliseconds_whatever_the_push_size() {
    let audio = speech(8, 0.5, RATE);
    let mut whole = capture(AudioOptions::default());
    whole.push(&audio, &audio);
    let whole = packets(&mut whole);
    assert_eq!(whole.len(), 50);
    assert!(
        whole
            .iter()
            .enumerate()
            .all(|(n, p)| p.media_offset == n as u64 * 960)
    );

    for size in [1, 127, 128, 441, 480, 4_096] {
        let mut pieces = capture(AudioOptions::default());
        for piece in audio.chunks(size) {
            pieces.push(piece, piece);
        }
        assert_eq!(packets(&mut pieces), whole, "pushed by {size}");
    }
}

#[test]
fn a_muted_microphone_sends_silence() {
    let mut capture = capture(OFF);
    capture.push(&tone(440.0, 0.5, RATE / 2), &[]);
    capture.set_muted(true);
    assert!(capture.is_muted());
    capture.push(&tone(440.0, 0.5, RATE / 2), &[]);
    let sent = packets(&mut capture);
    assert_eq!(sent.len(), 50, "packets go on");
    assert!(sent[24].level_dbov.as_db() > -12);
    assert!(sent[27..].iter().all(|p| p.level_dbov.as_db() == -127));
    capture.set_muted(false);
    capture.push(&tone(440.0, 0.5, RATE / 10), &[]);
    assert!(packets(&mut capture).last().unwrap().level_dbov.as_db() > -12);
}

#[test]
fn constant_bitrate_makes_packets_of_one_size() {
    let audio = speech(9, 0.5, 2 * RATE);
    let sizes = |constant_bitrate| {
        let mut capture = capture(OFF);
        capture
            .set_encoder_options(EncoderOptions {
                constant_bitrate,
                ..Default::default()
            })
            .unwrap();
        capture.push(&audio, &[]);
        let mut sizes: Vec<usize> = packets(&mut capture)[5..]
            .iter()
            .map(|p| p.opus.len())
            .collect();
        sizes.sort_unstable();
        sizes.dedup();
        sizes
    };
    assert_eq!(sizes(true), [80], "32 kbit/s in 20 ms");
    assert!(sizes(false).len() > 10);
}

#[test]
fn the_bitrate_follows_its_setting() {
    let audio = speech(10, 0.5, 4 * RATE);
    let mut capture = capture(OFF);
    let mut bytes = |kbps| {
        capture.set_bitrate(Bitrate::from_kbps(kbps)).unwrap();
        let before = capture.stats().bytes_encoded;
        capture.push(&audio, &[]);
        (capture.stats().bytes_encoded - before) * 8 / 4_000
    };
    let (high, low) = (bytes(48), bytes(16));
    assert!(
        (30..60).contains(&high) && (8..22).contains(&low),
        "{high} and {low} kbit/s"
    );
}

#[test]
fn discontinuous_transmission_stops_in_a_pause() {
    let mut capture = capture(OFF);
    capture
        .set_encoder_options(EncoderOptions {
            discontinuous_transmission: true,
            ..Default::default()
        })
        .unwrap();
    capture.push(&speech(11, 0.5, RATE), &[]);
    packets(&mut capture);
    capture.push(&vec![0.0; 4 * RATE], &[]);
    let pause = packets(&mut capture);
    assert!(
        pause.len() < 60,
        "{} packets in 4 s of silence",
        pause.len()
    );
    assert!(capture.stats().dtx_frames > 140);
    capture.push(&speech(11, 0.5, RATE), &[]);
    assert!(packets(&mut capture).len() > 40);
}

#[test]
fn samples_that_are_no_numbers_do_no_lasting_harm() {
    let mut capture = capture(AudioOptions::default());
    let broken = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e30, -1e30];
    for sample in broken {
        capture.push(&[sample; 960], &[sample; 960]);
    }
    let power = power_of_last(&mut capture, &speech(12, 0.5, 6 * RATE), &[], 3);
    assert!(power.is_finite() && power > -50.0, "{power} dB");
}
