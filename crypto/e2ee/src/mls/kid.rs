//! The KID of a frame under group keys (RFC 9605 §5.2).
//!
//! ```text
//!  63                          24 23            8 7          0
//! +------------------------------+---------------+------------+
//! | context, random per session  |  leaf index   |   epoch    |
//! +------------------------------+---------------+------------+
//! ```
//!
//! E = 8 bits of epoch, S = 16 bits of leaf index, the rest context. The context is drawn anew for
//! each sending session, so that no reload, second worker or restored state meets a key that has
//! counted from 0 before.

use crate::sframe::Kid;

/// Greatest leaf index that has a KID; a group has at most this many leaves and one.
pub const MAX_LEAF_INDEX: u32 = 0xffff;

/// The parts of a KID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct KidParts {
    /// Fresh random number of the sending session, 40 bits.
    pub(super) context: u64,
    /// The sender's leaf.
    pub(super) leaf_index: u16,
    /// Low bits of the epoch.
    pub(super) epoch: u8,
}

impl From<Kid> for KidParts {
    fn from(kid: Kid) -> Self {
        let [c0, c1, c2, c3, c4, l0, l1, epoch] = kid.0.to_be_bytes();
        Self {
            context: u64::from_be_bytes([0, 0, 0, c0, c1, c2, c3, c4]),
            leaf_index: u16::from_be_bytes([l0, l1]),
            epoch,
        }
    }
}

impl From<KidParts> for Kid {
    fn from(parts: KidParts) -> Self {
        Kid(parts.context << 24 | u64::from(parts.leaf_index) << 8 | u64::from(parts.epoch))
    }
}

/// Bytes of randomness in a context.
pub(super) const CONTEXT_BYTES: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kid_comes_apart_into_what_it_was_made_of() {
        let parts = KidParts {
            context: 0x01_23_45_67_89,
            leaf_index: 0xabcd,
            epoch: 0xef,
        };
        let kid = Kid::from(parts);
        assert_eq!(kid, Kid(0x0123_4567_89ab_cdef));
        assert_eq!(KidParts::from(kid), parts);
    }
}
