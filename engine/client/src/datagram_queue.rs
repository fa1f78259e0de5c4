//! Datagrams between a half and its transport.

use std::collections::VecDeque;

/// Datagrams that wait for the transport, oldest first. When it is full, the oldest is dropped.
#[derive(Debug, Default)]
pub(crate) struct DatagramQueue(VecDeque<Vec<u8>>);

impl DatagramQueue {
    pub(crate) fn push(&mut self, datagram: Vec<u8>) {
        if self.0.len() >= MAX_WAITING_DATAGRAMS {
            self.0.pop_front();
        }
        self.0.push_back(datagram);
    }

    pub(crate) fn pop(&mut self) -> Option<Vec<u8>> {
        self.0.pop_front()
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

/// Datagrams that may wait for a transport: 150 kB, a large key frame with its repair packets or a
/// second of a call. A transport that takes no more makes the oldest useless, and the engine should
/// see them lost rather than late.
pub const MAX_WAITING_DATAGRAMS: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transport_that_stands_still_costs_the_oldest() {
        let mut queue = DatagramQueue::default();
        for length in 1..=MAX_WAITING_DATAGRAMS + 2 {
            queue.push(vec![0; length]);
        }
        assert_eq!(queue.pop().map(|datagram| datagram.len()), Some(3));
    }
}
