//! Audio from one end to the other over networks that behave, and what the buffer costs then.

#![allow(clippy::unwrap_used, reason = "a test that cannot start should stop")]

mod common;

use common::call::{Call, SOURCE, encode, encode_plain, media_time};
use common::{RATE, Rng, frequency, power_db, speech, tone, tone_power_db};
use smrtc_audio::{EncoderOptions, Playout, PlayoutConfig, SourceId};
use smrtc_engine::time::Instant;

/// 30 ms there, always.
fn steady(_: usize) -> Vec<u64> {
    vec![30_000]
}

#[test]
fn a_tone_keeps_its_frequency_and_level() {
    for hz in [200.0, 1_000.0, 3_000.0] {
        let call = Call::run(&encode_plain(&tone(hz, 0.5, 4 * RATE)), steady);
        let out = &call.out[RATE..3 * RATE];
        let level = tone_power_db(out, hz);
        assert!(
            (level - tone_power_db(&tone(hz, 0.5, RATE), hz)).abs() < 0.5,
            "{hz} Hz came at {level} dB"
        );
        assert!(
            (frequency(out) - f64::from(hz)).abs() < 0.5,
            "{hz} Hz came as {} Hz",
            frequency(out)
        );
        assert!(
            power_db(out) - level < 0.2,
            "{hz} Hz came with other sounds"
        );
    }
}

#[test]
fn a_clean_path_costs_less_than_thirty_milliseconds_of_buffer() {
    let call = Call::run(&encode_plain(&speech(1, 0.5, 10 * RATE)), steady);
    let stats = call.stats();
    assert_eq!(stats.concealed_samples, 0);
    assert!((stats.target_delay - 0.02).abs() < 1e-9);
    let delay = Call::mean_delay_millis(&Default::default(), &stats);
    assert!((10.0..30.0).contains(&delay), "{delay} ms");
    assert_eq!(stats.packets_received, 498);
    assert_eq!(stats.packets_lost, 0);
    assert_eq!(stats.packets_discarded, 0);
}

#[test]
fn the_position_says_what_is_heard() {
    // Silence, then a tone from media offset 1 s on.
    let audio = [vec![0.0; RATE], tone(1_000.0, 0.5, RATE)].concat();
    let packets = encode_plain(&audio);
    let call = Call::run(&packets, steady);
    let onset = call.out.iter().position(|s| s.abs() > 0.1).unwrap();
    let (_, position) = call.positions[onset / 480];
    let end_of_block = onset / 480 * 480 + 480;
    let heard = position.unwrap().micros_since(media_time(&packets[50]))
        - (end_of_block - onset) as i64 * 125 / 6;
    // The codec's look-ahead, 6.5 ms, is not in the media time.
    assert!(
        (0..8_000).contains(&heard),
        "the tone was heard {heard} µs from its media time"
    );
}

#[test]
fn the_position_runs_with_the_loudspeaker() {
    let call = Call::run(&encode_plain(&speech(2, 0.5, 5 * RATE)), steady);
    let positions: Vec<_> = call.positions.iter().skip(100).collect();
    for pair in positions.windows(2) {
        let step = pair[1].1.unwrap().micros_since(pair[0].1.unwrap());
        assert!((step - 10_000).abs() <= 15_000, "{step} µs in one block");
    }
    let first = positions[0];
    let last = positions[positions.len() - 1];
    let media = last.1.unwrap().micros_since(first.1.unwrap());
    let wall = (last.0 - first.0).as_micros() as i64;
    assert!(
        (media - wall).abs() < 16_000,
        "{media} µs of media in {wall} µs"
    );
}

#[test]
fn a_muted_sender_is_heard_as_silence() {
    let audio = [tone(440.0, 0.5, RATE), vec![0.0; 2 * RATE]].concat();
    let call = Call::run(&encode_plain(&audio), steady);
    assert!(power_db(&call.out[RATE / 2..RATE]) > -12.0);
    assert!(power_db(&call.out[RATE + RATE / 2..]) < -90.0);
    assert_eq!(call.stats().concealed_samples, 0);
}

#[test]
fn clock_drift_neither_starves_nor_grows_the_buffer() {
    let packets = encode_plain(&speech(3, 0.5, 300 * RATE));
    for drift_per_mille in [-2i64, 2] {
        let mut call = Call::new();
        let render_time =
            |n: u64| (n * 10_000).saturating_add_signed(n as i64 * 10 * drift_per_mille);
        call.play(&packets, steady, render_time);
        let stats = call.stats();
        assert_eq!(stats.concealed_samples, 0, "{drift_per_mille} ‰");
        // 0.2 % of five minutes is 600 ms.
        let removed = stats.removed_samples_for_acceleration as i64;
        let inserted = stats.inserted_samples_for_deceleration as i64;
        let corrected = (removed - inserted) * drift_per_mille.signum();
        assert!(
            (27_000..31_000).contains(&corrected),
            "{removed} removed, {inserted} inserted"
        );
        let delay = Call::mean_delay_millis(&Default::default(), &stats);
        assert!(
            (10.0..50.0).contains(&delay),
            "{drift_per_mille} ‰: {delay} ms"
        );
        let last = call.targets[call.targets.len() - 1];
        assert!(last <= 0.035, "{drift_per_mille} ‰: target {last} s");
    }
}

#[test]
fn bursts_of_render_calls_do_not_starve_it() {
    // Four blocks at once every 40 ms, as a worker does that refills a ring.
    let mut call = Call::new();
    call.play(&encode_plain(&speech(4, 0.5, 20 * RATE)), steady, |n| {
        n / 4 * 40_000
    });
    let stats = call.stats();
    assert!(
        stats.concealed_samples <= 4 * 480,
        "{} concealed",
        stats.concealed_samples
    );
    let delay = Call::mean_delay_millis(&Default::default(), &stats);
    assert!(delay < 70.0, "{delay} ms");
}

#[test]
fn the_same_input_gives_the_same_output() {
    let packets = encode(
        &speech(5, 0.5, 5 * RATE),
        EncoderOptions {
            expected_loss: 0.1,
            ..Default::default()
        },
    );
    let run = || {
        let mut rng = Rng::new(6);
        Call::run(&packets, |_| {
            if rng.unit() < 0.1 {
                vec![]
            } else {
                vec![(rng.unit() * 50_000.0) as u64]
            }
        })
    };
    let (one, two) = (run(), run());
    assert_eq!(one.out, two.out);
    assert_eq!(one.stats(), two.stats());
    assert!(
        one.stats().concealed_samples > 0,
        "the network was too kind to prove anything"
    );
}

#[test]
fn sources_are_mixed_by_volume_within_full_scale() {
    let low = encode_plain(&tone(400.0, 0.4, 2 * RATE));
    let high = encode_plain(&tone(2_000.0, 0.4, 2 * RATE));
    let run = |volume: f32| {
        let mut playout = Playout::new(PlayoutConfig::default());
        playout.set_volume(SourceId(2), volume);
        let mut audio = Vec::new();
        for n in 0..200u64 {
            let now = Instant::from_millis(n * 10);
            if n % 2 == 0 {
                let id = n / 2;
                for (source, packets) in [(1, &low), (2, &high)] {
                    let packet = &packets[id as usize];
                    playout.insert(
                        SourceId(source),
                        now,
                        id as u32,
                        media_time(packet),
                        &packet.opus,
                    );
                }
            }
            let mut out = [9.0; 480];
            playout.render(now, &mut out);
            audio.extend_from_slice(&out);
        }
        assert_eq!(playout.sources().count(), 2);
        audio.split_off(RATE)
    };
    let level = tone_power_db(&tone(400.0, 0.4, RATE), 400.0);
    let [quiet, half, equal, loud] = [0.0, 0.5, 1.0, 4.0].map(run);
    assert!(tone_power_db(&quiet, 2_000.0) < -50.0);
    assert!((tone_power_db(&half, 2_000.0) - (level - 6.0)).abs() < 0.6);
    assert!((tone_power_db(&equal, 2_000.0) - level).abs() < 0.6);
    for audio in [&quiet, &half, &equal] {
        assert!((tone_power_db(audio, 400.0) - level).abs() < 0.6);
    }
    assert!(tone_power_db(&loud, 2_000.0) > level);
    assert!(loud.iter().all(|s| s.abs() <= 1.0));
}

#[test]
fn a_removed_source_is_gone_and_another_goes_on() {
    let packets = encode_plain(&tone(440.0, 0.5, RATE));
    let mut call = Call::run(&packets, steady);
    assert!(call.playout.position(SOURCE).is_some());
    call.playout.remove(SOURCE);
    assert_eq!(call.playout.position(SOURCE), None);
    assert_eq!(call.playout.stats(SOURCE), None);
    let mut out = [1.0; 480];
    call.playout.render(Instant::from_millis(2_000), &mut out);
    assert_eq!(out, [0.0; 480]);
}
