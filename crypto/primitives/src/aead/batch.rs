//! Several frames under one key in one call: small ones share the passes of a kernel.
//!
//! A kernel encrypts a batch of blocks at a time, 32 or 64 of them. A frame of 160 bytes has 11,
//! and by itself it leaves most lanes empty; a few such frames together do not. The result is that
//! of [`Key::seal_in_place`] and [`Key::open_in_place`] frame by frame.

use alloc::vec::Vec;
use zeroize::Zeroize;

use super::key::Key;
use super::known_answers;
use crate::aead_types::{Frame, OpenError, SealError};
use crate::gcm::check_lengths;

impl Key {
    /// Encrypts the buffer of each frame in place and writes its tag.
    ///
    /// # Errors
    ///
    /// [`SealError`] if any frame is beyond the limits; then *all* buffers and tags are unchanged.
    pub fn seal_batch(&self, frames: &mut [Frame<'_>]) -> Result<(), SealError> {
        known_answers::of(self.algorithm())
            .ensure()
            .map_err(|_| SealError::SelfTest)?;
        for frame in frames.iter() {
            check_lengths(frame.aad.len() as u64, frame.buffer.len() as u64)?;
        }
        self.cipher.seal_batch(frames);
        Ok(())
    }

    /// Verifies and decrypts each frame in place, in any case all of them; says for each, in order,
    /// whether it opened.
    ///
    /// The buffer of a frame that did not open holds zeros, never plaintext, whether the caller
    /// looks at the result or not.
    #[must_use = "says which frames did not open; their buffers hold zeros"]
    pub fn open_batch(&self, frames: &mut [Frame<'_>]) -> Vec<Result<(), OpenError>> {
        if known_answers::of(self.algorithm()).ensure().is_err() {
            let refuse = |frame: &mut Frame<'_>| {
                frame.buffer.zeroize();
                Err(OpenError::SelfTest)
            };
            return frames.iter_mut().map(refuse).collect();
        }
        let within_limits = |frame: &Frame<'_>| {
            check_lengths(frame.aad.len() as u64, frame.buffer.len() as u64).is_ok()
        };
        if frames.iter().all(within_limits) {
            return self.cipher.open_batch(frames);
        }
        let open = |frame: &mut Frame<'_>| {
            self.open_in_place(frame.nonce, frame.aad, frame.buffer, &frame.tag)
        };
        frames.iter_mut().map(open).collect()
    }
}
