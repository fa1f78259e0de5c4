//! Bytes that JavaScript reads as a view of Wasm memory.

use smrtc_crypto::secret::Secret;

/// A datagram or a secret, kept until the next is taken: JavaScript has a view of it.
#[derive(Debug)]
pub(crate) struct InHand<T>(Option<T>);

impl<T> Default for InHand<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: Bytes> InHand<T> {
    /// Takes the next one in hand; its length, 0 if there is none. A secret before it is wiped.
    pub(crate) fn take(&mut self, next: Option<T>) -> usize {
        self.0 = next;
        self.bytes().len()
    }

    /// Where the one in hand lies, until [`Self::take`].
    pub(crate) fn address(&self) -> usize {
        self.bytes().as_ptr().addr()
    }

    fn bytes(&self) -> &[u8] {
        self.0.as_ref().map_or(&[], T::bytes)
    }
}

/// What can be taken in hand.
pub(crate) trait Bytes {
    /// Its bytes, where they lie.
    fn bytes(&self) -> &[u8];
}

impl Bytes for Vec<u8> {
    fn bytes(&self) -> &[u8] {
        self
    }
}

impl Bytes for Secret {
    fn bytes(&self) -> &[u8] {
        self.expose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn datagrams_are_read_where_they_were_made() {
        let mut in_hand = InHand::default();
        let datagrams = [vec![1, 2, 3], vec![4, 5]];
        for datagram in datagrams {
            let made = (datagram.len(), datagram.as_ptr().addr());
            assert_eq!((in_hand.take(Some(datagram)), in_hand.address()), made);
        }
        assert_eq!(in_hand.take(None), 0);
    }
}
