//! The header of a frame: in every packet of it, and authenticated with it.

use super::{VERSION, WireError, reader::Reader};
use crate::ids::{FrameId, LayerId, StreamId, TrackId};
use crate::time::MediaTime;

/// Length of a frame header, which is the SFrame `metadata`, in bytes.
pub const METADATA_BYTES: usize = 20;
/// The highest spatial or temporal layer.
pub const MAX_LAYER: u8 = 15;

const FRAME_FLAG_KEY: u8 = 1 << 0;
const FRAME_FLAG_DISCARDABLE: u8 = 1 << 1;
const FRAME_FLAGS_RESERVED: u8 = 0b1100;

/// What a track carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum MediaKind {
    /// Audio.
    Audio = 1,
    /// A camera's video frames.
    Video = 2,
    /// Video frames of a screen, where sharpness counts for more than motion.
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

    proptest! {
        #[test]
        fn metadata_survives_bit_for_bit(mut metadata in any::<[u8; METADATA_BYTES]>(), kind in 1u8..=3) {
            metadata[0] = 0x10 | metadata[0] & 0x0f;
            metadata[1] = kind;
            prop_assert_eq!(FrameHeader::from_metadata(&metadata).unwrap().metadata(), metadata);
        }
    }
}
