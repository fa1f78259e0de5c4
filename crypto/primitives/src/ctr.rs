//! Counter mode with a 32-bit counter (GCTR of NIST SP 800-38D §6.5), by batches of blocks.
//!
//! A back end makes keystream for a batch of consecutive counters at a time; batches are aligned, so
//! that the low bits of the counters are constants. GCM's first counter J0 masks the tag, and the text
//! follows; both come out of the first batch, so a short frame costs no batch more than it needs:
//!
//! ```text
//! counters   0   1   2   3   …                 │ 64 …            │ 128 …
//!                J0  text of the first batch   │ in place        │ the rest, by the smallest batch that holds it
//!            └── head ────────────────────────┘ └── bulk ───────┘ └── tail ──┘
//! ```

use zeroize::optimization_barrier;

use crate::sm4::BLOCK_BYTES;

/// A block.
pub(crate) type Block = [u8; BLOCK_BYTES];

/// A block cipher under one key, by batches.
pub(crate) trait BatchCipher {
    /// How many blocks a batch may have, ascending; at most [`MAX_BATCH_BLOCKS`].
    const SIZES: &'static [usize];

    /// The batch that costs least for each block: a power of two, one of [`Self::SIZES`].
    const BULK_BLOCKS: usize;

    /// The first twelve bytes of the counter blocks, as the back end likes them.
    type Nonce;

    fn nonce(nonce: &[u8; 12]) -> Self::Nonce;

    /// XORs E(nonce ‖ first), E(nonce ‖ first + 1), … to `batch`. `first` is a multiple of [`Self::BULK_BLOCKS`].
    fn xor_batch(&self, nonce: &Self::Nonce, first: u32, batch: &mut [Block]);

    /// Encrypts each block of `batch`, whatever it holds.
    fn encrypt_batch(&self, batch: &mut [Block]);
}

/// The smallest batch of `sizes` that holds `blocks`, or none.
pub(crate) fn smallest_batch(sizes: &[usize], blocks: usize) -> Option<usize> {
    sizes.iter().copied().find(|&size| blocks <= size)
}

/// The longest batch of any back end, in blocks.
pub(crate) const MAX_BATCH_BLOCKS: usize = 96;

/// Blocks on the stack that hold keystream; whoever fills them wipes them.
#[repr(C, align(64))]
pub(crate) struct Scratch(pub(crate) [Block; MAX_BATCH_BLOCKS]);

impl Scratch {
    pub(crate) const fn new() -> Self {
        Self([[0; BLOCK_BYTES]; MAX_BATCH_BLOCKS])
    }
}

/// Fills with zeros, for good: `Zeroize` does so byte by byte on some targets, which short frames would feel.
pub(crate) fn wipe(blocks: &mut [Block]) {
    blocks.fill([0; BLOCK_BYTES]);
    optimization_barrier(blocks);
}

/// The keystream from one counter block on.
pub(crate) struct Keystream<'k, C: BatchCipher> {
    cipher: &'k C,
    nonce: C::Nonce,
    /// The first counter after those in `head`.
    counter: u32,
    /// The batch that the first counter block is in.
    head: Scratch,
    /// The blocks of `head` that hold keystream.
    head_blocks: usize,
    /// Those before this one are used.
    next: usize,
}

impl<'k, C: BatchCipher> Keystream<'k, C> {
    /// From E(`first`) on; `blocks` says how many will be asked for.
    pub(crate) fn new(cipher: &'k C, first: &Block, blocks: usize) -> Self {
        let (nonce, counter) = first.split_at(12);
        let nonce = C::nonce(nonce.try_into().expect("the first 12 of 16 bytes"));
        let counter = u32::from_be_bytes(counter.try_into().expect("the last 4 of 16 bytes"));
        let lane = counter as usize % C::BULK_BLOCKS;
        let head_blocks =
            smallest_batch(C::SIZES, lane.saturating_add(blocks)).unwrap_or(C::BULK_BLOCKS);
        let aligned = counter - lane as u32;
        let mut keystream = Self {
            cipher,
            nonce,
            counter: aligned.wrapping_add(head_blocks as u32),
            head: Scratch::new(),
            head_blocks,
            next: lane,
        };
        let head = &mut keystream.head.0[..head_blocks];
        cipher.xor_batch(&keystream.nonce, aligned, head);
        keystream
    }

    /// The next block, which [`Self::new`] has made already: the first always is.
    pub(crate) fn take_first(&mut self) -> Block {
        let block = self.head.0[self.next];
        self.next += 1;
        block
    }

    /// XORs what follows to `text`.
    pub(crate) fn apply(mut self, text: &mut [u8]) {
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
