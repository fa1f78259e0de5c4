//! Timing of the native kernels, in the manner of dudect: does a key and text of zeros take another time than
//! random ones?
//!
//! ```sh
//! cargo run --release -p smrtc-crypto --features _test_support --example timing
//! ```
//!
//! Two classes in random order; samples above a percentile are dropped, at several percentiles, since noise only
//! ever adds; Welch's t of what is left. |t| above 10 is a leak for certain; below 4.5 nothing was found. A
//! planted leak must be found, or the run proves nothing. `audits/constant_time/timing.mjs` does it for Wasm.

use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;

use smrtc_crypto::aead::{self, Key};

#[path = "../tests/support/oracle.rs"]
#[allow(dead_code, reason = "only its random source is used")]
mod oracle;
use oracle::Random;

fn main() -> ExitCode {
    let mut failed = false;
    for backend in aead::sm4_backends() {
        let t = worst(&collect(|key, text| seal(backend, key, text)));
        println!("{backend:16} key set-up and sealing: |t| ≤ {t:.1}");
        failed |= t > CERTAIN;
    }
    let planted = worst(&collect(|key, text| {
        seal("portable", key, text);
        for _ in key.iter().filter(|&&byte| byte & 1 == 1) {
            black_box((0..50).fold(0, |sum, i| black_box(sum + i)));
        }
    }));
    println!("planted leak: |t| = {planted:.1}");
    if failed || planted < CERTAIN {
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn seal(backend: &str, key: &[u8; 16], text: &mut [u8]) {
    let key = Key::sm4_with_backend(backend, key).expect("it is listed");
    let _ = black_box(key.seal_in_place(&[0; 12], b"", text));
}

struct Sample {
    fixed: bool,
    nanoseconds: f64,
}

fn collect(run: impl Fn(&[u8; 16], &mut [u8])) -> Vec<Sample> {
    let mut random = Random(0x5eed);
    let mut samples = Vec::with_capacity(SAMPLES);
    for i in 0..SAMPLES + WARM_UP {
        let (key, text) = (random.array::<16>(), random.array::<1200>());
        let fixed = random.array::<1>()[0] & 1 == 1;
        // Both classes do the same work here, and the compiler must not know that one has zeros. What is still
        // under way of it is over before the clock starts.
        let keep = black_box(u8::from(fixed).wrapping_sub(1));
        let (key, mut text) = (key.map(|byte| byte & keep), text.map(|byte| byte & keep));
        run(black_box(&[1; 16]), black_box(&mut [2; 1200]));
        let start = Instant::now();
        run(black_box(&key), black_box(&mut text));
        let nanoseconds = start.elapsed().as_nanos() as f64;
        if i >= WARM_UP {
            samples.push(Sample { fixed, nanoseconds });
        }
    }
    samples
}

/// The greatest |t| at any of the percentiles.
fn worst(samples: &[Sample]) -> f64 {
    let mut sorted: Vec<f64> = samples.iter().map(|sample| sample.nanoseconds).collect();
    sorted.sort_by(f64::total_cmp);
    [0.2, 0.4, 0.6, 0.8, 0.9, 0.99]
        .map(|percentile| sorted[(percentile * (sorted.len() - 1) as f64) as usize])
        .into_iter()
        .map(|limit| welch(samples, limit).abs())
        .fold(0.0, f64::max)
}

fn welch(samples: &[Sample], limit: f64) -> f64 {
    let [(mean_a, error_a), (mean_b, error_b)] = [true, false].map(|fixed| {
        let times = || {
            samples
                .iter()
                .filter(|sample| sample.fixed == fixed && sample.nanoseconds <= limit)
                .map(|sample| sample.nanoseconds)
        };
        let count = times().count() as f64;
        let mean = times().sum::<f64>() / count;
        let variance = times().map(|time| (time - mean).powi(2)).sum::<f64>() / (count - 1.0);
        (mean, variance / count)
    });
    (mean_a - mean_b) / (error_a + error_b).sqrt()
}

const SAMPLES: usize = 100_000;
const WARM_UP: usize = 2_000;

/// A t that no noise makes.
const CERTAIN: f64 = 10.0;
