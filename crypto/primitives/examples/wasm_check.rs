//! The door of `smrtc-crypto` as a Wasm module that checks itself against the oracle and times both.
//!
//! `tests/wasm.mjs` builds and runs it. It has no imports; a failed check traps.
#![allow(
    unsafe_code,
    reason = "exported names; the functions themselves take and return integers"
)]

use std::hint::black_box;

use smrtc_crypto::aead::{self, Algorithm, Key, Tag};

#[path = "../tests/support/oracle.rs"]
mod oracle;
use oracle::{Random, oracle};

/// Seals and opens texts of 0 to 1,300 bytes and a few long ones; returns how many.
#[unsafe(no_mangle)]
pub extern "C" fn check() -> u32 {
    let mut random = Random(3);
    let lengths = (0..=1300).chain([4096, 16_384, 70_001]);
    lengths
        .map(|len| {
            let (key, nonce) = (random.array(), random.array());
            let (aad, text) = (random.bytes(len % 83), random.bytes(len));
            let (expected, expected_tag) = oracle(&key, &nonce, &aad, &text);
            let aead = Key::new(Algorithm::Sm4Gcm, &key).expect("16 bytes");
            let mut buffer = text.clone();
            let tag = aead
                .seal_in_place(&nonce, &aad, &mut buffer)
                .expect("sealed");
            assert!(buffer == expected && tag.0 == expected_tag);
            aead.open_in_place(&nonce, &aad, &mut buffer, &tag)
                .expect("opened");
            assert!(buffer == text);
            1
        })
        .sum()
}

/// Which kernels the module has: 0 portable, 1 SIMD, 2 relaxed SIMD.
#[unsafe(no_mangle)]
pub extern "C" fn backend() -> u32 {
    match aead::sm4_backend() {
        "wasm_simd128" => 1,
        "wasm_relaxed_simd" => 2,
        _ => 0,
    }
}

/// Seals `len` bytes `count` times.
#[unsafe(no_mangle)]
pub extern "C" fn seal(len: usize, count: u32) {
    let aead = Key::new(Algorithm::Sm4Gcm, &[7; 16]).expect("16 bytes");
    let mut buffer = vec![1; len];
    for i in 0..count {
        let mut nonce = [0; 12];
        nonce[..4].copy_from_slice(&i.to_be_bytes());
        black_box(aead.seal_in_place(&nonce, b"", &mut buffer)).expect("sealed");
    }
    black_box(buffer);
}

/// Refuses `len` bytes under a wrong tag, `count` times: GHASH, one batch of SM4, and wiping.
#[unsafe(no_mangle)]
pub extern "C" fn refuse(len: usize, count: u32) {
    let aead = Key::new(Algorithm::Sm4Gcm, &[7; 16]).expect("16 bytes");
    let mut buffer = vec![1; len];
    for _ in 0..count {
        let opened = aead.open_in_place(&[0; 12], b"", black_box(&mut buffer), &Tag([0; 16]));
        assert!(opened.is_err());
    }
}

/// Expands `count` keys.
#[unsafe(no_mangle)]
pub extern "C" fn set_up(count: u32) {
    for i in 0..count {
        let mut key = [0; 16];
        key[..4].copy_from_slice(&i.to_be_bytes());
        black_box(Key::new(Algorithm::Sm4Gcm, &key)).expect("16 bytes");
    }
}

/// What [`seal`] does, by the oracle (which allocates once more and expands the key each time).
#[unsafe(no_mangle)]
pub extern "C" fn seal_by_oracle(len: usize, count: u32) {
    let buffer = vec![1; len];
    for i in 0..count {
        let mut nonce = [0; 12];
        nonce[..4].copy_from_slice(&i.to_be_bytes());
        black_box(oracle(&[7; 16], &nonce, b"", &buffer));
    }
}

/// What the next [`measure`] uses: a key and a text, all the same each time or all random.
#[unsafe(no_mangle)]
pub extern "C" fn prepare(fixed: u32, seed: u32) {
    let mut random = Random(u64::from(seed) | 1 << 40);
    // Both classes do the same work here.
    let (key, text) = (random.array::<16>(), random.bytes(1200));
    let keep = if fixed != 0 { 0 } else { 0xff };
    INPUT.with_borrow_mut(|input| {
        input.0 = key.map(|byte| byte & keep);
        input.1 = text.iter().map(|byte| byte & keep).collect();
    });
}

/// Expands the prepared key and seals the prepared text.
#[unsafe(no_mangle)]
pub extern "C" fn measure() {
    INPUT.with_borrow_mut(|(key, text)| {
        let aead = Key::new(Algorithm::Sm4Gcm, key).expect("16 bytes");
        black_box(aead.seal_in_place(&[0; 12], b"", text)).expect("sealed");
    });
}

/// The same with a leak planted: a little more work for each odd byte of the key.
#[unsafe(no_mangle)]
pub extern "C" fn measure_leak() {
    measure();
    INPUT.with_borrow(|(key, _)| {
        for byte in key {
            if byte & 1 == 1 {
                black_box((0..50).fold(0u32, |sum, i| black_box(sum + i)));
            }
        }
    });
}

std::thread_local! {
    static INPUT: std::cell::RefCell<([u8; 16], Vec<u8>)> = const { std::cell::RefCell::new(([0; 16], Vec::new())) };
}
