//! Datagrams between an engine and the transport: JavaScript reads them as views of Wasm memory.

use std::collections::VecDeque;

/// Datagrams that wait for the transport, oldest first, and the one that it is reading.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    waiting: VecDeque<Vec<u8>>,
    /// Kept until the next is asked for: JavaScript has a view of it.
    reading: Vec<u8>,
}

impl Outgoing {
    pub(crate) fn push(&mut self, datagram: Vec<u8>) {
        if self.waiting.len() >= MAX_WAITING {
            self.waiting.pop_front();
        }
        self.waiting.push_back(datagram);
    }

    /// Takes the next one in hand; its length, 0 if there is none.
    pub(crate) fn advance(&mut self) -> usize {
        self.reading = self.waiting.pop_front().unwrap_or_default();
        self.reading.len()
    }

    /// Where the one in hand lies, until [`Self::advance`] or [`Self::clear`].
    pub(crate) fn address(&self) -> usize {
        self.reading.as_ptr().addr()
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

/// 150 kB, a large key frame with its repair packets, or a second of a call: where the transport takes no more, the oldest
/// are of no use to anybody, and the engine should see them lost rather than late.
const MAX_WAITING: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn datagrams_are_read_where_they_were_made() {
        let mut outgoing = Outgoing::default();
        let datagrams = [vec![1, 2, 3], vec![4, 5]];
        let addresses = datagrams.each_ref().map(|bytes| bytes.as_ptr().addr());
        for datagram in datagrams {
            outgoing.push(datagram);
        }
        assert_eq!((outgoing.advance(), outgoing.address()), (3, addresses[0]));
        assert_eq!((outgoing.advance(), outgoing.address()), (2, addresses[1]));
        assert_eq!(outgoing.advance(), 0);
    }

    #[test]
    fn a_path_that_stands_still_costs_the_oldest() {
        let mut outgoing = Outgoing::default();
        for length in 1..=MAX_WAITING + 2 {
            outgoing.push(vec![0; length]);
        }
        assert_eq!(outgoing.advance(), 3);
    }
}
