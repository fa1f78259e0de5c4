//! Media packets (kind 0x01): fragments of sealed frames, and the header that is authenticated with
//! each frame.
//!
//! Not the sealing: the payload is opaque here.

use super::copies::{self, Copies};
use super::{Kind, MAX_DATAGRAM_BYTES, VERSION, WireError, open, preamble, reader::Reader};
use crate::ids::{FrameId, LayerId, StreamId, TrackId};
use crate::time::MediaTime;

/// Length of the part of the header that is the SFrame `metadata`, in bytes.
pub const METADATA_BYTES: usize = 20;
/// Length of everything before the payload of a packet without extension, in bytes.
pub const HEADER_BYTES: usize = 8 + METADATA_BYTES;
/// The most payload one packet carries, in bytes.
pub const MAX_PAYLOAD_BYTES: usize = MAX_DATAGRAM_BYTES - HEADER_BYTES;
/// The most fragments a frame may have; at about 1.1 MB, above any real frame.
pub const MAX_FRAGMENTS: u16 = 1_024;
/// The highest spatial or temporal layer.
pub const MAX_LAYER: u8 = 15;

const FLAG_RTX: u8 = 1 << 0;
const FLAG_EXTENSION: u8 = 1 << 1;
const FLAG_COPIES: u8 = 1 << 2;
const FRAME_FLAG_KEY: u8 = 1 << 0;
const FRAME_FLAG_DISCARDABLE: u8 = 1 << 1;
const FRAME_FLAGS_RESERVED: u8 = 0b1100;

/// What a track carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum MediaKind {
    /// Audio.
    Audio = 1,
    /// A camera's pictures.
    Video = 2,
    /// Pictures of a screen, where sharpness counts for more than motion.
    Screen = 3,
}

impl MediaKind {
    /// Whether this is [`Self::Audio`].
    pub const fn is_audio(self) -> bool {
        matches!(self, Self::Audio)
    }
}

impl TryFrom<u8> for MediaKind {
    type Error = WireError;
    fn try_from(byte: u8) -> Result<Self, WireError> {
        match byte {
            1 => Ok(Self::Audio),
            2 => Ok(Self::Video),
            3 => Ok(Self::Screen),
            other => Err(WireError::UnknownMediaKind(other)),
        }
    }
}

/// What is known of a frame without opening it; authenticated with it, the same in all its packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FrameHeader {
    /// Decodable without any other frame.
    pub key: bool,
    /// No other frame refers to this one.
    pub discardable: bool,
    /// Bits 2 and 3 of `fflags`, in place (0, 4, 8 or 12); 0 in what we make, kept in what we
    /// receive.
    pub reserved_flags: u8,
    /// What the track carries.
    pub media_kind: MediaKind,
    /// The track's number, unique among its sender's tracks.
    pub track: u8,
    /// Spatial layer, 0 (base) to 15. Only its lower four bits are sent.
    pub spatial: u8,
    /// Temporal layer, 0 (base) to 15. Only its lower four bits are sent.
    pub temporal: u8,
    /// The participant who sends it.
    pub sender: u32,
    /// Counts the frames of a (track, spatial layer), modulo 2^32, from 0.
    pub frame_id: u32,
    /// How many frames back the newest frame lies that this one needs; 0 for a key frame and for
    /// audio.
    pub reference_distance: u16,
    /// When it was captured, on the sender's clock.
    pub media_time: MediaTime,
}

impl FrameHeader {
    /// The track that the frame is of.
    #[must_use]
    pub const fn track_id(&self) -> TrackId {
        TrackId::new(self.sender, self.track)
    }

    /// The stream that the frame is of.
    #[must_use]
    pub const fn stream_id(&self) -> StreamId {
        self.track_id().stream(self.spatial)
    }

    /// The layer of its track that the frame is of.
    #[must_use]
    pub const fn layer_id(&self) -> LayerId {
        LayerId::new(self.spatial, self.temporal)
    }

    /// The frame itself.
    #[must_use]
    pub const fn id(&self) -> FrameId {
        self.stream_id().frame(self.frame_id)
    }

    /// The bytes to authenticate with the frame: its SFrame `metadata`.
    pub fn metadata(&self) -> [u8; METADATA_BYTES] {
        let mut flags = self.reserved_flags & FRAME_FLAGS_RESERVED;
        if self.key {
            flags |= FRAME_FLAG_KEY;
        }
        if self.discardable {
            flags |= FRAME_FLAG_DISCARDABLE;
        }
        let mut bytes = [0; METADATA_BYTES];
        bytes[0] = VERSION << 4 | flags;
        bytes[1] = self.media_kind as u8;
        bytes[2] = self.track;
        bytes[3] = self.spatial << 4 | self.temporal & 0x0f;
        bytes[4..8].copy_from_slice(&self.sender.to_be_bytes());
        bytes[8..12].copy_from_slice(&self.frame_id.to_be_bytes());
        bytes[12..14].copy_from_slice(&self.reference_distance.to_be_bytes());
        bytes[14..20].copy_from_slice(&self.media_time.as_micros().to_be_bytes()[2..]);
        bytes
    }

    /// The header in `metadata`; [`Self::metadata`] of it gives the same bytes.
    ///
    /// # Errors
    ///
    /// [`WireError::Version`] and [`WireError::UnknownMediaKind`].
    pub fn from_metadata(metadata: &[u8; METADATA_BYTES]) -> Result<Self, WireError> {
        let mut reader = Reader::new(metadata);
        let version_flags = reader.u8()?;
        if version_flags >> 4 != VERSION {
            return Err(WireError::Version(version_flags >> 4));
        }
        let media_kind = MediaKind::try_from(reader.u8()?)?;
        let track = reader.u8()?;
        let layers = reader.u8()?;
        let sender = reader.u32()?;
        let frame_id = reader.u32()?;
        let reference_distance = reader.u16()?;
        let [a, b, c, d, e, f] = reader.array()?;
        Ok(Self {
            key: version_flags & FRAME_FLAG_KEY != 0,
            discardable: version_flags & FRAME_FLAG_DISCARDABLE != 0,
            reserved_flags: version_flags & FRAME_FLAGS_RESERVED,
            media_kind,
            track,
            spatial: layers >> 4,
            temporal: layers & 0x0f,
            sender,
            frame_id,
            reference_distance,
            media_time: MediaTime::from_micros(u64::from_be_bytes([0, 0, a, b, c, d, e, f])),
        })
    }
}

/// One media packet: a fragment of a sealed frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MediaPacket<'a> {
    /// Repeats an earlier packet.
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
        Self::parse_with_copies(datagram).map(|(packet, _)| packet)
    }

    /// Reads a whole datagram, and the copies of earlier frames in it.
    ///
    /// # Errors
    ///
    /// Any [`WireError`]; the datagram is to be counted and dropped.
    pub fn parse_with_copies(datagram: &'a [u8]) -> Result<(Self, Copies<'a>), WireError> {
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
        let copies = if flags & FLAG_COPIES == 0 {
            Copies::none(header)
        } else if header.media_kind.is_audio() && fragment_count == 1 {
            Copies::read(&mut reader, header)?
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

/// Makes the repetition of the media packet in `datagram`: the same bytes with RTX set, and with
/// `transport_seq` if one is given.
///
/// A publisher gives each repetition a number of its own. A gateway gives none: its subscribers
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
pub fn add_copies<'a>(
    datagram: &mut Vec<u8>,
    header: &FrameHeader,
    earlier: impl Iterator<Item = (&'a FrameHeader, &'a [u8])>,
) -> u8 {
    if datagram.len() <= HEADER_BYTES || !header.media_kind.is_audio() {
        return 0;
    }
    let count = copies::write(datagram, HEADER_BYTES, header, earlier);
    if count > 0 {
        datagram[1] |= FLAG_COPIES;
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

/// Whether the media packet in `datagram` repeats an earlier one.
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
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(crate) fn any_header() -> impl Strategy<Value = FrameHeader> {
        (
            (any::<bool>(), any::<bool>(), 0u8..4, 1u8..=3),
            (any::<u8>(), 0u8..16, 0u8..16, any::<u32>()),
            (any::<u32>(), any::<u16>(), 0..MediaTime::MODULUS),
        )
            .prop_map(|(a, b, c)| FrameHeader {
                key: a.0,
                discardable: a.1,
                reserved_flags: a.2 << 2,
                media_kind: MediaKind::try_from(a.3).unwrap(),
                track: b.0,
                spatial: b.1,
                temporal: b.2,
                sender: b.3,
                frame_id: c.0,
                reference_distance: c.1,
                media_time: MediaTime::from_micros(c.2),
            })
    }

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
    fn a_repetition_differs_in_flag_and_number_only() {
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

        #[test]
        fn metadata_survives_bit_for_bit(mut metadata in any::<[u8; METADATA_BYTES]>(), kind in 1u8..=3) {
            metadata[0] = 0x10 | metadata[0] & 0x0f;
            metadata[1] = kind;
            prop_assert_eq!(FrameHeader::from_metadata(&metadata).unwrap().metadata(), metadata);
        }
    }
}
