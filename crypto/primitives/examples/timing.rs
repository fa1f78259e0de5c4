//! Timing of the native kernels, in the manner of dudect: does one fixed key, or text, take another
//! time than random ones?
//!
//! ```sh
//! make audit-ct          # or: cargo run --release -p smrtc-crypto --features _test_support --example timing
//! ```
//!
//! Two classes in random order; samples above a percentile are dropped, at a hundred percentiles,
//! since noise only ever adds; Welch's t of what is left (Reparaz, Balasch, Verbauwhede, "dude, is
//! my code constant time?", §3). |t| above 10 is a leak for certain; below 4.5 nothing was found. A
//! planted leak must be found, or the run proves nothing. One line for each test, tab separated:
//! where, kernels, what, classes, samples, greatest |t|, verdict. `audits/constant_time/timing.mjs`
//! does it for Wasm.

use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;

use smrtc_crypto::aead::{self, Key, Tag};

#[path = "../tests/support/oracle.rs"]
#[allow(dead_code, reason = "only its random source is used")]
mod oracle;
use oracle::Random;

fn main() -> ExitCode {
    let samples = std::env::var("SAMPLES").map_or(100_000, |text| text.parse().expect("a number"));
    let mut failed = false;
    for backend in aead::sm4_backends() {
        for (what, operation, class) in TESTS {
            let t = worst(&collect(backend, operation, class, samples));
            let planted = matches!(operation, Operation::SetUpWithLeak);
            let verdict = match (planted, t > CERTAIN) {
                (true, true) => "found, as it should be",
                (true, false) => "MISSED",
                (false, true) => "LEAK",
                (false, false) if t > NOTHING => "unclear",
                (false, false) => "nothing found",
            };
            failed |= planted != (t > CERTAIN);
            let class = match class {
                Class::Key => "key",
                Class::Text => "text",
            };
            println!(
                "native\t{backend}\t{what}\tfixed or random {class}\t{samples}\t{t:.1}\t{verdict}"
            );
        }
    }
    if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

/// What is timed.
#[derive(Clone, Copy)]
enum Operation {
    SetUp,
    Seal,
    Open,
    /// A little more work for each odd byte of the key.
    SetUpWithLeak,
}

/// What is all zeros in one class and random in the other.
#[derive(Clone, Copy)]
enum Class {
    Key,
    Text,
}

const TESTS: [(&str, Operation, Class); 6] = [
    ("key set-up", Operation::SetUp, Class::Key),
    ("seal", Operation::Seal, Class::Key),
    ("seal", Operation::Seal, Class::Text),
    ("open", Operation::Open, Class::Key),
    ("open", Operation::Open, Class::Text),
    ("planted leak", Operation::SetUpWithLeak, Class::Key),
];

/// All that an operation uses, made before the clock starts.
struct Input {
    raw: [u8; 16],
    key: Key,
    text: Vec<u8>,
    sealed: Vec<u8>,
    tag: Tag,
}

impl Input {
    fn new(backend: &str, raw: [u8; 16], text: Vec<u8>) -> Self {
        let key = Key::sm4_with_backend(backend, &raw).expect("it is listed");
        let mut sealed = text.clone();
        let tag = key
            .seal_in_place(&[0; 12], b"", &mut sealed)
            .expect("sealed");
        Self {
            raw,
            key,
            text,
            sealed,
            tag,
        }
    }

    fn run(&mut self, backend: &str, operation: Operation) {
        match operation {
            Operation::Seal => {
                let sealed = self.key.seal_in_place(&[0; 12], b"", &mut self.text);
                let _ = black_box(sealed);
            }
            Operation::Open => {
                let opened = self
                    .key
                    .open_in_place(&[0; 12], b"", &mut self.sealed, &self.tag);
                let _ = black_box(opened);
            }
            Operation::SetUp | Operation::SetUpWithLeak => {
                drop(black_box(Key::sm4_with_backend(
                    backend,
                    black_box(&self.raw),
                )));
            }
        }
        if matches!(operation, Operation::SetUpWithLeak) {
            for _ in self.raw.iter().filter(|&&byte| byte & 1 == 1) {
                black_box((0..50).fold(0, |sum, i| black_box(sum + i)));
            }
        }
    }
}

struct Sample {
    fixed: bool,
    nanoseconds: f64,
}

fn collect(backend: &str, operation: Operation, class: Class, count: usize) -> Vec<Sample> {
    let mut random = Random(0x5eed);
    let mut samples = Vec::with_capacity(count);
    for i in 0..count + WARM_UP {
        let (raw, text) = (random.array::<16>(), random.array::<TEXT_BYTES>());
        let fixed = random.array::<1>()[0] & 1 == 1;
        // Both classes do the same work here, and the compiler must not know that one has zeros.
        let keep = black_box(u8::from(fixed).wrapping_sub(1));
        let (key_keep, text_keep) = match class {
            Class::Key => (keep, 0xff),
            Class::Text => (0xff, keep),
        };
        let raw = raw.map(|byte| byte & key_keep);
        let text = text.map(|byte| byte & text_keep).to_vec();
        let mut input = Input::new(backend, raw, text);
        // What is still under way of that is over before the clock starts.
        Input::new(backend, [1; 16], vec![2; TEXT_BYTES]).run(backend, operation);
        let start = Instant::now();
        black_box(&mut input).run(backend, operation);
        let nanoseconds = start.elapsed().as_nanos() as f64;
        if i >= WARM_UP {
            samples.push(Sample { fixed, nanoseconds });
        }
    }
    samples
}

/// The greatest |t| over dudect's percentiles, 1 − 2^(−10 i / 100), and over all samples.
fn worst(samples: &[Sample]) -> f64 {
    let mut sorted: Vec<f64> = samples.iter().map(|sample| sample.nanoseconds).collect();
    sorted.sort_by(f64::total_cmp);
    (1..=100)
        .map(|i| 1.0 - (-10.0 * f64::from(i) / 100.0).exp2())
        .map(|percentile| sorted[(percentile * (sorted.len() - 1) as f64) as usize])
        .chain([f64::INFINITY])
        .map(|limit| welch(samples, limit).abs())
        .fold(0.0, f64::max)
}

/// Welch's t; 0 if a class is left with too few samples.
fn welch(samples: &[Sample], limit: f64) -> f64 {
    let [a, b] = [true, false].map(|fixed| {
        let times = || {
            samples
                .iter()
                .filter(|sample| sample.fixed == fixed && sample.nanoseconds <= limit)
                .map(|sample| sample.nanoseconds)
        };
        let count = times().count() as f64;
        let mean = times().sum::<f64>() / count;
        let variance = times().map(|time| (time - mean).powi(2)).sum::<f64>() / (count - 1.0);
        (count, mean, variance / count)
    });
    let error = a.2 + b.2;
    if a.0.min(b.0) < 1000.0 || a.1 == b.1 {
        return 0.0;
    }
    (a.1 - b.1) / error.sqrt()
}

const WARM_UP: usize = 2_000;

/// A full datagram.
const TEXT_BYTES: usize = 1200;

/// A |t| that no noise makes.
const CERTAIN: f64 = 10.0;

/// A |t| below which dudect sees nothing.
const NOTHING: f64 = 4.5;
