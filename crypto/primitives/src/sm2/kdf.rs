//! The key derivation function of SM2 (GB/T 32918.4-2016 §5.4.3): SM3(Z ‖ 1) ‖ SM3(Z ‖ 2) ‖ …

use alloc::vec::Vec;

use crate::hash::Hash;
use crate::secret::Secret;

/// `len` bytes derived from the concatenation of `z`; `None` if they are all zero, or none at all.
///
/// GB/T 32918.4 refuses an all-zero stream, since it would leave the message as it is. The time
/// depends on the lengths only. `len` must be below 2^32 hash outputs; the callers' limits are far
/// below.
pub(crate) fn derive(z: &[&[u8]], len: usize) -> Option<Secret> {
    let mut out = Secret::zeroed(len);
    let mut any_bit = 0;
    for (chunk, counter) in out.expose_mut().chunks_mut(32).zip(1u32..) {
        let counter = counter.to_be_bytes();
        let mut parts: Vec<&[u8]> = z.to_vec();
        parts.push(&counter);
        let block = Hash::Sm3.digest(&parts);
        chunk.copy_from_slice(&block.as_bytes()[..chunk.len()]);
        any_bit = chunk.iter().fold(any_bit, |bits, byte| bits | byte);
    }
    (any_bit != 0).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_from_one_and_cuts_the_last_block() {
        let stream = derive(&[b"shared", b"point"], 40).unwrap();
        let first = Hash::Sm3.digest(&[b"sharedpoint\0\0\0\x01"]);
        let second = Hash::Sm3.digest(&[b"sharedpoint\0\0\0\x02"]);
        assert_eq!(stream.expose()[..32], *first.as_bytes());
        assert_eq!(stream.expose()[32..], second.as_bytes()[..8]);
    }

    #[test]
    fn refuses_a_stream_of_zeros() {
        // SM3 gives a first byte of zero for about one input of 256.
        let (zero, other): (Vec<u32>, Vec<u32>) = (0..4096u32).partition(|z| {
            Hash::Sm3
                .digest(&[&z.to_be_bytes(), &[0, 0, 0, 1]])
                .as_bytes()[0]
                == 0
        });
        assert!(!zero.is_empty() && !other.is_empty());
        assert!(
            zero.iter()
                .all(|z| derive(&[&z.to_be_bytes()], 1).is_none())
        );
        assert!(
            other
                .iter()
                .all(|z| derive(&[&z.to_be_bytes()], 1).is_some())
        );
        assert!(derive(&[b"z"], 0).is_none());
    }
}
