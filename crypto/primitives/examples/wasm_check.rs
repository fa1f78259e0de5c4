//! Sealing and opening of `smrtc-crypto` as a Wasm module that checks itself against the oracle, times both,
//! and is timed for leaks.
//!
//! `tests/wasm.mjs` runs it in Node, `tests/wasm_browser.mjs` in Chromium,
//! `audits/constant_time/timing.mjs` measures it. It has no imports; a failed check traps.
#![allow(
    unsafe_code,
    reason = "exported names; the functions themselves take and return integers"
)]

use std::hint::black_box;

use smrtc_crypto::aead::{self, Algorithm, Frame, Key, Tag};

#[path = "../tests/support/oracle.rs"]
mod oracle;
use oracle::{Random, oracle};

/// Seals and opens texts of every length from 0 to 1,024 bytes, each at every offset from 0 to 15
/// bytes in memory, and a few long ones; returns how many.
#[unsafe(no_mangle)]
pub extern "C" fn check_lengths_and_alignments() -> u32 {
    let mut random = Random(3);
    let every = (0..=1024).flat_map(|len| (0..16).map(move |offset| (len, offset)));
    let long = [(1300, 1), (4096, 0), (16_384, 7), (70_001, 3)];
    every
        .chain(long)
        .map(|(len, offset)| {
            let (key, nonce) = (random.array(), random.array());
            let aad = random.bytes((len + 5 * offset) % 83);
            agrees(&key, &nonce, &aad, &random.bytes(len), offset)
        })
        .sum()
}

/// Keys and texts that are all zeros, all ones or a single bit, with carries through all of the
/// counter's low bits; returns how many.
#[unsafe(no_mangle)]
pub extern "C" fn check_adversarial() -> u32 {
    let mut count = 0;
    for bit in 0..128 {
        let mut one = [0; 16];
        one[bit / 8] = 0x80 >> (bit % 8);
        for (key, block) in [
            (one, [0; 16]),
            (one, [0xff; 16]),
            ([0; 16], one),
            ([0xff; 16], one),
            ([0xff; 16], [0xff; 16]),
        ] {
            let text = block.repeat(2 + bit % 70);
            count += agrees(&key, &[0; 12], &block, &text, 0);
            count += agrees(
                &key,
                &[0xff; 12],
                &block,
                &text[..text.len() - 1 - bit % 15],
                1,
            );
        }
    }
    count
}

/// Batches of frames of different lengths, sealed and opened together; returns how many frames.
#[unsafe(no_mangle)]
pub extern "C" fn check_batches() -> u32 {
    let mut random = Random(4);
    let mut count = 0;
    for frames in 0..40 {
        let raw = random.array::<16>();
        let key = Key::new(Algorithm::Sm4Gcm, &raw).expect("16 bytes");
        let messages: Vec<([u8; 12], Vec<u8>, Vec<u8>)> = (0..frames)
            .map(|i| {
                let (aad, text) = (random.bytes(i % 30), random.bytes(37 * i % 331));
                (random.array(), aad, text)
            })
            .collect();
        let mut buffers: Vec<Vec<u8>> = messages.iter().map(|(_, _, text)| text.clone()).collect();
        let mut batch = batch(&messages, &mut buffers, &[]);
        key.seal_batch(&mut batch).expect("sealed");
        let mut tags: Vec<Tag> = batch.iter().map(|frame| frame.tag).collect();
        for ((nonce, aad, text), (buffer, tag)) in messages.iter().zip(buffers.iter().zip(&tags)) {
            let (expected, expected_tag) = oracle(&raw, nonce, aad, text);
            assert!(*buffer == expected && tag.0 == expected_tag);
        }
        // One of them was changed on the way.
        if let Some(tag) = tags.get_mut(frames / 2) {
            tag.0[7] ^= 0x10;
        }
        let opened = key.open_batch(&mut self::batch(&messages, &mut buffers, &tags));
        for (i, ((_, _, text), buffer)) in messages.iter().zip(&buffers).enumerate() {
            assert!(opened[i].is_ok() == (i != frames / 2));
            assert!(
                *buffer
                    == if opened[i].is_ok() {
                        text.clone()
                    } else {
                        vec![0; text.len()]
                    }
            );
            count += 1;
        }
    }
    count
}

fn batch<'b>(
    messages: &'b [([u8; 12], Vec<u8>, Vec<u8>)],
    buffers: &'b mut [Vec<u8>],
    tags: &[Tag],
) -> Vec<Frame<'b>> {
    let pairs = messages.iter().zip(buffers).enumerate();
    pairs
        .map(|(i, ((nonce, aad, _), buffer))| Frame {
            nonce,
            aad,
            buffer,
            tag: tags.get(i).copied().unwrap_or(Tag([0; 16])),
        })
        .collect()
}

/// Chunks of different lengths against the whole; returns how many messages.
#[unsafe(no_mangle)]
pub extern "C" fn check_chunks() -> u32 {
    let mut random = Random(5);
    let mut count = 0;
    for chunk in [1, 15, 16, 17, 63, 64, 500, 512, 1000] {
        for len in [0, 1, 16, 100, 512, 1024, 2000] {
            let (raw, nonce) = (random.array(), random.array());
            let (aad, text) = (random.bytes(len % 29), random.bytes(len));
            let (expected, expected_tag) = oracle(&raw, &nonce, &aad, &text);
            let key = Key::new(Algorithm::Sm4Gcm, &raw).expect("16 bytes");
            let mut buffer = text.clone();
            let mut sealing = key.start_sealing(&nonce, &aad).expect("started");
            for part in buffer.chunks_mut(chunk) {
                sealing.update(part).expect("sealed");
            }
            assert!(sealing.finish().0 == expected_tag && buffer == expected);
            let verify = |tag: &Tag| {
                let mut verifying = key.start_opening(&nonce, &aad).expect("started");
                for part in expected.chunks(chunk) {
                    verifying.update(part).expect("hashed");
                }
                verifying.finish(tag)
            };
            assert!(verify(&Tag([7; 16])).is_err());
            let mut opening = verify(&Tag(expected_tag)).expect("the tag verifies");
            for part in buffer.chunks_mut(chunk) {
                opening.update(part).expect("opened");
            }
            opening.finish().expect("opened");
            assert!(buffer == text);
            count += 1;
        }
    }
    count
}

/// 1 if sealing and opening are the oracle's, with the text `offset` bytes into its buffer; else
/// traps.
fn agrees(key: &[u8; 16], nonce: &[u8; 12], aad: &[u8], text: &[u8], offset: usize) -> u32 {
    let (expected, expected_tag) = oracle(key, nonce, aad, text);
    let aead = Key::new(Algorithm::Sm4Gcm, key).expect("16 bytes");
    let mut buffer = [&vec![0xa5; offset], text, &[0x5a; 16]].concat();
    let (before, rest) = buffer.split_at_mut(offset);
    let (inner, after) = rest.split_at_mut(text.len());
    let tag = aead.seal_in_place(nonce, aad, inner).expect("sealed");
    assert!(*inner == expected && tag.0 == expected_tag);
    let opened = aead.open_in_place(nonce, aad, inner, &tag);
    assert!(opened.is_ok() && inner == text);
    // Nothing beside the text was written.
    assert!(before.iter().all(|&byte| byte == 0xa5) && after.iter().all(|&byte| byte == 0x5a));
    1
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

/// What [`measure`] uses. Bit 0 of `fixed`: a key of zeros, else random; bit 1: a text of zeros,
/// else random.
#[unsafe(no_mangle)]
pub extern "C" fn prepare(fixed: u32, seed: u32) {
    let mut random = Random(u64::from(seed) | 1 << 40);
    // Each class does the same work here.
    let keep = |bit: u32| black_box(((fixed >> bit & 1) as u8).wrapping_sub(1));
    let (keep_key, keep_text) = (keep(0), keep(1));
    let raw = random.array::<16>().map(|byte| byte & keep_key);
    let text: Vec<u8> = random
        .bytes(MEASURED_BYTES)
        .iter()
        .map(|byte| byte & keep_text)
        .collect();
    let key = Key::new(Algorithm::Sm4Gcm, &raw).expect("16 bytes");
    let mut sealed = text.clone();
    let tag = key
        .seal_in_place(&[0; 12], b"", &mut sealed)
        .expect("sealed");
    INPUT.set(Some(Input {
        raw,
        key,
        text,
        sealed,
        tag,
    }));
}

/// What is timed: key set-up (0), sealing (1), opening (2); key set-up with a leak planted (3), a
/// little more work for each odd byte of the key.
#[unsafe(no_mangle)]
pub extern "C" fn measure(what: u32) {
    INPUT.with_borrow_mut(|input| {
        let input = input.as_mut().expect("prepared");
        match what {
            1 => {
                let sealed = input.key.seal_in_place(&[0; 12], b"", &mut input.text);
                let _ = black_box(sealed);
            }
            2 => {
                let opened = input
                    .key
                    .open_in_place(&[0; 12], b"", &mut input.sealed, &input.tag);
                black_box(opened).expect("opened");
            }
            _ => drop(black_box(Key::new(Algorithm::Sm4Gcm, &input.raw))),
        }
        if what == 3 {
            for _ in input.raw.iter().filter(|&&byte| byte & 1 == 1) {
                black_box((0..50).fold(0u32, |sum, i| black_box(sum + i)));
            }
        }
    });
}

/// Length of the text that is timed: a full datagram.
const MEASURED_BYTES: usize = 1200;

struct Input {
    raw: [u8; 16],
    key: Key,
    text: Vec<u8>,
    sealed: Vec<u8>,
    tag: Tag,
}

std::thread_local! {
    static INPUT: std::cell::RefCell<Option<Input>> = const { std::cell::RefCell::new(None) };
}
