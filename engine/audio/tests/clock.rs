//! Numbers that wrap and clocks that jump, as playout meets them.
#![allow(clippy::unwrap_used, reason = "a test that cannot start should stop")]

mod common;

use std::time::Duration;

use common::call::encode_plain;
use common::{RATE, Rng, power_db, speech, vowel};
use smrtc_audio::{Playout, PlayoutConfig, SourceId};
use smrtc_engine::time::{Instant, MediaTime};

const SOURCE: SourceId = SourceId(3);

fn block(playout: &mut Playout, now: Instant) -> [f32; 480] {
    let mut out = [0.0; 480];
    playout.render(now, &mut out);
    assert!(out.iter().all(|s| s.abs() <= 1.0));
    out
}

#[test]
fn frame_ids_and_media_times_that_wrap_are_not_heard() {
    let packets = encode_plain(&vowel(0.3, 4 * RATE));
    let mut playout = Playout::new(PlayoutConfig::default());
    let start = MediaTime::from_micros(MediaTime::MODULUS - 2_000_000);
    let mut heard = Vec::new();
    for (n, packet) in (0..).zip(&packets) {
        let now = Instant::from_millis(u64::from(n) * 20);
        let media_time = start + Duration::from_millis(20) * n;
        playout.insert(SOURCE, now, n.wrapping_sub(100), media_time, &packet.opus);
        for half in [0, 10] {
            heard.extend(block(&mut playout, now + Duration::from_millis(half)));
        }
    }
    let stats = playout.stats(SOURCE).unwrap();
    assert_eq!(
        (
            stats.concealed_samples,
            stats.packets_discarded,
            stats.packets_lost
        ),
        (0, 0, 0)
    );
    let quietest = heard[RATE / 2..]
        .chunks(480)
        .map(power_db)
        .fold(0.0, f64::min);
    assert!(quietest > -40.0, "a block of {quietest} dB");
}

#[test]
fn audio_comes_back_after_the_clock_jumped() {
    let packets = encode_plain(&vowel(0.3, 6 * RATE));
    for jump in [1, 30, 86_400 * 50] {
        let mut playout = Playout::new(PlayoutConfig::default());
        let mut late = Vec::new();
        for (n, packet) in (0u32..).zip(&packets) {
            let slept = if n > 150 { jump } else { 0 };
            let now = Instant::from_millis(u64::from(n) * 20 + slept * 1_000);
            // The sender's clock goes on while ours sleeps, or both sleep.
            for asleep in [slept, 0] {
                let media_time = MediaTime::from_micros(u64::from(n) * 20_000 + asleep * 1_000_000);
                playout.insert(SourceId(asleep), now, n, media_time, &packet.opus);
            }
            for half in [0, 10] {
                let audio = block(&mut playout, now + Duration::from_millis(half));
                if n > 220 {
                    late.extend(audio);
                }
            }
        }
        assert!(
            power_db(&late) > -25.0,
            "after {jump} s: {} dB",
            power_db(&late)
        );
    }
}

#[test]
fn no_order_of_packets_and_no_clock_makes_it_stall() {
    for seed in 0..20 {
        let mut rng = Rng::new(seed);
        let packets = encode_plain(&speech(seed, 0.5, RATE));
        let mut playout = Playout::new(PlayoutConfig::default());
        let mut now = 1_000_000u64;
        let (mut id, mut media) = (u32::MAX - 20, MediaTime::MODULUS - 700_000);
        for n in 0..1_500 {
            let chance = (rng.unit() * 1_000.0) as u32;
            let wild = (rng.unit() * 1e9) as u64;
            match chance {
                0..3 => now += wild * 1_000,
                3..6 => now = now.saturating_sub(wild),
                6..9 => media = media.wrapping_add(wild * 7_919) % MediaTime::MODULUS,
                9..12 => id = id.wrapping_add(wild as u32),
                12..40 => now += 200_000,
                _ => {}
            }
            (id, media, now) = (id.wrapping_add(1), media + 20_000, now + 20_000);
            let times = (rng.unit() * 3.0) as u32;
            for again in 0..times {
                let older = (rng.unit() * 8.0) as u32 * u32::from(again > 0);
                let media_time = MediaTime::from_micros(media) - Duration::from_millis(20) * older;
                let at = Instant::from_micros(now);
                playout.insert(
                    SOURCE,
                    at,
                    id.wrapping_sub(older),
                    media_time,
                    &packets[n % packets.len()].opus,
                );
            }
            block(&mut playout, Instant::from_micros(now));
            block(&mut playout, Instant::from_micros(now + 10_000));
        }
        // Whatever went before, an orderly stream is heard.
        let mut heard = Vec::new();
        for n in 0..200u32 {
            let at = Instant::from_micros(now) + Duration::from_millis(20) * n;
            let media_time = MediaTime::from_micros(media) + Duration::from_millis(20) * n;
            playout.insert(
                SOURCE,
                at,
                id.wrapping_add(1_000 + n),
                media_time,
                &packets[n as usize % packets.len()].opus,
            );
            for half in [0, 10] {
                heard.extend(block(&mut playout, at + Duration::from_millis(half)));
            }
        }
        assert!(
            power_db(&heard[2 * RATE..]) > -40.0,
            "seed {seed}: {} dB",
            power_db(&heard[2 * RATE..])
        );
    }
}

#[test]
fn limits_of_the_delay_and_what_lip_sync_asks_for_are_kept() {
    let packets = encode_plain(&vowel(0.3, 12 * RATE));
    let mut playout = Playout::new(PlayoutConfig::default());
    let mut target = Vec::new();
    for (n, packet) in (0u32..).zip(&packets) {
        match n {
            100 => playout.set_sync_delay(SOURCE, Duration::from_millis(150)),
            250 => playout.set_max_delay(Duration::from_millis(90)),
            400 => playout.set_sync_delay(SOURCE, Duration::ZERO),
            500 => playout.set_min_delay(Duration::from_millis(60)),
            _ => {}
        }
        let now = Instant::from_millis(u64::from(n) * 20);
        let media_time = MediaTime::from_micros(u64::from(n) * 20_000);
        playout.insert(SOURCE, now, n, media_time, &packet.opus);
        for half in [0, 10] {
            block(&mut playout, now + Duration::from_millis(half));
        }
        if [99, 249, 399, 499, 599].contains(&n) {
            // What is heard now was captured so long ago.
            let behind = (now + Duration::from_millis(20)).as_micros() as i64
                - playout.position(SOURCE).unwrap().as_micros() as i64;
            target.push((
                playout.target_delay(SOURCE).unwrap().as_millis(),
                behind / 1_000,
            ));
        }
    }
    assert_eq!(
        target.iter().map(|t| t.0).collect::<Vec<_>>(),
        [20, 150, 90, 20, 60]
    );
    for (wanted, behind) in target {
        assert!(
            (behind - wanted as i64).abs() <= 25,
            "{behind} ms behind for {wanted}"
        );
    }
    assert_eq!(playout.stats(SOURCE).unwrap().concealed_samples, 0);
}
