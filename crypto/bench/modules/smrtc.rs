//! Our SM4-GCM as a Wasm module: what js/peers/wasm.js calls.

use smrtc_crypto::aead::{Algorithm, Frame, Key, Tag};

#[path = "exports.rs"]
mod exports;

type Cipher = Key;

fn new(key: &[u8; 16]) -> Cipher {
    Key::new(Algorithm::Sm4Gcm, key).expect("16 bytes")
}

fn seal(key: &Cipher, nonce: &[u8; 12], aad: &[u8], text: &mut [u8]) -> [u8; 16] {
    key.seal_in_place(nonce, aad, text)
        .expect("the lengths are allowed")
        .0
}

fn open(key: &Cipher, nonce: &[u8; 12], aad: &[u8], text: &mut [u8], tag: &[u8; 16]) -> bool {
    key.open_in_place(nonce, aad, text, &Tag(*tag)).is_ok()
}

/// Seals the frames that lie one after the other in `frames`; their nonces count up from `first` in
/// the last byte.
fn seal_batch(key: &Cipher, first: &[u8; 12], frame_bytes: usize, frames: &mut [u8]) {
    let nonces: Vec<_> = (0..frames.len() / frame_bytes)
        .map(|i| {
            let mut nonce = *first;
            nonce[11] = nonce[11].wrapping_add(i as u8);
            nonce
        })
        .collect();
    let buffers = frames.chunks_exact_mut(frame_bytes);
    let mut batch: Vec<_> = std::iter::zip(buffers, &nonces)
        .map(|(buffer, nonce)| Frame {
            nonce,
            aad: &[],
            buffer,
            tag: Tag([0; 16]),
        })
        .collect();
    key.seal_batch(&mut batch).expect("the lengths are allowed");
    std::hint::black_box(batch);
}

mod batch {
    //! The export of the call for many frames at once, which only ours has.
    #![allow(unsafe_code, reason = "as in exports.rs")]

    use std::slice::from_raw_parts_mut;

    /// Seals `count` frames that lie one after the other at `frames`.
    #[unsafe(no_mangle)]
    extern "C" fn seal_batch(
        key: *const super::Cipher,
        first_nonce: *const [u8; 12],
        frames: *mut u8,
        frame_bytes: usize,
        count: usize,
    ) {
        // SAFETY: `key` is from `new_key`; the rest lies in separate pieces that `alloc` gave, of
        // these lengths; nothing else runs meanwhile.
        unsafe {
            let frames = from_raw_parts_mut(frames, frame_bytes * count);
            super::seal_batch(&*key, &*first_nonce, frame_bytes, frames);
        }
    }
}
