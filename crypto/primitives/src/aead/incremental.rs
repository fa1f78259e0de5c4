//! GCM by chunks, for texts that are not in one piece.
//!
//! Sealing takes one pass. Opening takes two, because a tag comes last and nobody may see a
//! plaintext that was not verified: the first pass reads all chunks and checks the tag, the second
//! decrypts the same chunks.
//!
//! ```text
//! Key::start_sealing ──► Sealing    update(&mut chunk)…  finish() ──► Tag
//! Key::start_opening ──► Verifying  update(&chunk)…      finish(tag) ──► Opening  update(&mut chunk)…  finish()
//! ```
//!
//! Between the passes a file may change. So the first pass keeps the state of the hash after each
//! chunk, and the second compares each chunk with it *before* decrypting it: no byte is decrypted
//! that the tag did not cover.

use alloc::vec::Vec;
use core::fmt;

use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::key::Key;
use super::known_answers;
use crate::aead_types::{NONCE_BYTES, OpenError, SealError, Tag};
use crate::ctr::{counter_after, xor};
use crate::gcm::hash_input::length_block;
use crate::gcm::{GcmCipher, check_lengths, j0_of_twelve};
use crate::sm4::{BLOCK_BYTES, Block};

impl Key {
    /// Starts to seal a text that comes in chunks; what comes out is that of [`Key::seal_in_place`]
    /// on all of it.
    ///
    /// # Errors
    ///
    /// [`SealError`].
    pub fn start_sealing(
        &self,
        nonce: &[u8; NONCE_BYTES],
        aad: &[u8],
    ) -> Result<Sealing<'_>, SealError> {
        known_answers::of(self.algorithm())
            .ensure()
            .map_err(|_| SealError::SelfTest)?;
        check_lengths(aad.len() as u64, 0)?;
        Ok(Sealing(Message::new(&*self.cipher, nonce, aad)))
    }

    /// Starts the first pass over a sealed text that comes in chunks.
    ///
    /// # Errors
    ///
    /// [`OpenError`].
    pub fn start_opening(
        &self,
        nonce: &[u8; NONCE_BYTES],
        aad: &[u8],
    ) -> Result<Verifying<'_>, OpenError> {
        known_answers::of(self.algorithm())
            .ensure()
            .map_err(|_| OpenError::SelfTest)?;
        check_lengths(aad.len() as u64, 0).map_err(|_| OpenError::Authentication)?;
        Ok(Verifying {
            message: Message::new(&*self.cipher, nonce, aad),
            checkpoints: Checkpoints(Vec::new()),
        })
    }
}

/// Sealing, chunk by chunk. Without its tag nobody can open what it made: call [`Self::finish`].
#[must_use = "the tag comes from `finish`"]
pub struct Sealing<'k>(Message<'k>);

impl Sealing<'_> {
    /// Encrypts the next chunk, of any length, in place.
    ///
    /// # Errors
    ///
    /// [`SealError::TextTooLong`] if all chunks together are longer than GCM allows; this one is
    /// then unchanged.
    pub fn update(&mut self, chunk: &mut [u8]) -> Result<(), SealError> {
        self.0.check_room(chunk)?;
        self.0.apply_keystream(chunk);
        self.0.absorb(chunk);
        Ok(())
    }

    /// The tag over all chunks.
    pub fn finish(self) -> Tag {
        self.0.tag()
    }
}

/// The first pass of opening: reads the ciphertext and decrypts nothing.
#[must_use = "the tag is checked by `finish`"]
pub struct Verifying<'k> {
    message: Message<'k>,
    checkpoints: Checkpoints,
}

impl<'k> Verifying<'k> {
    /// Takes the next chunk of ciphertext, of any length. It costs 24 bytes of memory until the end
    /// of the second pass: prefer chunks of some KiB.
    ///
    /// # Errors
    ///
    /// [`OpenError::Authentication`] if all chunks together are longer than GCM allows; the tag
    /// cannot verify then.
    pub fn update(&mut self, chunk: &[u8]) -> Result<(), OpenError> {
        self.message
            .check_room(chunk)
            .map_err(|_| OpenError::Authentication)?;
        self.message.absorb(chunk);
        self.checkpoints.0.push(Checkpoint {
            end: self.message.text_bytes,
            hash: self.message.hash_so_far(),
        });
        Ok(())
    }

    /// Checks the tag over all chunks. Only then can they be decrypted.
    ///
    /// # Errors
    ///
    /// [`OpenError::Authentication`].
    pub fn finish(mut self, tag: &Tag) -> Result<Opening<'k>, OpenError> {
        if !bool::from(self.message.tag().0.ct_eq(&tag.0)) {
            return Err(OpenError::Authentication);
        }
        self.message.rewind();
        Ok(Opening {
            message: self.message,
            checkpoints: self.checkpoints,
            next: 0,
            failed: false,
        })
    }
}

/// The second pass of opening: decrypts the chunks that were verified, cut as they were then.
#[must_use = "`finish` says whether all of the text has come"]
pub struct Opening<'k> {
    message: Message<'k>,
    checkpoints: Checkpoints,
    /// The checkpoint that the next chunk must reach.
    next: usize,
    failed: bool,
}

impl Opening<'_> {
    /// Decrypts the next chunk in place, if it is what the first pass saw there.
    ///
    /// # Errors
    ///
    /// [`OpenError::Authentication`] if it is not, and from then on; the chunk holds zeros, never
    /// plaintext. (Another chunk passes with the probability that GCM gives any forgery: the hash
    /// is keyed, and nobody has seen it.)
    pub fn update(&mut self, chunk: &mut [u8]) -> Result<(), OpenError> {
        // Nothing is decrypted before the comparison, so the position of the keystream is kept for
        // after it.
        let start = self.message.text_bytes;
        self.message.absorb(chunk);
        let as_verified = self.checkpoints.0.get(self.next).is_some_and(|expected| {
            expected.end == self.message.text_bytes
                && bool::from(expected.hash.ct_eq(&self.message.hash_so_far()))
        });
        self.failed |= !as_verified;
        if self.failed {
            chunk.zeroize();
            return Err(OpenError::Authentication);
        }
        self.next += 1;
        self.message.apply_keystream_at(start, chunk);
        Ok(())
    }

    /// Says whether all chunks of the first pass have come: a text cut short is not the text that
    /// was sealed.
    ///
    /// # Errors
    ///
    /// [`OpenError::Authentication`] if some have not.
    pub fn finish(self) -> Result<(), OpenError> {
        if self.failed || self.next < self.checkpoints.0.len() {
            return Err(OpenError::Authentication);
        }
        Ok(())
    }
}

/// Where the first pass was after a chunk.
#[derive(Zeroize)]
struct Checkpoint {
    /// Bytes of text so far.
    end: u64,
    hash: Block,
}

#[derive(ZeroizeOnDrop)]
struct Checkpoints(Vec<Checkpoint>);

/// A message on the way.
struct Message<'k> {
    cipher: &'k dyn GcmCipher,
    j0: Block,
    hash_of_aad: Block,
    /// The hash of the whole blocks so far.
    hash: Block,
    /// The start of the block that is not whole yet: `text_bytes` mod 16 bytes of ciphertext.
    pending: Block,
    aad_bytes: u64,
    text_bytes: u64,
}

impl<'k> Message<'k> {
    fn new(cipher: &'k dyn GcmCipher, nonce: &[u8; NONCE_BYTES], aad: &[u8]) -> Self {
        let mut hash = [0; BLOCK_BYTES];
        let (blocks, rest) = aad.as_chunks();
        cipher.absorb(&mut hash, blocks);
        if !rest.is_empty() {
            cipher.absorb(&mut hash, &[padded(rest)]);
        }
        Self {
            cipher,
            j0: j0_of_twelve(nonce),
            hash_of_aad: hash,
            hash,
            pending: [0; BLOCK_BYTES],
            aad_bytes: aad.len() as u64,
            text_bytes: 0,
        }
    }

    /// Back to the start of the text.
    fn rewind(&mut self) {
        self.hash = self.hash_of_aad;
        self.text_bytes = 0;
    }

    fn check_room(&self, chunk: &[u8]) -> Result<(), SealError> {
        check_lengths(
            self.aad_bytes,
            self.text_bytes.saturating_add(chunk.len() as u64),
        )
    }

    /// Hashes ciphertext.
    fn absorb(&mut self, chunk: &[u8]) {
        let filled = self.pending_bytes();
        self.text_bytes += chunk.len() as u64;
        let (head, rest) = chunk.split_at(chunk.len().min((BLOCK_BYTES - filled) % BLOCK_BYTES));
        self.pending[filled..][..head.len()].copy_from_slice(head);
        if filled > 0 {
            if filled + head.len() < BLOCK_BYTES {
                return;
            }
            self.cipher.absorb(&mut self.hash, &[self.pending]);
        }
        let (blocks, rest) = rest.as_chunks();
        self.cipher.absorb(&mut self.hash, blocks);
        self.pending[..rest.len()].copy_from_slice(rest);
    }

    fn pending_bytes(&self) -> usize {
        (self.text_bytes % BLOCK_BYTES as u64) as usize
    }

    /// The hash as if the text ended here, before the block of lengths.
    fn hash_so_far(&self) -> Block {
        let mut hash = self.hash;
        let filled = self.pending_bytes();
        if filled > 0 {
            self.cipher
                .absorb(&mut hash, &[padded(&self.pending[..filled])]);
        }
        hash
    }

    fn tag(&self) -> Tag {
        let mut s = self.hash_so_far();
        let lengths = length_block(self.aad_bytes, self.text_bytes);
        self.cipher.absorb(&mut s, &[lengths]);
        self.cipher.apply_keystream(&self.j0, &mut s);
        Tag(s)
    }

    /// For the chunk that [`Self::absorb`] gets next.
    fn apply_keystream(&self, chunk: &mut [u8]) {
        self.apply_keystream_at(self.text_bytes, chunk);
    }

    /// For a chunk that starts after `start` bytes of the text.
    fn apply_keystream_at(&self, start: u64, chunk: &mut [u8]) {
        let used = (start % BLOCK_BYTES as u64) as usize;
        let (head, rest) = chunk.split_at_mut(chunk.len().min((BLOCK_BYTES - used) % BLOCK_BYTES));
        // The limit on the text keeps the number of blocks below 2^32 − 1.
        let counter = counter_after(&self.j0, (start / BLOCK_BYTES as u64) as u32 + 1);
        if used == 0 {
            self.cipher.apply_keystream(&counter, rest);
            return;
        }
        let mut block = [0; BLOCK_BYTES];
        self.cipher.apply_keystream(&counter, &mut block);
        xor(head, &block[used..]);
        block.zeroize();
        self.cipher
            .apply_keystream(&counter_after(&counter, 1), rest);
    }
}

impl Drop for Message<'_> {
    fn drop(&mut self) {
        self.hash.zeroize();
        self.hash_of_aad.zeroize();
    }
}

/// Zeros after `bytes`, up to a block.
fn padded(bytes: &[u8]) -> Block {
    let mut block = [0; BLOCK_BYTES];
    block[..bytes.len()].copy_from_slice(bytes);
    block
}

macro_rules! redacted_debug {
    ($($name:ident),*) => {$(
        impl fmt::Debug for $name<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "([redacted])"))
            }
        }
    )*};
}
redacted_debug!(Sealing, Verifying, Opening);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aead::{Algorithm, MAX_TEXT_BYTES};

    #[test]
    fn the_limit_holds_across_chunks() {
        let key = Key::new(Algorithm::Sm4Gcm, &[7; 16]).unwrap();
        let mut sealing = key.start_sealing(&[1; 12], b"").unwrap();
        sealing.0.text_bytes = MAX_TEXT_BYTES - 20;
        sealing.update(&mut [0; 19]).unwrap();
        let mut chunk = [3, 4];
        assert_eq!(sealing.update(&mut chunk), Err(SealError::TextTooLong));
        assert_eq!(chunk, [3, 4]);
        sealing.update(&mut chunk[..1]).unwrap();

        let mut verifying = key.start_opening(&[1; 12], b"").unwrap();
        verifying.message.text_bytes = MAX_TEXT_BYTES - 1;
        assert_eq!(verifying.update(&[0; 2]), Err(OpenError::Authentication));
        assert_eq!(verifying.update(&[0; 1]), Ok(()));
    }

    #[test]
    fn the_last_block_of_the_longest_text_has_the_last_counter() {
        let key = Key::new(Algorithm::Sm4Gcm, &[7; 16]).unwrap();
        let message = Message::new(&*key.cipher, &[1; 12], b"");
        let mut last = [0; BLOCK_BYTES];
        message.apply_keystream_at(MAX_TEXT_BYTES - 16, &mut last);
        let mut expected = [0; BLOCK_BYTES];
        let mut counter = [1; BLOCK_BYTES];
        counter[12..].fill(0xff);
        key.cipher.apply_keystream(&counter, &mut expected);
        assert_eq!(last, expected);
    }
}
