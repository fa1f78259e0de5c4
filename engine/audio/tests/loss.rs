//! Audio over networks that lose, delay, reorder, repeat and damage packets.

#![allow(clippy::unwrap_used, reason = "a test that cannot start should stop")]

mod common;

use common::call::{Call, SOURCE, encode, encode_plain, media_time};
use common::{RATE, Rng, power_db, speech, tone, vowel};
use smrtc_audio::{EncoderOptions, FRAME_SAMPLES};
use smrtc_engine::time::Instant;

/// Loses packets at random; the first half second comes through, so that the call starts. Returns
/// the count lost before the last packets, whose turn does not come within the call.
fn losing(seed: u64, ratio: f32, packets: usize) -> (Vec<bool>, u64) {
    let mut rng = Rng::new(seed);
    let lost: Vec<bool> = (0..packets)
        .map(|n| rng.unit() < ratio && (25..packets - 20).contains(&n))
        .collect();
    let count = lost.iter().filter(|&&lost| lost).count() as u64;
    (lost, count)
}

fn transit(lost: bool) -> Vec<u64> {
    if lost { vec![] } else { vec![30_000] }
}

#[test]
fn every_lost_packet_is_concealed_without_a_gap_and_counted_exactly() {
    // With more effort libopus predicts an audio as steady as this one from frames long ago, and
    // fades after three losses in four.
    let options = EncoderOptions {
        inband_fec: false,
        complexity: 5,
        ..Default::default()
    };
    let packets = encode(&vowel(0.3, 60 * RATE), options);
    for ratio in [0.05, 0.2] {
        let (lost, count) = losing(1, ratio, packets.len());
        let call = Call::run(&packets, |n| transit(lost[n]));
        let stats = call.stats();
        assert!(
            count as f32 > 2_500.0 * ratio,
            "the network lost {count} only"
        );
        assert_eq!(stats.concealed_samples, count * FRAME_SAMPLES as u64);
        assert_eq!(stats.packets_lost, count as i64);
        assert_eq!(stats.silent_concealed_samples, 0);
        let events = lost.windows(2).filter(|w| !w[0] && w[1]).count() as u64;
        assert_eq!(stats.concealment_events, events);
        assert_eq!(
            stats.total_samples_received,
            call.out.len() as u64 - silent_start(&call.out) as u64
        );

        let playing = &call.out[RATE..];
        let quietest = playing.chunks(480).map(power_db).fold(0.0, f64::min);
        assert!(quietest > -40.0, "a block of {quietest} dB at {ratio}");
        // libopus overshoots when it finds its pitch again, smoothly; a break is a step that stands
        // alone.
        let steps: Vec<f32> = playing.windows(2).map(|w| (w[1] - w[0]).abs()).collect();
        let breaks = steps
            .windows(3)
            .filter(|w| w[1] > 0.03 && w[1] > 4.0 * w[0].max(w[2]));
        assert_eq!(breaks.count(), 0, "clicks at {ratio}");
    }
}

/// Blocks before the source began, in samples.
fn silent_start(out: &[f32]) -> usize {
    out.chunks(480)
        .take_while(|block| block.iter().all(|&s| s == 0.0))
        .count()
        * 480
}

#[test]
fn forward_error_correction_recovers_what_concealment_can_only_guess() {
    let audio = speech(2, 0.5, 30 * RATE);
    let run = |inband_fec| {
        let packets = encode(
            &audio,
            EncoderOptions {
                inband_fec,
                expected_loss: 0.15,
                ..Default::default()
            },
        );
        let (lost, _) = losing(3, 0.15, packets.len());
        let whole = Call::run(&packets, |_| transit(false));
        let call = Call::run(&packets, |n| transit(lost[n]));
        let (error, signal) = whole.out[RATE..].iter().zip(&call.out[RATE..]).fold(
            (0.0, 0.0),
            |(error, signal), (a, b)| {
                (
                    error + f64::from(a - b).powi(2),
                    signal + f64::from(*a).powi(2),
                )
            },
        );
        (call.stats(), 10.0 * (signal / error).log10())
    };
    let (with, snr_with) = run(true);
    let (without, snr_without) = run(false);
    assert_eq!(without.fec_packets_received, 0);
    let recovered = with.recovered_samples / FRAME_SAMPLES as u64;
    assert!(
        recovered > 50,
        "{recovered} recovered of {} lost",
        with.packets_lost
    );
    assert_eq!(
        with.concealed_samples + recovered * FRAME_SAMPLES as u64,
        with.packets_lost as u64 * FRAME_SAMPLES as u64
    );
    assert!(with.concealed_samples * 2 < without.concealed_samples);
    assert!(
        snr_with > snr_without + 1.0,
        "{snr_with} dB with, {snr_without} dB without"
    );
}

#[test]
fn a_buffer_that_knows_of_copies_waits_for_the_last_of_them() {
    let packets = encode_plain(&speech(5, 0.5, 40 * RATE));
    // Every fortieth packet comes by its third copy only, 60 ms late: too few to be noticed as
    // jitter.
    let run = |copies| {
        let mut call = Call {
            copies,
            ..Call::new()
        };
        let late = |n| n % 40 == 39 && n > 100;
        call.play(
            &packets,
            |n| vec![if late(n) { 90_000 } else { 30_000 }],
            |n| n * 10_000,
        );
        call.stats()
    };
    let (knows, guesses) = (run(3), run(0));
    assert_eq!(knows.concealed_samples, 0);
    assert_eq!(knows.target_delay, 0.07);
    assert!(
        guesses.concealed_samples > 2 * FRAME_SAMPLES as u64,
        "{} concealed without knowing",
        guesses.concealed_samples
    );
    let stretched = |stats: &smrtc_audio::AudioReceiveStats| {
        stats.inserted_samples_for_deceleration + stats.removed_samples_for_acceleration
    };
    assert!(stretched(&knows) * 2 < stretched(&guesses));
}

#[test]
fn reordered_and_repeated_packets_change_nothing() {
    let packets = encode_plain(&speech(4, 0.5, 10 * RATE));
    let straight = Call::run(&packets, |_| vec![30_000]);
    // Every tenth packet comes just after its successor, every seventh twice, within the delay the
    // buffer has anyway.
    let mut copies = 0;
    let messy = Call::run(&packets, |n| {
        let mut transits = vec![if n % 10 == 9 { 30_000 + 20_500 } else { 30_000 }];
        if n % 7 == 6 && n < packets.len() - 10 {
            copies += 1;
            transits.push(30_000 + 45_000);
        }
        transits
    });
    assert_eq!(straight.stats().concealed_samples, 0);
    let stats = messy.stats();
    assert!(copies > 60);
    assert_eq!(stats.packets_discarded, copies);
    assert_eq!(stats.packets_lost, 0);
    assert!(
        stats.concealed_samples < RATE as u64 / 10,
        "{} concealed",
        stats.concealed_samples
    );
    assert!(stats.target_delay < 0.04);
}

#[test]
fn a_packet_that_comes_after_its_turn_is_dropped_and_not_heard_twice() {
    let packets = encode_plain(&speech(5, 0.5, 10 * RATE));
    let call = Call::run(&packets, |n| {
        vec![if n % 100 == 50 { 200_000 } else { 30_000 }]
    });
    let stats = call.stats();
    assert_eq!(stats.packets_discarded, 5);
    assert_eq!(stats.packets_lost, 0, "late is not lost");
    assert_eq!(stats.concealed_samples, 5 * FRAME_SAMPLES as u64);
}

#[test]
fn jitter_is_waited_for_and_the_wait_ends_with_it() {
    let packets = encode_plain(&speech(6, 0.5, 60 * RATE));
    let mut rng = Rng::new(7);
    let call = Call::run(&packets, |n| {
        let jitter = if n < 1_500 {
            (rng.unit() * 60_000.0) as u64
        } else {
            0
        };
        vec![20_000 + jitter]
    });
    let stats = call.stats();
    let concealed = stats.concealed_samples as f64 / stats.total_samples_received as f64;
    assert!(concealed < 0.01, "{} % concealed", concealed * 100.0);
    let during = call.targets[2_900];
    assert!(
        (0.055..0.08).contains(&during),
        "target {during} s at 60 ms of jitter"
    );
    let after = call.targets[5_900];
    assert!(after <= 0.021, "target {after} s on the quiet path");
    let (now, position) = call.positions[5_900];
    let sent = position.unwrap().micros_since(media_time(&packets[0]));
    let delay = now.as_micros() as i64 - sent - 20_000;
    assert!(delay < 50_000, "{delay} µs behind the fastest packet");
    assert!(stats.removed_samples_for_acceleration > 1_000);
}

#[test]
fn a_stall_is_caught_up_with() {
    let packets = encode_plain(&speech(8, 0.5, 30 * RATE));
    // Nothing for 600 ms, then everything at once.
    let call = Call::run(&packets, |n| {
        let sent = (n as u64 + 1) * 20_000;
        let stall = 5_000_000..5_600_000u64;
        vec![
            if stall.contains(&sent) {
                stall.end - sent
            } else {
                0
            } + 30_000,
        ]
    });
    let stats = call.stats();
    assert!(stats.concealed_samples > RATE as u64 / 2 && stats.concealed_samples < RATE as u64);
    assert!(stats.silent_concealed_samples > 0);
    let (now, position) = call.positions[2_000];
    let sent = position.unwrap().micros_since(media_time(&packets[0]));
    let delay = now.as_micros() as i64 - sent - 30_000;
    assert!(delay < 60_000, "{delay} µs of delay 14 s later");
    assert_eq!(stats.packets_lost, 0);
}

#[test]
fn a_sender_whose_clock_readings_wobble_is_heard_without_seams() {
    let packets = encode_plain(&speech(13, 0.5, 60 * RATE));
    let mut rng = Rng::new(14);
    let mut call = Call::new();
    for (n, packet) in packets.iter().enumerate() {
        let wobble = (rng.unit() * 12_000.0) as u64;
        let media = smrtc_engine::time::MediaTime::from_micros(n as u64 * 20_000 + wobble);
        // The loudspeaker is 0.2 % slow: there is something to correct as well.
        let now = Instant::from_micros(n as u64 * 20_000);
        call.playout
            .insert(SOURCE, now, n as u32, media, &packet.opus);
        for half in 0..2 {
            let block = n as u64 * 2 + half;
            if block % 500 == 499 {
                continue;
            }
            let mut out = [0.0; 480];
            let now = Instant::from_micros(block * 10_000);
            call.playout.render(now, &mut out);
        }
    }
    let stats = call.stats();
    assert_eq!(stats.concealed_samples, 0);
    assert!(stats.removed_samples_for_acceleration > 3_000);
    let delay = Call::mean_delay_millis(&Default::default(), &stats);
    assert!(delay < 60.0, "{delay} ms");
}

#[test]
fn a_queue_at_the_start_is_not_carried_through_the_call() {
    let packets = encode_plain(&speech(12, 0.5, 4 * RATE));
    // The first 300 ms come in one go.
    let call = Call::run(&packets, |n| {
        vec![300_000u64.saturating_sub(n as u64 * 20_000).max(30_000)]
    });
    let (now, position) = call.positions[100];
    let sent = position.unwrap().micros_since(media_time(&packets[0]));
    let delay = now.as_micros() as i64 - sent - 30_000;
    assert!(delay < 100_000, "{delay} µs behind the fastest packet");
    assert_eq!(call.stats().concealed_samples, 0);
}

#[test]
fn a_long_loss_fades_to_silence_and_the_source_stops_then_starts_again() {
    let packets = encode_plain(&tone(440.0, 0.5, 12 * RATE));
    let call = Call::run(&packets, |n| transit((150..400).contains(&n)));
    let at = |seconds: f64| &call.out[(seconds * RATE as f64) as usize..][..480];
    assert!(power_db(at(3.0)) > -12.0);
    assert!(power_db(at(3.5)) < -100.0);
    assert!(call.positions[400].1.is_some());
    assert!(call.positions[700].1.is_none(), "after 2 s it has stopped");
    assert!(call.positions[900].1.is_some());
    assert!(power_db(at(9.0)) > -12.0);
    let stats = call.stats();
    assert_eq!(stats.concealment_events, 1);
    assert!(
        stats.concealed_samples < 5 * RATE as u64 / 2,
        "a stopped source conceals nothing"
    );
}

#[test]
fn a_meant_pause_is_not_concealment() {
    let audio = [
        speech(9, 0.5, 2 * RATE),
        vec![0.0; 3 * RATE],
        speech(9, 0.5, 2 * RATE),
    ]
    .concat();
    let packets = encode(
        &audio,
        EncoderOptions {
            discontinuous_transmission: true,
            inband_fec: false,
            ..Default::default()
        },
    );
    assert!(packets.len() < 280, "the encoder did not pause");
    // Sent when they are made, not one after the other.
    let offset = |n: usize| packets[n].media_offset * 125 / 6;
    let packets_sent = packets.len();
    let mut call = Call::new();
    let mut next = 0;
    for block in 0..690u64 {
        let now = block * 10_000;
        while next < packets_sent && offset(next) + 20_000 <= now {
            let packet = &packets[next];
            call.playout.insert(
                SOURCE,
                Instant::from_micros(now),
                next as u32,
                media_time(packet),
                &packet.opus,
            );
            next += 1;
        }
        let mut out = [0.0; 480];
        call.playout.render(Instant::from_micros(now), &mut out);
        call.out.extend_from_slice(&out);
    }
    let stats = call.stats();
    assert!(
        stats.concealed_samples <= 960,
        "{} concealed",
        stats.concealed_samples
    );
    assert!(power_db(&call.out[3 * RATE..4 * RATE]) < -50.0);
    assert!(power_db(&call.out[5 * RATE + RATE / 2..6 * RATE]) > -30.0);
}

#[test]
fn a_sender_that_starts_again_is_heard_again() {
    let packets = encode_plain(&tone(440.0, 0.5, 2 * RATE));
    let mut call = Call::new();
    let mut now = Instant::ZERO;
    for (first_id, origin) in [(100_000u32, 5_000_000u64), (0, 90_000_000)] {
        for (n, packet) in packets.iter().enumerate() {
            let media = smrtc_engine::time::MediaTime::from_micros(origin + n as u64 * 20_000);
            call.playout
                .insert(SOURCE, now, first_id + n as u32, media, &packet.opus);
            for _ in 0..2 {
                let mut out = [0.0; 480];
                call.playout.render(now, &mut out);
                call.out.extend_from_slice(&out);
                now += std::time::Duration::from_millis(10);
            }
        }
    }
    assert!(power_db(&call.out[RATE..2 * RATE - 4_800]) > -12.0);
    assert!(power_db(&call.out[3 * RATE..]) > -12.0);
    assert_eq!(call.stats().packets_discarded, 0);
}

#[test]
fn any_bytes_are_survived() {
    let packets = encode_plain(&speech(10, 0.5, 4 * RATE));
    let mut rng = Rng::new(11);
    let mut call = Call::new();
    for block in 0..2_000u64 {
        let now = Instant::from_millis(block * 10);
        let mut opus = packets[(block / 2) as usize % packets.len()].opus.clone();
        let media = smrtc_engine::time::MediaTime::from_micros(
            (rng.unit() * 1e6) as u64 * (block % 3) * 1_000 + block * 10_000,
        );
        match block % 4 {
            0 => opus
                .iter_mut()
                .for_each(|byte| *byte ^= (rng.unit() * 256.0) as u8),
            1 => opus.truncate((rng.unit() * opus.len() as f32) as usize),
            2 => {
                opus = (0..(rng.unit() * 1_500.0) as usize)
                    .map(|_| (rng.unit() * 256.0) as u8)
                    .collect()
            }
            _ => {}
        }
        let id = if rng.unit() < 0.02 {
            (rng.unit() * u32::MAX as f32) as u32
        } else {
            block as u32
        };
        call.playout.insert(SOURCE, now, id, media, &opus);
        let mut out = [0.0; 480];
        call.playout.render(now, &mut out);
        assert!(out.iter().all(|s| s.abs() <= 1.0));
    }
    let stats = call.stats();
    assert!(stats.packets_discarded > 0 && stats.jitter_buffer_emitted_count > 0);
}
