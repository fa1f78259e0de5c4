//! How fast the door seals on this machine, in MB/s: the best of some short runs.
//!
//! ```sh
//! cargo run --release -p smrtc-crypto --example speed
//! ```

use std::hint::black_box;
use std::time::{Duration, Instant};

use smrtc_crypto::aead::{self, Algorithm, Key};

fn main() {
    println!("SM4-GCM by {}", aead::sm4_backend());
    for algorithm in [Algorithm::Sm4Gcm, Algorithm::Aes128Gcm] {
        let key = Key::new(algorithm, &[7; 16]).expect("16 bytes");
        for bytes in [160, 1200, 16_384, 1 << 20] {
            let mut buffer = vec![1; bytes];
            let mut counter = 0u64;
            let best = best_of(|| {
                counter += 1;
                let mut nonce = [0; 12];
                nonce[..8].copy_from_slice(&counter.to_be_bytes());
                let _ = black_box(key.seal_in_place(&nonce, b"", black_box(&mut buffer)));
            });
            let rate = bytes as f64 / best.as_secs_f64() / 1e6;
            println!("{algorithm:?} {bytes:>8} B {rate:>8.0} MB/s");
        }
    }
    let set_up = best_of(|| {
        let _ = black_box(Key::new(Algorithm::Sm4Gcm, black_box(&[7; 16])));
    });
    println!("key set-up {:.2} µs", set_up.as_secs_f64() * 1e6);
}

/// Time of one call, from the best of 30 runs of at least 3 ms.
fn best_of(mut call: impl FnMut()) -> Duration {
    let mut calls = 1;
    loop {
        let start = Instant::now();
        (0..calls).for_each(|_| call());
        if start.elapsed() > Duration::from_millis(3) {
            break;
        }
        calls *= 2;
    }
    (0..30)
        .map(|_| {
            let start = Instant::now();
            (0..calls).for_each(|_| call());
            start.elapsed() / calls
        })
        .min()
        .expect("30 runs")
}
