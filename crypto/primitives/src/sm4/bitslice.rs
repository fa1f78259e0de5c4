//! SM4 on bit planes: many blocks at once, a gate at a time.
//!
//! A [`Plane`] holds one bit of one word of each block. It has four lanes, one for each byte of the
//! word (lane 0 the most significant), and in each lane one bit for each block:
//!
//! ```text
//! plane b of word w:   lane 0          lane 1          lane 2          lane 3
//!                    ┌───────────────┬───────────────┬───────────────┬───────────────┐
//!                    │ bit b of byte 0 of w, block 0 …│ byte 1 …      │               │
//!                    └───────────────┴───────────────┴───────────────┴───────────────┘
//! ```
//!
//! So the S-box is 111 operations for all bytes of all blocks, and the rotations of L are rotations
//! of lanes by whole lanes, or no operation at all: which plane is meant.

use core::mem;
use core::ops::{BitAnd, BitXor};

use zeroize::Zeroize;

use super::{ROUNDS, RoundKeys, circuit};

/// One bit of one word of each block; see the module.
pub(crate) trait Plane: Copy + BitXor<Output = Self> + BitAnd<Output = Self> {
    /// A plane at rest, in memory.
    type Stored: Copy + Default + Zeroize;

    fn load(stored: &Self::Stored) -> Self;

    /// The planes of a word that all blocks have in common.
    fn of_word(word: u32) -> Word<Self::Stored>;

    /// Lane j takes what lane j + 3 (mod 4) has.
    fn rotate_by_three(self) -> Self;

    /// Lane j takes what lane j + 2 (mod 4) has.
    fn rotate_by_two(self) -> Self;
}

/// The eight planes of one word, least significant first.
pub(crate) type Word<P> = [P; 8];

/// The folded round keys as planes.
pub(crate) struct RoundKeyPlanes<P: Plane>([Word<P::Stored>; ROUNDS]);

impl<P: Plane> RoundKeyPlanes<P> {
    pub(crate) fn new(round_keys: &RoundKeys) -> Self {
        let folded = round_keys.with_constants_folded();
        Self(folded.0.map(P::of_word))
    }

    /// The 32 rounds: X_0 … X_3 become X_32 … X_35.
    #[inline(always)]
    pub(crate) fn encrypt(&self, x: &mut [Word<P>; 4]) {
        // The halves change places by reference: the state stays in memory, where it does not fit
        // into registers.
        let (mut these, mut others) = x.split_at_mut(2);
        for rk in self.0.as_chunks::<2>().0 {
            let shared = xor(&others[0], &others[1]);
            let (first, second) = these.split_at_mut(1);
            round(&mut first[0], &second[0], &shared, &rk[0]);
            round(&mut second[0], &first[0], &shared, &rk[1]);
            mem::swap(&mut these, &mut others);
        }
    }
}

impl<P: Plane> Drop for RoundKeyPlanes<P> {
    fn drop(&mut self) {
        self.0
            .as_flattened_mut()
            .iter_mut()
            .for_each(Zeroize::zeroize);
    }
}

/// `target ⊕= L(τ(one ⊕ others ⊕ rk))`.
///
/// With loops and not closures: what is called here must come to lie within the caller, which alone
/// has the vector instructions.
#[inline(always)]
fn round<P: Plane>(target: &mut Word<P>, one: &Word<P>, others: &Word<P>, rk: &Word<P::Stored>) {
    let mut input = xor(one, others);
    for b in 0..8 {
        input[b] = input[b] ^ P::load(&rk[b]);
    }
    let y = circuit::inverse_map(input);

    // L(y) = y ⊕ (y <<< 2) ⊕ (y <<< 10) ⊕ (y <<< 18) ⊕ (y <<< 24). z holds the first term and the
    // last. Bit b of the three between them is bit p of three bytes: j, j + 1 and j + 2, or one
    // byte on where the 2 bits cross into the next byte. z two lanes on has two of them, j + 2 and
    // j + 1.
    let mut r = y;
    for plane in &mut r {
        *plane = plane.rotate_by_three();
    }
    let z = xor(&y, &r);
    for b in 0..8 {
        let p = (b + 6) % 8;
        let third = if b >= 2 { y[p] } else { r[p] };
        target[b] = target[b] ^ (z[b] ^ third ^ z[p].rotate_by_two());
    }
}

#[inline(always)]
fn xor<P: Plane>(a: &Word<P>, b: &Word<P>) -> Word<P> {
    let mut sum = *a;
    for i in 0..8 {
        sum[i] = sum[i] ^ b[i];
    }
    sum
}
