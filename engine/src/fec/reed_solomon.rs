//! A systematic Reed–Solomon code by a Cauchy matrix (Blömer et al., ICSI TR-95-048), over blocks
//! of up to 64 fragments.
//!
//! The columns are scaled so that the first repair packet is the exclusive or of all fragments;
//! that keeps every square part of the matrix invertible. A frame of more fragments is dealt out
//! over several blocks in turn, so that a burst hits all of them a little.

use super::gf256::{add_scaled, inverse, mul};

/// The most fragments in a block.
pub const MAX_BLOCK: usize = 64;
/// The most repair packets a block can have.
pub const MAX_ROWS: usize = 128;

/// How the fragments of a frame are dealt out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blocks {
    fragments: usize,
    blocks: usize,
}

impl Blocks {
    /// The blocks of a frame of `fragments` fragments.
    pub fn new(fragments: u16) -> Self {
        let fragments = usize::from(fragments).max(1);
        Self {
            fragments,
            blocks: fragments.div_ceil(MAX_BLOCK),
        }
    }

    /// How many blocks there are.
    pub fn count(self) -> usize {
        self.blocks
    }

    /// The most repair packets that a frame can have.
    pub fn max_repairs(self) -> usize {
        self.blocks * MAX_ROWS
    }

    /// The block of a fragment or of a repair packet, and its place there.
    pub fn place(self, index: u16) -> (usize, usize) {
        (
            usize::from(index) % self.blocks,
            usize::from(index) / self.blocks,
        )
    }

    /// The fragments of a block, in the order of their places.
    pub fn fragments(self, block: usize) -> impl ExactSizeIterator<Item = usize> {
        (block..self.fragments).step_by(self.blocks)
    }
}

/// One block while it is encoded or decoded. All packets count as `length` bytes long, zeros added.
#[derive(Clone, Copy, Debug)]
pub struct BlockCode {
    /// Fragments in the block, 1 to [`MAX_BLOCK`].
    pub fragments: usize,
    /// Length of the longest of them, in bytes.
    pub length: usize,
}

impl BlockCode {
    /// The repair packet `row`, below [`MAX_ROWS`], of the fragments in their order.
    pub fn repair<'a>(self, fragments: impl Iterator<Item = &'a [u8]>, row: usize) -> Vec<u8> {
        let mut sum = vec![0; self.length];
        for (column, fragment) in fragments.enumerate() {
            add_scaled(&mut sum, fragment, coefficient(row, column));
        }
        sum
    }

    /// The fragments that are not in `came`, each with its place; `None` if there are not enough
    /// repair packets or a place makes no sense.
    ///
    /// `came` are (place, bytes), each place once, and `repairs` are (row, bytes), each row once.
    pub fn recover(
        self,
        came: &[(usize, &[u8])],
        repairs: &[(usize, &[u8])],
    ) -> Option<Vec<(usize, Vec<u8>)>> {
        let has = |column: usize| came.iter().any(|&(place, _)| place == column);
        let missing: Vec<usize> = (0..self.fragments).filter(|&column| !has(column)).collect();
        let repairs = repairs.get(..missing.len())?;
        let sensible = came.iter().all(|&(place, _)| place < self.fragments)
            && repairs.iter().all(|&(row, _)| row < MAX_ROWS)
            && self.fragments <= MAX_BLOCK;
        if !sensible {
            return None;
        }
        let mut sums: Vec<Vec<u8>> = repairs
            .iter()
            .map(|&(row, bytes)| {
                let mut sum = vec![0; self.length];
                add_scaled(&mut sum, bytes, 1);
                for &(place, fragment) in came {
                    add_scaled(&mut sum, fragment, coefficient(row, place));
                }
                sum
            })
            .collect();
        let mut matrix: Vec<Vec<u8>> = repairs
            .iter()
            .map(|&(row, _)| {
                missing
                    .iter()
                    .map(|&column| coefficient(row, column))
                    .collect()
            })
            .collect();
        solve(&mut matrix, &mut sums)?;
        Some(missing.into_iter().zip(sums).collect())
    }
}

/// Gauss–Jordan elimination; `None` if the matrix is singular, as it is if a row stands twice in
/// it.
fn solve(matrix: &mut [Vec<u8>], sums: &mut [Vec<u8>]) -> Option<()> {
    for pivot in 0..matrix.len() {
        let found = (pivot..matrix.len()).find(|&row| matrix[row][pivot] != 0)?;
        matrix.swap(pivot, found);
        sums.swap(pivot, found);
        let scale = inverse(matrix[pivot][pivot]);
        for value in matrix[pivot].iter_mut().chain(sums[pivot].iter_mut()) {
            *value = mul(*value, scale);
        }
        let (pivot_row, pivot_sum) = (matrix[pivot].clone(), sums[pivot].clone());
        for row in (0..matrix.len()).filter(|&row| row != pivot) {
            let factor = matrix[row][pivot];
            if factor != 0 {
                add_scaled(&mut matrix[row], &pivot_row, factor);
                add_scaled(&mut sums[row], &pivot_sum, factor);
            }
        }
    }
    Some(())
}

/// The factor of fragment `column` in repair packet `row`: 1/(x + y) with x from 128 on and y below
/// 128, over that of row 0.
fn coefficient(row: usize, column: usize) -> u8 {
    let (x, y) = ((MAX_ROWS + row) as u8, column as u8);
    mul(inverse(x ^ y), MAX_ROWS as u8 ^ y)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_first_repair_packet_is_the_exclusive_or() {
        let fragments: [&[u8]; 3] = [&[1, 2, 3], &[4, 5, 6], &[7, 8]];
        let code = BlockCode {
            fragments: 3,
            length: 3,
        };
        let sum = code.repair(fragments.into_iter(), 0);
        assert_eq!(sum, [1 ^ 4 ^ 7, 2 ^ 5 ^ 8, 3 ^ 6]);
    }

    #[test]
    fn blocks_deal_fragments_out_in_turn() {
        let blocks = Blocks::new(130);
        assert_eq!((blocks.count(), blocks.max_repairs()), (3, 384));
        assert_eq!((blocks.place(0), blocks.place(4)), ((0, 0), (1, 1)));
        let all: usize = (0..3).map(|block| blocks.fragments(block).len()).sum();
        assert_eq!(all, 130);
        assert_eq!(blocks.fragments(1).nth(1), Some(4));
        assert_eq!(Blocks::new(64).count(), 1);
    }

    proptest! {
        #[test]
        fn any_packets_as_many_as_fragments_give_them_back(
            fragments in 1usize..=MAX_BLOCK,
            length in 1usize..40,
            order in any::<u64>(),
        ) {
            let bytes = |i: usize| -> Vec<u8> {
                (0..length).map(|j| (i * 31 + j * 7 + (order as usize >> (i % 13))) as u8).collect()
            };
            let sources: Vec<Vec<u8>> = (0..fragments).map(bytes).collect();
            let code = BlockCode { fragments, length };
            let repairs: Vec<Vec<u8>> = (0..MAX_ROWS)
                .map(|row| code.repair(sources.iter().map(Vec::as_slice), row))
                .collect();
            // A different choice for every seed: which fragments came, and from which row on the
            // repairs did.
            let came: Vec<(usize, &[u8])> = (0..fragments)
                .filter(|i| order >> (i % 64) & 1 == 1)
                .map(|i| (i, sources[i].as_slice()))
                .collect();
            let missing = fragments - came.len();
            let first = (order >> 7) as usize % (MAX_ROWS - missing + 1);
            let rows: Vec<(usize, &[u8])> =
                (first..first + missing).map(|row| (row, repairs[row].as_slice())).collect();
            let found = code.recover(&came, &rows).unwrap();
            prop_assert_eq!(found.len(), missing);
            for (place, bytes) in found {
                prop_assert_eq!(&bytes, &sources[place]);
            }
            if missing > 0 {
                prop_assert!(code.recover(&came, &rows[1..]).is_none());
            }
        }
    }

    #[test]
    fn nonsense_is_no_recovery() {
        let code = BlockCode {
            fragments: 2,
            length: 1,
        };
        assert_eq!(code.recover(&[], &[(3, &[1]), (3, &[1])]), None);
        assert_eq!(code.recover(&[(5, &[1])], &[(0, &[1]), (1, &[1])]), None);
        assert_eq!(code.recover(&[], &[(0, &[1]), (128, &[1])]), None);
    }
}
