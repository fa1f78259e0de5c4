//! Several frames under one key, whose counter blocks share batches of the cipher.
//!
//! ```text
//! frames   J0 text text  │ J0 text text text  │ J0 text …
//!          ▼  ▼    ▼       ▼  ▼    ▼    ▼       ▼  ▼
//! batch   └── the lanes of the kernel, filled one after the other ──┘
//! ```
//!
//! The hash goes frame by frame. A long frame fills batches by itself,
//! and is sealed as if it came alone.

use alloc::vec::Vec;
use core::ops::Range;

use subtle::ConstantTimeEq;
use zeroize::Zeroize;

use super::hash_input::HashInput;
use super::{Gcm, GcmCipher, Ghash, j0_of_twelve};
use crate::aead_types::{Frame, OpenError};
use crate::ctr::{BatchCipher, Scratch, counter_after, smallest_batch, wipe, xor};
use crate::sm4::{BLOCK_BYTES, Block};

impl<C: BatchCipher + Send + Sync, G: Ghash + Send + Sync> Gcm<C, G> {
    /// [`GcmCipher::seal`] of each frame, which writes its tag.
    pub(super) fn seal_all(&self, frames: &mut [Frame<'_>]) {
        apply_shared_keystream(&self.cipher, frames, |frame, mask| frame.tag.0 = *mask);
        for frame in frames {
            if is_short::<C>(frame) {
                let s = self
                    .ghash
                    .hash(&HashInput::message(frame.aad, frame.buffer));
                xor(&mut frame.tag.0, &s);
            } else {
                frame.tag = self.seal(frame.nonce, frame.aad, frame.buffer);
            }
        }
    }

    /// [`GcmCipher::open`] of each frame; the buffers of those that fail hold zeros.
    pub(super) fn open_all(&self, frames: &mut [Frame<'_>]) -> Vec<Result<(), OpenError>> {
        // The hash is over the ciphertext, so it is taken before the short frames are decrypted.
        let mut results = Vec::with_capacity(frames.len());
        let mut hashes: Vec<Block> = Vec::with_capacity(frames.len());
        for frame in frames.iter_mut() {
            if is_short::<C>(frame) {
                hashes.push(
                    self.ghash
                        .hash(&HashInput::message(frame.aad, frame.buffer)),
                );
                results.push(Err(OpenError::Authentication));
            } else {
                results.push(self.open(frame.nonce, frame.aad, frame.buffer, &frame.tag));
            }
        }
        let mut expected = hashes.iter_mut();
        apply_shared_keystream(&self.cipher, frames, |_, mask| {
            xor(expected.next().expect("a hash for each short frame"), mask);
        });
        let mut expected = hashes.iter();
        for (frame, result) in frames.iter_mut().zip(&mut results) {
            if is_short::<C>(frame) {
                let tag = expected.next().expect("a hash for each short frame");
                if bool::from(tag.ct_eq(&frame.tag.0)) {
                    *result = Ok(());
                }
            }
            if result.is_err() {
                frame.buffer.zeroize();
            }
        }
        hashes.zeroize();
        results
    }
}

/// The frames whose blocks share batches.
fn is_short<C: BatchCipher>(frame: &Frame<'_>) -> bool {
    blocks(frame) <= C::BULK_BLOCKS
}

/// Blocks of keystream that `frame` takes: E(J0), and those of its text.
fn blocks(frame: &Frame<'_>) -> usize {
    1 + frame.buffer.len().div_ceil(BLOCK_BYTES)
}

/// XORs the keystream to each short frame, and gives its E(J0) to `mask`: frame by frame, in order.
fn apply_shared_keystream<C: BatchCipher>(
    cipher: &C,
    frames: &mut [Frame<'_>],
    mut mask: impl FnMut(&mut Frame<'_>, &Block),
) {
    let mut scratch = Scratch::new();
    let mut largest = 0;
    let (mut filling, mut emptying) = (Cursor::default(), Cursor::default());
    loop {
        let mut filled = 0;
        while let Some(run) = filling.next::<C>(frames, C::BULK_BLOCKS - filled) {
            let j0 = j0_of_twelve(frames[run.frame].nonce);
            for block in run.blocks {
                scratch.0[filled] = counter_after(&j0, block as u32);
                filled += 1;
            }
        }
        let Some(size) = smallest_batch(C::SIZES, filled).filter(|_| filled > 0) else {
            break;
        };
        largest = largest.max(size);
        cipher.encrypt_batch(&mut scratch.0[..size]);

        let mut keystream = &scratch.0[..filled];
        while let Some(run) = emptying.next::<C>(frames, keystream.len()) {
            let (now, later) = keystream.split_at(run.blocks.len());
            keystream = later;
            let frame = &mut frames[run.frame];
            let text = match (run.blocks.start, now) {
                (0, [e_j0, text @ ..]) => {
                    mask(frame, e_j0);
                    text
                }
                _ => now,
            };
            let start = run.blocks.start.saturating_sub(1) * BLOCK_BYTES;
            xor(&mut frame.buffer[start..], text.as_flattened());
        }
    }
    wipe(&mut scratch.0[..largest]);
}

/// Blocks of one frame that come into one batch: 0 is J0, the others are those of its text.
struct Run {
    frame: usize,
    blocks: Range<usize>,
}

/// The next block that has not been taken.
#[derive(Default)]
struct Cursor {
    frame: usize,
    block: usize,
}

impl Cursor {
    /// Takes at most `room` blocks of the next short frame; none if there is no room or no such
    /// frame.
    fn next<C: BatchCipher>(&mut self, frames: &[Frame<'_>], room: usize) -> Option<Run> {
        if room == 0 {
            return None;
        }
        while !is_short::<C>(frames.get(self.frame)?) {
            self.frame += 1;
        }
        let total = blocks(&frames[self.frame]);
        let end = total.min(self.block + room);
        let run = Run {
            frame: self.frame,
            blocks: self.block..end,
        };
        (self.frame, self.block) = if end == total {
            (self.frame + 1, 0)
        } else {
            (self.frame, end)
        };
        Some(run)
    }
}
