//! What GHASH hashes, four blocks at a time.
//!
//! The blocks of the associated data, those of the text and the block of lengths, with blocks of
//! zeros *in front* so that they come to whole quads: zeros in front change no hash, since it
//! starts from 0.

use crate::sm4::{BLOCK_BYTES, Block};

/// Four blocks.
pub(crate) const QUAD_BYTES: usize = 4 * BLOCK_BYTES;

/// The blocks to hash, in the order that the top of this file describes.
pub(crate) struct HashInput<'a> {
    aad: &'a [u8],
    text: &'a [u8],
    aad_blocks: usize,
    text_blocks: usize,
    /// The block that comes last.
    lengths: Option<Block>,
    /// Blocks of zeros in front.
    padding: usize,
}

impl<'a> HashInput<'a> {
    /// All of a message: `aad` and `text`, each padded with zeros to whole blocks, and the block of
    /// their lengths in bits.
    pub(crate) fn message(aad: &'a [u8], text: &'a [u8]) -> Self {
        let lengths = length_block(aad.len() as u64, text.len() as u64);
        Self::new(aad, text, Some(lengths))
    }

    /// Blocks of a message on the way: `first` has the hash so far added.
    pub(crate) fn middle(first: &'a Block, others: &'a [Block]) -> Self {
        Self::new(first, others.as_flattened(), None)
    }

    fn new(aad: &'a [u8], text: &'a [u8], lengths: Option<Block>) -> Self {
        let aad_blocks = aad.len().div_ceil(BLOCK_BYTES);
        let text_blocks = text.len().div_ceil(BLOCK_BYTES);
        let blocks = aad_blocks + text_blocks + usize::from(lengths.is_some());
        Self {
            aad,
            text,
            aad_blocks,
            text_blocks,
            lengths,
            padding: blocks.wrapping_neg() % 4,
        }
    }

    /// How many quads there are; at least one.
    pub(crate) fn quads(&self) -> usize {
        let blocks = self.padding + self.aad_blocks + self.text_blocks;
        (blocks + usize::from(self.lengths.is_some())) / 4
    }

    /// Blocks of zeros in front of the first.
    pub(crate) fn padding(&self) -> usize {
        self.padding
    }

    /// Quad `index`: where it lies in the text, or gathered in `scratch`.
    #[inline(always)]
    pub(crate) fn quad<'q>(
        &self,
        index: usize,
        scratch: &'q mut [u8; QUAD_BYTES],
    ) -> &'q [u8; QUAD_BYTES]
    where
        'a: 'q,
    {
        let within_text = (4 * index)
            .checked_sub(self.padding + self.aad_blocks)
            .and_then(|block| self.text.get(block * BLOCK_BYTES..))
            .and_then(|rest| rest.first_chunk());
        match within_text {
            Some(quad) => quad,
            None => {
                self.gather(index, scratch);
                scratch
            }
        }
    }

    #[cold]
    fn gather(&self, index: usize, scratch: &mut [u8; QUAD_BYTES]) {
        scratch.fill(0);
        let blocks = scratch.as_chunks_mut::<BLOCK_BYTES>().0;
        for (block, position) in blocks.iter_mut().zip(4 * index..) {
            let Some(position) = position.checked_sub(self.padding) else {
                continue;
            };
            let (part, start) = if position < self.aad_blocks {
                (self.aad, position * BLOCK_BYTES)
            } else if position < self.aad_blocks + self.text_blocks {
                (self.text, (position - self.aad_blocks) * BLOCK_BYTES)
            } else {
                *block = self.lengths.unwrap_or_default();
                continue;
            };
            let rest = &part[start..];
            match rest.first_chunk() {
                Some(whole) => *block = *whole,
                None => block[..rest.len()].copy_from_slice(rest),
            }
        }
    }
}

/// The block of lengths in bits that ends what GHASH hashes.
pub(crate) fn length_block(aad_bytes: u64, text_bytes: u64) -> Block {
    let mut block = [0; BLOCK_BYTES];
    block[..8].copy_from_slice(&(aad_bytes * 8).to_be_bytes());
    block[8..].copy_from_slice(&(text_bytes * 8).to_be_bytes());
    block
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    #[test]
    fn quads_are_zeros_data_and_lengths_in_order() {
        for aad_len in 0..70 {
            for text_len in 0..200 {
                let aad: Vec<u8> = (1..).take(aad_len).collect();
                let text: Vec<u8> = (101..=250).cycle().take(text_len).collect();
                let mut expected = Vec::new();
                for part in [&aad, &text] {
                    expected.extend_from_slice(part);
                    expected.resize(expected.len().next_multiple_of(16), 0);
                }
                expected.extend_from_slice(&length_block(aad_len as u64, text_len as u64));
                let zeros = expected.len().next_multiple_of(QUAD_BYTES) - expected.len();
                expected.splice(0..0, std::iter::repeat_n(0, zeros));

                let input = HashInput::message(&aad, &text);
                let mut quads = Vec::new();
                for index in 0..input.quads() {
                    quads.extend_from_slice(input.quad(index, &mut [0; QUAD_BYTES]));
                }
                assert_eq!(quads, expected, "{aad_len} {text_len}");
            }
        }
    }
}
