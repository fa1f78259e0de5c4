//! Media packets (kind 0x01): fragments of sealed frames, each behind the header of its frame.
//!
//! Not the sealing: the payload is opaque here.

pub use super::frame_header::{FrameHeader, MAX_LAYER, METADATA_BYTES, MediaKind};
use super::redundancy::{self, RedundantFrames};
use super::{Kind, MAX_DATAGRAM_BYTES, WireError, open, preamble};

/// Length of everything before the payload of a packet without extension, in bytes.
pub const HEADER_BYTES: usize = 8 + METADATA_BYTES;
/// The most payload one packet carries, in bytes.
pub const MAX_PAYLOAD_BYTES: usize = MAX_DATAGRAM_BYTES - HEADER_BYTES;
/// The most fragments a frame may have; at about 1.1 MB, above any real frame.
pub const MAX_FRAGMENTS: u16 = 1_024;

const FLAG_RTX: u8 = 1 << 0;
const FLAG_EXTENSION: u8 = 1 << 1;
const FLAG_REDUNDANCY: u8 = 1 << 2;

/// One media packet: a fragment of a sealed frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MediaPacket<'a> {
    /// It is a retransmission.
    pub rtx: bool,
    /// Counts the media packets of the publisher's session, modulo 2^16.
    pub transport_seq: u16,
    /// Which fragment of the frame this is, below `fragment_count`.
    pub fragment_index: u16,
    /// How many fragments the frame has, 1 to [`MAX_FRAGMENTS`].
    pub fragment_count: u16,
    /// What [`Self::metadata`] says.
    pub header: FrameHeader,
    /// The authenticated part of the header as it came.
    pub metadata: [u8; METADATA_BYTES],
    /// The fragment's bytes, never empty.
    pub payload: &'a [u8],
}

impl<'a> MediaPacket<'a> {
    /// Reads a whole datagram. An extension and copies, if there are any, are skipped.
    ///
    /// # Errors
    ///
    /// Any [`WireError`]; the datagram is to be counted and dropped.
    pub fn parse(datagram: &'a [u8]) -> Result<Self, WireError> {
        Self::parse_with_redundancy(datagram).map(|(packet, _)| packet)
    }

    /// Reads a whole datagram, and the copies of earlier frames in it.
    ///
    /// # Errors
    ///
    /// Any [`WireError`]; the datagram is to be counted and dropped.
    pub fn parse_with_redundancy(
        datagram: &'a [u8],
    ) -> Result<(Self, RedundantFrames<'a>), WireError> {
        let (mut reader, flags) = open(datagram, Kind::Media)?;
        let transport_seq = reader.u16()?;
        let fragment_index = reader.u16()?;
        let fragment_count = reader.u16()?;
        if !(1..=MAX_FRAGMENTS).contains(&fragment_count) {
            return Err(WireError::OutOfRange("fragment_count"));
        }
        if fragment_index >= fragment_count {
            return Err(WireError::OutOfRange("fragment_index"));
        }
        let metadata = reader.array()?;
        let header = FrameHeader::from_metadata(&metadata)?;
        if flags & FLAG_EXTENSION != 0 {
            let length = reader.u8()?;
            reader.bytes(usize::from(length))?;
        }
        let copies = if flags & FLAG_REDUNDANCY == 0 {
            RedundantFrames::none(header)
        } else if header.media_kind.is_audio() && fragment_count == 1 {
            RedundantFrames::read(&mut reader, header)?
        } else {
            return Err(WireError::OutOfRange("copies"));
        };
        if reader.is_empty() {
            return Err(WireError::Truncated);
        }
        let packet = Self {
            rtx: flags & FLAG_RTX != 0,
            transport_seq,
            fragment_index,
            fragment_count,
            header,
            metadata,
            payload: reader.rest(),
        };
        Ok((packet, copies))
    }

    /// Appends the packet to `out`, without an extension. `metadata` is what is written; `header`
    /// is not looked at.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.reserve(HEADER_BYTES + self.payload.len());
        out.extend(preamble(Kind::Media, u8::from(self.rtx) * FLAG_RTX));
        out.extend(self.transport_seq.to_be_bytes());
        out.extend(self.fragment_index.to_be_bytes());
        out.extend(self.fragment_count.to_be_bytes());
        out.extend(self.metadata);
        out.extend(self.payload);
    }
}

/// Makes the retransmission of the media packet in `datagram`: the same bytes with RTX set, and
/// with `transport_seq` if one is given.
///
/// A publisher gives each retransmission a number of its own. A gateway gives none: its subscribers
/// know packets by the publisher's numbers. Does nothing to what is not a media packet.
pub fn mark_rtx(datagram: &mut [u8], transport_seq: Option<u16>) {
    if datagram.len() < HEADER_BYTES || datagram[0] != Kind::Media.byte() {
        return;
    }
    datagram[1] |= FLAG_RTX;
    if let Some(seq) = transport_seq {
        datagram[2..4].copy_from_slice(&seq.to_be_bytes());
    }
}

/// Puts copies of `earlier` frames, the newest first, into a packet of audio without extension;
/// returns how many found room.
pub fn add_redundancy<'a>(
    datagram: &mut Vec<u8>,
    header: &FrameHeader,
    earlier: impl Iterator<Item = (&'a FrameHeader, &'a [u8])>,
) -> u8 {
    if datagram.len() <= HEADER_BYTES || !header.media_kind.is_audio() {
        return 0;
    }
    let count = redundancy::write(datagram, HEADER_BYTES, header, earlier);
    if count > 0 {
        datagram[1] |= FLAG_REDUNDANCY;
    }
    count
}

/// Whether the media packet in `datagram` has an extension, which [`MediaPacket::encode`] would
/// leave out.
pub fn has_extension(datagram: &[u8]) -> bool {
    datagram
        .get(1)
        .is_some_and(|flags| flags & FLAG_EXTENSION != 0)
}

/// Whether the media packet in `datagram` is a retransmission.
pub(crate) fn is_rtx(datagram: &[u8]) -> bool {
    datagram.get(1).is_some_and(|flags| flags & FLAG_RTX != 0)
}

/// Whether `datagram` is a repair packet, whose number and flags lie where a media packet has them.
pub(crate) fn is_repair(datagram: &[u8]) -> bool {
    datagram.first() == Some(&Kind::Repair.byte())
}

/// Numbers the media packet in `datagram`.
pub(crate) fn set_transport_seq(datagram: &mut [u8], transport_seq: u16) {
    if let Some(field) = datagram.get_mut(2..4) {
        field.copy_from_slice(&transport_seq.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::MediaTime;
    use crate::wire::frame_header::tests::any_header;
    use proptest::prelude::*;

    fn packet() -> Vec<u8> {
        let header = FrameHeader {
            key: true,
            discardable: false,
            reserved_flags: 0,
            media_kind: MediaKind::Video,
            track: 3,
            spatial: 1,
            temporal: 2,
            sender: 0x0102_0304,
            frame_id: 0x0506_0708,
            reference_distance: 0x090a,
            media_time: MediaTime::from_micros(0x0b0c_0d0e_0f10),
        };
        let mut out = Vec::new();
        MediaPacket {
            rtx: true,
            transport_seq: 0x1112,
            fragment_index: 0x0001,
            fragment_count: 0x0003,
            header,
            metadata: header.metadata(),
            payload: b"sealed",
        }
        .encode(&mut out);
        out
    }

    /// The drawing in WIRE.md, byte by byte.
    #[test]
    fn layout_is_the_documented_one() {
        let mut expected = vec![
            0x01, 0x11, 0x11, 0x12, 0, 1, 0, 3, // packet part
            0x11, 2, 3, 0x12, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
            16, // metadata
        ];
        expected.extend(b"sealed");
        assert_eq!(packet(), expected);
    }

    #[test]
    fn extension_is_skipped_and_must_fit() {
        let mut bytes = packet();
        bytes[1] |= FLAG_EXTENSION;
        bytes.splice(HEADER_BYTES..HEADER_BYTES, [2, 0xaa, 0xbb]);
        assert_eq!(MediaPacket::parse(&bytes).unwrap().payload, b"sealed");
        bytes[HEADER_BYTES] = 8;
        assert_eq!(MediaPacket::parse(&bytes), Err(WireError::Truncated));
        bytes[HEADER_BYTES] = 9;
        assert_eq!(MediaPacket::parse(&bytes), Err(WireError::Truncated));
    }

    #[test]
    fn values_out_of_range_are_refused() {
        let with = |at: usize, value: u8| {
            let mut bytes = packet();
            bytes[at] = value;
            MediaPacket::parse(&bytes).unwrap_err()
        };
        assert_eq!(with(7, 0), WireError::OutOfRange("fragment_count"));
        assert_eq!(with(6, 5), WireError::OutOfRange("fragment_count"));
        assert_eq!(with(5, 3), WireError::OutOfRange("fragment_index"));
        assert_eq!(with(8, 0x21), WireError::Version(2));
        assert_eq!(with(9, 0), WireError::UnknownMediaKind(0));
        assert_eq!(with(0, 2), WireError::UnknownKind(2));
        let bytes = packet();
        for length in 0..=HEADER_BYTES {
            assert_eq!(
                MediaPacket::parse(&bytes[..length]),
                Err(WireError::Truncated)
            );
        }
    }

    #[test]
    fn a_retransmission_differs_in_flag_and_number_only() {
        let mut bytes = packet();
        bytes[1] = 0x10;
        let first = MediaPacket::parse(&bytes).unwrap();
        let mut repeated = bytes.clone();
        mark_rtx(&mut repeated, Some(7));
        let second = MediaPacket::parse(&repeated).unwrap();
        assert_eq!(
            second,
            MediaPacket {
                rtx: true,
                transport_seq: 7,
                ..first
            }
        );
        mark_rtx(&mut repeated[..4], None);
        mark_rtx(&mut [], None);
    }

    proptest! {
        #[test]
        fn packets_round_trip(header in any_header(), rtx: bool, transport_seq: u16,
                              fragment_count in 1..=MAX_FRAGMENTS, index: u16,
                              payload in proptest::collection::vec(any::<u8>(), 1..MAX_PAYLOAD_BYTES)) {
            let metadata = header.metadata();
            prop_assert_eq!(FrameHeader::from_metadata(&metadata), Ok(header));
            let packet = MediaPacket {
                rtx, transport_seq, fragment_index: index % fragment_count, fragment_count,
                header, metadata, payload: &payload,
            };
            let mut bytes = Vec::new();
            packet.encode(&mut bytes);
            prop_assert_eq!(MediaPacket::parse(&bytes), Ok(packet));
        }
    }
}
