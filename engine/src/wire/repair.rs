//! Repair packets (kind 0x08): sums of the fragments of one sealed frame, from which lost ones are
//! computed.
//!
//! The first 28 bytes lie as in a media packet, so whoever forwards or numbers one handles the
//! other. The code itself is [`crate::fec`].

use super::media::{FrameHeader, MAX_FRAGMENTS, METADATA_BYTES};
use super::{Kind, MAX_DATAGRAM_BYTES, WireError, open, preamble};
use crate::fec::Blocks;

/// Length of everything before the payload, in bytes.
pub const REPAIR_HEADER_BYTES: usize = 8 + METADATA_BYTES + 4;
/// The longest fragment that a repair packet can speak for, in bytes.
pub const MAX_REPAIRED_BYTES: usize = MAX_DATAGRAM_BYTES - REPAIR_HEADER_BYTES;

/// The packet was made on the last hop, and counts there.
const FLAG_HOP: u8 = 1 << 0;

/// One repair packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RepairPacket<'a> {
    /// Made by the gateway for one subscriber: its number counts the gateway's own packets to that
    /// subscriber, and is reported as sender 0's.
    pub hop: bool,
    /// Counts with the media packets of the publisher's session, modulo 2^16.
    pub transport_seq: u16,
    /// Which of the frame's repair packets it is.
    pub repair_index: u16,
    /// How many fragments the frame has, 1 to [`MAX_FRAGMENTS`].
    pub fragment_count: u16,
    /// What [`Self::metadata`] says.
    pub header: FrameHeader,
    /// The authenticated part of the frame's header, as in its media packets.
    pub metadata: [u8; METADATA_BYTES],
    /// How many fragments, the first ones, are as long as the payload; the others are one byte
    /// shorter.
    pub long_fragments: u16,
    /// How many repair packets the frame was sent with.
    pub repair_count: u16,
    /// The sum, never empty.
    pub payload: &'a [u8],
}

impl<'a> RepairPacket<'a> {
    /// Reads a whole datagram.
    ///
    /// # Errors
    ///
    /// Any [`WireError`]; the datagram is to be counted and dropped.
    pub fn parse(datagram: &'a [u8]) -> Result<Self, WireError> {
        let (mut reader, flags) = open(datagram, Kind::Repair)?;
        let transport_seq = reader.u16()?;
        let repair_index = reader.u16()?;
        let fragment_count = reader.u16()?;
        if !(1..=MAX_FRAGMENTS).contains(&fragment_count) {
            return Err(WireError::OutOfRange("fragment_count"));
        }
        if usize::from(repair_index) >= Blocks::new(fragment_count).max_repairs() {
            return Err(WireError::OutOfRange("repair_index"));
        }
        let metadata = reader.array()?;
        let header = FrameHeader::from_metadata(&metadata)?;
        let long_fragments = reader.u16()?;
        let repair_count = reader.u16()?;
        if !(1..=fragment_count).contains(&long_fragments) {
            return Err(WireError::OutOfRange("long_fragments"));
        }
        let payload = reader.rest();
        // Fragments are never empty, not even the shorter ones.
        let least = if long_fragments < fragment_count {
            2
        } else {
            1
        };
        if payload.len() < least {
            return Err(WireError::Truncated);
        }
        Ok(Self {
            hop: flags & FLAG_HOP != 0,
            transport_seq,
            repair_index,
            fragment_count,
            header,
            metadata,
            long_fragments,
            repair_count,
            payload,
        })
    }

    /// Appends the packet to `out`. `metadata` is what is written; `header` is not looked at.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.reserve(REPAIR_HEADER_BYTES + self.payload.len());
        out.extend(preamble(Kind::Repair, u8::from(self.hop) * FLAG_HOP));
        out.extend(self.transport_seq.to_be_bytes());
        out.extend(self.repair_index.to_be_bytes());
        out.extend(self.fragment_count.to_be_bytes());
        out.extend(self.metadata);
        out.extend(self.long_fragments.to_be_bytes());
        out.extend(self.repair_count.to_be_bytes());
        out.extend(self.payload);
    }

    /// Under whose number the packet is reported: the publisher's, or 0 for the gateway's.
    pub fn reported_sender(&self) -> u32 {
        if self.hop { 0 } else { self.header.sender }
    }

    /// The length of a fragment.
    pub fn fragment_bytes(&self, index: u16) -> usize {
        self.payload.len() - usize::from(index >= self.long_fragments)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::frame_header::tests::any_header;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(header in any_header(), index in 0u16..128, count in 1u16..=MAX_FRAGMENTS, length in 2usize..60) {
            let payload = vec![7; length];
            let packet = RepairPacket {
                hop: index % 2 == 1,
                transport_seq: 0xabcd,
                repair_index: index,
                fragment_count: count,
                header,
                metadata: header.metadata(),
                long_fragments: count.div_ceil(2),
                repair_count: 300,
                payload: &payload,
            };
            let mut bytes = Vec::new();
            packet.encode(&mut bytes);
            prop_assert_eq!(RepairPacket::parse(&bytes), Ok(packet));
            for end in 0..REPAIR_HEADER_BYTES {
                prop_assert!(RepairPacket::parse(&bytes[..end]).is_err());
            }
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let mut bytes = bytes;
            let _ = RepairPacket::parse(&bytes);
            if bytes.len() > 2 {
                (bytes[0], bytes[1]) = (8, 0x10);
                let _ = RepairPacket::parse(&bytes);
            }
        }
    }

    #[test]
    fn numbers_out_of_range_are_refused() {
        let mut bytes = vec![8, 0x10, 0, 0, 0, 0, 0, 2, 0x10, 2];
        bytes.resize(28, 0);
        bytes.extend([0, 1, 0, 1, 9, 9]);
        assert!(RepairPacket::parse(&bytes).is_ok());
        let refused = |at: usize, value: u8| {
            let mut bytes = bytes.clone();
            bytes[at] = value;
            RepairPacket::parse(&bytes).is_err()
        };
        assert!(refused(5, 128), "more rows than the code has");
        assert!(refused(7, 0), "no fragments");
        assert!(refused(29, 0) && refused(29, 3), "long fragments");
        assert!(
            RepairPacket::parse(&bytes[..33]).is_err(),
            "an empty shorter fragment"
        );
    }
}
