//! Cuts a sealed frame into datagrams of nearly equal size.

use crate::error::InputError;
use crate::wire::media::{FrameHeader, MAX_FRAGMENTS, MediaPacket};
use crate::wire::repair::MAX_REPAIRED_BYTES;

/// The packets of one sealed frame, in order.
///
/// Sizes differ by at most one byte, the larger first: equal packets are what segmentation offload
/// wants, and no packet of a frame is worth less than another. `transport_seq` is 0 in all of them;
/// the sender sets it when one goes out.
#[derive(Clone, Debug)]
pub struct Packetizer<'a> {
    header: FrameHeader,
    metadata: [u8; 20],
    rest: &'a [u8],
    index: u16,
    count: u16,
}

impl<'a> Packetizer<'a> {
    /// Prepares to cut `sealed` into as few packets as it fits into.
    ///
    /// # Errors
    ///
    /// [`InputError::FrameSize`] if the frame is empty or needs more than 1,024 packets.
    pub fn new(header: FrameHeader, sealed: &'a [u8]) -> Result<Self, InputError> {
        Self::in_fragments(header, sealed, 1)
    }

    /// Prepares to cut `sealed` into at least `least` packets, for a code over few packets is a
    /// coarse one.
    ///
    /// # Errors
    ///
    /// As [`Self::new`].
    pub fn in_fragments(
        header: FrameHeader,
        sealed: &'a [u8],
        least: usize,
    ) -> Result<Self, InputError> {
        let fewest = sealed.len().div_ceil(MAX_REPAIRED_BYTES);
        let count = fewest.max(least.min(sealed.len()).min(usize::from(MAX_FRAGMENTS)));
        match u16::try_from(count) {
            Ok(count @ 1..=MAX_FRAGMENTS) => Ok(Self {
                header,
                metadata: header.metadata(),
                rest: sealed,
                index: 0,
                count,
            }),
            _ => Err(InputError::FrameSize(sealed.len())),
        }
    }

    /// How many packets there are in all.
    pub fn fragment_count(&self) -> u16 {
        self.count
    }
}

impl Iterator for Packetizer<'_> {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let left = usize::from(self.count - self.index);
        if left == 0 {
            return None;
        }
        // Rounding up each time puts the larger ones first.
        let (payload, rest) = self.rest.split_at(self.rest.len().div_ceil(left));
        self.rest = rest;
        let mut datagram = Vec::new();
        MediaPacket {
            rtx: false,
            transport_seq: 0,
            fragment_index: self.index,
            fragment_count: self.count,
            header: self.header,
            metadata: self.metadata,
            payload,
        }
        .encode(&mut datagram);
        self.index += 1;
        Some(datagram)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::MAX_DATAGRAM_BYTES;
    use crate::wire::frame_header::tests::any_header;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn packets_are_equal_ordered_and_make_up_the_frame(header in any_header(), length in 1usize..50_000) {
            let sealed: Vec<u8> = (0..length).map(|i| i as u8).collect();
            let packetizer = Packetizer::new(header, &sealed).unwrap();
            let count = packetizer.fragment_count();
            let datagrams: Vec<_> = packetizer.collect();
            prop_assert_eq!(datagrams.len(), usize::from(count));
            prop_assert_eq!(datagrams.len(), length.div_ceil(MAX_REPAIRED_BYTES));
            let lengths: Vec<_> = datagrams.iter().map(Vec::len).collect();
            prop_assert!(lengths.windows(2).all(|pair| pair[0] >= pair[1]));
            prop_assert!(lengths[0] - lengths[lengths.len() - 1] <= 1);
            prop_assert!(lengths[0] <= MAX_DATAGRAM_BYTES);
            let mut whole = Vec::new();
            for (index, datagram) in datagrams.iter().enumerate() {
                let packet = MediaPacket::parse(datagram).unwrap();
                prop_assert_eq!((usize::from(packet.fragment_index), packet.fragment_count), (index, count));
                prop_assert_eq!(packet.header, header);
                whole.extend_from_slice(packet.payload);
            }
            prop_assert_eq!(whole, sealed);
        }
    }

    #[test]
    fn frames_that_do_not_fit_are_refused() {
        let header = FrameHeader::from_metadata(&[
            0x10, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        ])
        .unwrap();
        let most = MAX_REPAIRED_BYTES * usize::from(MAX_FRAGMENTS);
        assert_eq!(
            Packetizer::new(header, &vec![0; most])
                .unwrap()
                .fragment_count(),
            MAX_FRAGMENTS
        );
        assert_eq!(
            Packetizer::new(header, &vec![0; most + 1]).unwrap_err(),
            InputError::FrameSize(most + 1)
        );
        assert_eq!(
            Packetizer::new(header, &[]).unwrap_err(),
            InputError::FrameSize(0)
        );
    }
}
