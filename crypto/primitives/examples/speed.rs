//! How fast SM4-GCM seals on this machine, in MB/s: the best of some short runs.
//!
//! ```sh
//! cargo run --release -p smrtc-crypto --features _test_support --example speed
//! ```

use std::hint::black_box;
use std::time::{Duration, Instant};

use smrtc_crypto::aead::{self, Algorithm, Frame, Key, Tag};

fn main() {
    let secret = [7; 16];
    for &backend in aead::sm4_backends() {
        let new = || Key::sm4_with_backend(backend, black_box(&secret)).expect("it is listed");
        print!("SM4-GCM {backend:16}");
        print_rates(&new());
        print_rate_of_batch(&new());
        let set_up = best_of(|| drop(black_box(new())));
        println!("   key set-up {:5.2} µs", set_up.as_secs_f64() * 1e6);
    }
    print!("AES-128-GCM {:12}", "crate aes-gcm");
    print_rates(&Key::new(Algorithm::Aes128Gcm, &secret).expect("16 bytes"));
    println!();
}

fn print_rates(key: &Key) {
    for bytes in [160, 1200, 16_384, 1 << 20] {
        let mut buffer = vec![1; bytes];
        let mut counter = 0u64;
        let best = best_of(|| {
            counter += 1;
            let mut nonce = [0; 12];
            nonce[..8].copy_from_slice(&counter.to_be_bytes());
            let _ = black_box(key.seal_in_place(&nonce, b"", black_box(&mut buffer)));
        });
        print!(
            " {bytes:>7} B {:>5.0}",
            bytes as f64 / best.as_secs_f64() / 1e6
        );
    }
}

/// Sixteen frames of 160 bytes in one call.
fn print_rate_of_batch(key: &Key) {
    let nonces: [[u8; 12]; 16] = std::array::from_fn(|i| [i as u8; 12]);
    let mut buffers = [[1; 160]; 16];
    let best = best_of(|| {
        let mut frames = nonces
            .iter()
            .zip(&mut buffers)
            .map(|(nonce, buffer)| Frame {
                nonce,
                aad: b"",
                buffer,
                tag: Tag([0; 16]),
            });
        let mut frames: [Frame<'_>; 16] = std::array::from_fn(|_| frames.next().expect("16"));
        let _ = black_box(key.seal_batch(black_box(&mut frames)));
    });
    print!(
        " 16 x 160 B {:>5.0}",
        16.0 * 160.0 / best.as_secs_f64() / 1e6
    );
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
