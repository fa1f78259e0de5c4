//! Repair packets of the gateway's own: each subscriber's path gets as many as it needs.
//!
//! Made on ciphertext, as the publisher's are. Those speak for the path from the publisher and end
//! here, unless the gateway itself lacks a fragment of their frame.

use smrtc_engine::{
    fec::{BlockCode, Blocks},
    wire::{
        media::{FrameHeader, MediaPacket},
        repair::{MAX_REPAIRED_BYTES, RepairPacket},
    },
};

use super::Datagram;

/// A frame that is here whole, and the sums of its fragments made so far: subscribers share them.
#[derive(Debug)]
pub struct WholeFrame {
    header: FrameHeader,
    /// Each with where its payload begins.
    fragments: Vec<(Datagram, usize)>,
    sums: Vec<Vec<u8>>,
}

impl WholeFrame {
    /// `None` if its fragments are too long to be summed within a datagram, or are no frame.
    pub(super) fn new(header: FrameHeader, fragments: Vec<Datagram>) -> Option<Self> {
        let placed = fragments.into_iter().map(|datagram| {
            let payload = MediaPacket::parse(datagram.payload()).ok()?.payload.len();
            let begin = datagram.payload().len() - payload;
            Some((datagram, begin))
        });
        let frame = Self {
            header,
            fragments: placed.collect::<Option<_>>()?,
            sums: Vec::new(),
        };
        let length = frame.fragments.first().map(|_| frame.payload(0).len())?;
        // Longer ones first, and by one byte only: what else a publisher may send cannot be told of
        // in a repair packet.
        let lengths: Vec<usize> = (0..frame.fragments.len())
            .map(|fragment| frame.payload(fragment).len())
            .collect();
        let even = lengths.is_sorted_by(|a, b| a >= b) && lengths.iter().all(|of| of + 1 >= length);
        (length <= MAX_REPAIRED_BYTES && even).then_some(frame)
    }

    /// How many packets the frame has.
    #[must_use]
    pub fn fragments(&self) -> u16 {
        u16::try_from(self.fragments.len()).unwrap_or(u16::MAX)
    }

    /// Bytes of one repair packet, about.
    pub(super) fn packet_bytes(&self) -> usize {
        self.fragments
            .first()
            .map_or(0, |(first, _)| first.payload().len())
    }

    /// The most repair packets there are.
    pub(super) fn max_repairs(&self) -> u16 {
        u16::try_from(Blocks::new(self.fragments()).max_repairs()).unwrap_or(u16::MAX)
    }

    /// Repair packet `index` of `count`, numbered for one subscriber.
    pub(super) fn repair(&mut self, index: u16, count: u16, transport_seq: u16) -> Datagram {
        while self.sums.len() <= usize::from(index) {
            let next = u16::try_from(self.sums.len()).unwrap_or(u16::MAX);
            self.sums.push(self.sum(next));
        }
        let length = self.payload(0).len();
        let long = (0..self.fragments.len())
            .filter(|&fragment| self.payload(fragment).len() == length)
            .count();
        let mut datagram = Vec::new();
        RepairPacket {
            hop: true,
            transport_seq,
            repair_index: index,
            fragment_count: self.fragments(),
            header: self.header,
            metadata: self.header.metadata(),
            long_fragments: u16::try_from(long).unwrap_or(u16::MAX),
            repair_count: count,
            payload: &self.sums[usize::from(index)],
        }
        .encode(&mut datagram);
        Datagram::copy_of(&datagram)
    }

    fn sum(&self, index: u16) -> Vec<u8> {
        let blocks = Blocks::new(self.fragments());
        let (block, row) = blocks.place(index);
        let fragments = blocks.fragments(block);
        let code = BlockCode {
            fragments: fragments.len(),
            length: self.payload(0).len(),
        };
        code.repair(fragments.map(|fragment| self.payload(fragment)), row)
    }

    fn payload(&self, fragment: usize) -> &[u8] {
        let (datagram, begin) = &self.fragments[fragment];
        &datagram.payload()[*begin..]
    }
}
