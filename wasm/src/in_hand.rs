//! The datagram that JavaScript reads as a view of Wasm memory.

/// One datagram, kept until the next is taken: JavaScript has a view of it.
#[derive(Debug, Default)]
pub(crate) struct InHand(Vec<u8>);

impl InHand {
    /// Takes the next one in hand; its length, 0 if there is none.
    pub(crate) fn take(&mut self, next: Option<Vec<u8>>) -> usize {
        self.0 = next.unwrap_or_default();
        self.0.len()
    }

    /// Where the one in hand lies, until [`Self::take`].
    pub(crate) fn address(&self) -> usize {
        self.0.as_ptr().addr()
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
