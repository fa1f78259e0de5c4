//! Counter mode with a 32-bit counter (GCTR of NIST SP 800-38D §6.5), by batches of blocks.
//!
//! A back end makes keystream for a batch of consecutive counters at a time; batches are aligned,
//! so that the low bits of the counters are constants. GCM's first counter J0 masks the tag, and
//! the text follows; both come out of the first batch, so a short frame costs no batch more than it
//! needs:
//!
//! ```text
//! counters   0   1   2   3   …                 │ 64 …            │ 128 …
//!                J0  text of the first batch   │ in place        │ the rest, by the smallest batch that holds it
//!            └── head ────────────────────────┘ └── bulk ───────┘ └── tail ──┘
//! ```

use zeroize::optimization_barrier;

use crate::sm4::{BLOCK_BYTES, Block};

/// A block cipher under one key, by batches.
pub(crate) trait BatchCipher {
    /// How many blocks a batch may have, ascending; at most [`MAX_BATCH_BLOCKS`].
    const SIZES: &'static [usize];

    /// The batch that costs least for each block: a power of two, one of [`Self::SIZES`].
    const BULK_BLOCKS: usize;

    /// The first twelve bytes of the counter blocks, in the form that the back end works on.
    type Nonce;

    fn nonce(nonce: &[u8; 12]) -> Self::Nonce;

    /// XORs E(nonce ‖ first), E(nonce ‖ first + 1), … to `batch`. `first` is a multiple of
    /// [`Self::BULK_BLOCKS`].
    fn xor_batch(&self, nonce: &Self::Nonce, first: u32, batch: &mut [Block]);

    /// Encrypts each block of `batch`, whatever it holds.
    fn encrypt_batch(&self, batch: &mut [Block]);
}

/// The smallest batch of `sizes` that holds `blocks`, or none.
pub(crate) fn smallest_batch(sizes: &[usize], blocks: usize) -> Option<usize> {
    sizes.iter().copied().find(|&size| blocks <= size)
}

/// The longest batch of any back end of the target, in blocks.
pub(crate) const MAX_BATCH_BLOCKS: usize = if cfg!(target_arch = "x86_64") { 96 } else { 32 };

/// Blocks on the stack that hold keystream; whoever fills them wipes them.
#[repr(C, align(64))]
pub(crate) struct Scratch(pub(crate) [Block; MAX_BATCH_BLOCKS]);

impl Scratch {
    pub(crate) const fn new() -> Self {
        Self([[0; BLOCK_BYTES]; MAX_BATCH_BLOCKS])
    }
}

/// Fills with zeros, for good: `Zeroize` does so byte by byte on some targets, which slows
/// short frames down.
pub(crate) fn wipe(blocks: &mut [Block]) {
    blocks.fill([0; BLOCK_BYTES]);
    optimization_barrier(blocks);
}

/// The keystream of a message: E(J0), which masks the tag, then what the text takes.
pub(crate) trait MessageKeystream {
    /// E(J0); once, before anything else.
    fn take_first(&mut self) -> Block;

    /// XORs what follows to `text`; once.
    fn apply(&mut self, text: &mut [u8]);
}

/// The keystream from one counter block on, which is public: the place of a counter in its batch
/// decides what is read.
///
/// It writes into its caller's scratch: to move it would take longer than to wipe it, for a short
/// frame.
pub(crate) struct Keystream<'k, C: BatchCipher> {
    cipher: &'k C,
    nonce: C::Nonce,
    /// The first counter after those in `head`.
    counter: u32,
    /// The batch that the first counter block is in.
    head: &'k mut Scratch,
    /// The blocks of `head` that hold keystream.
    head_blocks: usize,
    /// Those before this one are used.
    next: usize,
}

impl<'k, C: BatchCipher> Keystream<'k, C> {
    /// From E(`first`) on; `blocks` says how many will be asked for. `scratch` holds zeros.
    pub(crate) fn new(
        cipher: &'k C,
        first: &Block,
        blocks: usize,
        scratch: &'k mut Scratch,
    ) -> Self {
        let (nonce, counter) = first.split_at(12);
        let nonce = C::nonce(nonce.try_into().expect("the first 12 of 16 bytes"));
        let counter = u32::from_be_bytes(counter.try_into().expect("the last 4 of 16 bytes"));
        let lane = counter as usize % C::BULK_BLOCKS;
        let head_blocks =
            smallest_batch(C::SIZES, lane.saturating_add(blocks)).unwrap_or(C::BULK_BLOCKS);
        let aligned = counter - lane as u32;
        cipher.xor_batch(&nonce, aligned, &mut scratch.0[..head_blocks]);
        Self {
            cipher,
            nonce,
            counter: aligned.wrapping_add(head_blocks as u32),
            head: scratch,
            head_blocks,
            next: lane,
        }
    }
}

impl<C: BatchCipher> MessageKeystream for Keystream<'_, C> {
    /// [`Keystream::new`] has made it already.
    fn take_first(&mut self) -> Block {
        let block = self.head.0[self.next];
        self.next += 1;
        block
    }

    fn apply(&mut self, text: &mut [u8]) {
        let head = self.head.0[self.next..self.head_blocks].as_flattened();
        let (first, text) = text.split_at_mut(text.len().min(head.len()));
        xor(first, head);

        let (mut blocks, partial) = text.as_chunks_mut::<BLOCK_BYTES>();
        let mut rest = blocks.len() + usize::from(!partial.is_empty());
        while rest > 0 {
            let size = smallest_batch(C::SIZES, rest).unwrap_or(C::BULK_BLOCKS);
            if blocks.len() < size {
                break;
            }
            let (batch, others) = blocks.split_at_mut(size);
            self.cipher.xor_batch(&self.nonce, self.counter, batch);
            self.counter = self.counter.wrapping_add(size as u32);
            blocks = others;
            rest -= size;
        }
        if let Some(size) = smallest_batch(C::SIZES, rest).filter(|_| rest > 0) {
            self.head_blocks = self.head_blocks.max(size);
            let last = &mut self.head.0[..size];
            last.fill([0; BLOCK_BYTES]);
            self.cipher.xor_batch(&self.nonce, self.counter, last);
            let (whole, part) = last.as_flattened().split_at(blocks.len() * BLOCK_BYTES);
            xor(blocks.as_flattened_mut(), whole);
            xor(partial, part);
        }
    }
}

impl<C: BatchCipher> Drop for Keystream<'_, C> {
    fn drop(&mut self) {
        wipe(&mut self.head.0[..self.head_blocks]);
    }
}

/// The keystream from a counter block on that depends on the key, as J0 does unless the nonce has
/// 12 bytes: no counter decides where anything lies. It is slower, for every counter is written out.
pub(crate) struct SecretKeystream<'k, C: BatchCipher> {
    cipher: &'k C,
    next: Block,
}

impl<'k, C: BatchCipher> SecretKeystream<'k, C> {
    /// From E(`first`) on.
    pub(crate) fn new(cipher: &'k C, first: &Block) -> Self {
        Self {
            cipher,
            next: *first,
        }
    }
}

impl<C: BatchCipher> MessageKeystream for SecretKeystream<'_, C> {
    fn take_first(&mut self) -> Block {
        let first = encrypt_one(self.cipher, &self.next);
        self.next = counter_after(&self.next, 1);
        first
    }

    fn apply(&mut self, text: &mut [u8]) {
        let mut scratch = Scratch::new();
        for chunk in text.chunks_mut(C::BULK_BLOCKS * BLOCK_BYTES) {
            let blocks = chunk.len().div_ceil(BLOCK_BYTES);
            let size = smallest_batch(C::SIZES, blocks).unwrap_or(C::BULK_BLOCKS);
            let batch = &mut scratch.0[..size];
            for block in batch.iter_mut() {
                *block = self.next;
                self.next = counter_after(&self.next, 1);
            }
            self.cipher.encrypt_batch(batch);
            xor(chunk, batch.as_flattened());
        }
        wipe(&mut scratch.0);
    }
}

impl<C: BatchCipher> Drop for SecretKeystream<'_, C> {
    fn drop(&mut self) {
        wipe(core::slice::from_mut(&mut self.next));
    }
}

/// The counter block `steps` after `block` (inc32 of SP 800-38D §6.2).
pub(crate) fn counter_after(block: &Block, steps: u32) -> Block {
    let mut after = *block;
    let (_, counter) = after.split_at_mut(12);
    let from = u32::from_be_bytes([block[12], block[13], block[14], block[15]]);
    counter.copy_from_slice(&from.wrapping_add(steps).to_be_bytes());
    after
}

/// XORs as many bytes as `text` has.
pub(crate) fn xor(text: &mut [u8], keystream: &[u8]) {
    for (byte, key) in text.iter_mut().zip(keystream) {
        *byte ^= key;
    }
}

/// E(`block`) of one block alone.
pub(crate) fn encrypt_one<C: BatchCipher>(cipher: &C, block: &Block) -> Block {
    let mut batch = Scratch::new();
    batch.0[0] = *block;
    let size = C::SIZES[0];
    cipher.encrypt_batch(&mut batch.0[..size]);
    let encrypted = batch.0[0];
    wipe(&mut batch.0[..size]);
    encrypted
}
