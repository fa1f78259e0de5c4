//! Counter mode with a 32-bit counter (GCTR of NIST SP 800-38D §6.5), by batches of blocks.
//!
//! A back end makes keystream for a batch of consecutive counters at a time; batches are aligned, so
//! that the low bits of the counters are constants. GCM's first counter J0 masks the tag, and the text
//! follows; both come out of the first batch, so a short frame costs no batch more than it needs.

use zeroize::Zeroize;

use crate::sm4::BLOCK_BYTES;

/// A block cipher under one key, in counter mode.
pub(crate) trait CounterCipher {
    /// Blocks in a batch: a power of two, at most [`MAX_BATCH_BLOCKS`].
    const BATCH_BLOCKS: usize;

    /// The first twelve bytes of the counter blocks, as the back end likes them.
    type Nonce;

    fn nonce(nonce: &[u8; 12]) -> Self::Nonce;

    /// XORs E(nonce ‖ first), E(nonce ‖ first + 1), … to `batch`, which is one batch long. `first` is a
    /// multiple of the batch.
    fn xor_batch(&self, nonce: &Self::Nonce, first: u32, batch: &mut [u8]);
}

/// The longest batch of any back end, in blocks.
pub(crate) const MAX_BATCH_BLOCKS: usize = 64;

/// The keystream of one message.
pub(crate) struct Keystream<'k, C: CounterCipher> {
    cipher: &'k C,
    nonce: C::Nonce,
    /// The first counter of the batch in `head`.
    head_counter: u32,
    /// The batch that J0 is in.
    head: [u8; MAX_BATCH_BLOCKS * BLOCK_BYTES],
    /// Where in `head` J0 is, in bytes.
    start: usize,
}

impl<'k, C: CounterCipher> Keystream<'k, C> {
    const BATCH_BYTES: usize = C::BATCH_BLOCKS * BLOCK_BYTES;

    pub(crate) fn new(cipher: &'k C, j0: &[u8; BLOCK_BYTES]) -> Self {
        let (nonce, counter) = j0.split_at(12);
        let nonce = C::nonce(nonce.try_into().expect("the first 12 of 16 bytes"));
        let counter = u32::from_be_bytes(counter.try_into().expect("the last 4 of 16 bytes"));
        let lane = counter as usize % C::BATCH_BLOCKS;
        let mut keystream = Self {
            cipher,
            nonce,
            head_counter: counter - lane as u32,
            head: [0; _],
            start: lane * BLOCK_BYTES,
        };
        cipher.xor_batch(
            &keystream.nonce,
            keystream.head_counter,
            &mut keystream.head[..Self::BATCH_BYTES],
        );
        keystream
    }

    /// E(J0).
    pub(crate) fn encrypted_j0(&self) -> [u8; BLOCK_BYTES] {
        self.head[self.start..][..BLOCK_BYTES]
            .try_into()
            .expect("one block")
    }

    /// XORs the keystream from inc32(J0) on to `text`.
    pub(crate) fn apply(mut self, text: &mut [u8]) {
        let rest_of_head = &self.head[self.start + BLOCK_BYTES..Self::BATCH_BYTES];
        let (first, text) = text.split_at_mut(text.len().min(rest_of_head.len()));
        xor(first, rest_of_head);

        let mut counter = self.head_counter;
        let mut batches = text.chunks_exact_mut(Self::BATCH_BYTES);
        for batch in &mut batches {
            counter = counter.wrapping_add(C::BATCH_BLOCKS as u32);
            self.cipher.xor_batch(&self.nonce, counter, batch);
        }
        let tail = batches.into_remainder();
        if !tail.is_empty() {
            counter = counter.wrapping_add(C::BATCH_BLOCKS as u32);
            let last = &mut self.head[..Self::BATCH_BYTES];
            last.fill(0);
            self.cipher.xor_batch(&self.nonce, counter, last);
            xor(tail, last);
        }
    }
}

impl<C: CounterCipher> Drop for Keystream<'_, C> {
    fn drop(&mut self) {
        self.head[..Self::BATCH_BYTES].zeroize();
    }
}

fn xor(text: &mut [u8], keystream: &[u8]) {
    for (byte, key) in text.iter_mut().zip(keystream) {
        *byte ^= key;
    }
}
