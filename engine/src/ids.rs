//! Names of tracks, layers, streams and frames.
//!
//! ```text
//!  TrackId   sender, track                     what a participant publishes
//!  LayerId           spatial, temporal         one layer of a track
//!  StreamId  sender, track, spatial            frames counted together: an SSRC of RFC 3550
//!  FrameId   sender, track, spatial, number    one frame of a stream
//! ```
//!
//! `sender` is the participant's number, which the gateway gives out. All of the numbers are in
//! clear in every packet ([`crate::wire::media::FrameHeader`]) and are authenticated with its
//! frame.

/// A track among all those of a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrackId {
    /// The publisher's participant number; 32 bits on the wire.
    pub sender: u32,
    /// The track's number, unique among its sender's tracks; 8 bits on the wire.
    pub number: u8,
}

impl TrackId {
    /// The track of participant `sender` with this `number`.
    #[must_use]
    pub const fn new(sender: u32, number: u8) -> Self {
        Self { sender, number }
    }

    /// The stream of one spatial layer of the track.
    #[must_use]
    pub const fn stream(self, spatial: u8) -> StreamId {
        StreamId {
            sender: self.sender,
            track: self.number,
            spatial,
        }
    }
}

/// A layer of a track. Ordered by spatial layer first: of two layers the greater is the better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LayerId {
    /// The spatial layer, 0 (smallest) to 15; the upper half of the header's `layers` byte.
    pub spatial: u8,
    /// The temporal layer, 0 (base) to 15; the lower half of that byte.
    pub temporal: u8,
}

impl LayerId {
    /// This spatial and this temporal layer.
    #[must_use]
    pub const fn new(spatial: u8, temporal: u8) -> Self {
        Self { spatial, temporal }
    }
}

/// One spatial layer of a track. Its frames have one counter, and none refers to a frame of another
/// stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId {
    /// The publisher's participant number.
    pub sender: u32,
    /// The track's number among its sender's tracks.
    pub track: u8,
    /// The spatial layer: 0 (smallest) to 15 in the header of a frame. NACKs and key-frame requests
    /// have a whole byte for it.
    pub spatial: u8,
}

impl StreamId {
    /// The track that the stream is of.
    #[must_use]
    pub const fn track_id(self) -> TrackId {
        TrackId {
            sender: self.sender,
            number: self.track,
        }
    }

    /// The frame of the stream with this `number`.
    #[must_use]
    pub const fn frame(self, number: u32) -> FrameId {
        FrameId {
            stream: self,
            number,
        }
    }
}

/// A frame of a stream.
///
/// The derived order is by `number` as an integer, for keeping frames in maps. Which of two frames
/// was sent first is what [`Self::is_before`] says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FrameId {
    /// The stream.
    pub stream: StreamId,
    /// The header's `frame_id`: counts the stream's frames modulo 2^32, from 0.
    pub number: u32,
}

impl FrameId {
    /// Whether this frame and `later` are of one stream, and this one comes first in it.
    #[must_use]
    pub fn is_before(self, later: Self) -> bool {
        self.stream == later.stream && frame_before(self.number, later.number)
    }

    /// How many frames this one lies behind `earlier`, of the same stream; modulo 2^32.
    #[must_use]
    pub const fn distance_from(self, earlier: Self) -> u32 {
        self.number.wrapping_sub(earlier.number)
    }
}

/// Whether frame number `a` comes before `b` in one stream, by the shorter way round.
#[must_use]
pub fn frame_before(a: u32, b: u32) -> bool {
    a != b && b.wrapping_sub(a) < 1 << 31
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frame_numbers_are_ordered_across_the_wrap() {
        assert!(frame_before(u32::MAX, 0));
        assert!(!frame_before(0, u32::MAX));
        assert!(!frame_before(7, 7));
    }

    #[test]
    fn frames_are_ordered_within_their_stream_alone() {
        let stream = TrackId::new(1, 2).stream(0);
        let (last, first) = (stream.frame(u32::MAX), stream.frame(1));
        assert!(last.is_before(first) && !first.is_before(last));
        assert_eq!(first.distance_from(last), 2);
        let other = TrackId::new(1, 2).stream(1).frame(1);
        assert!(!last.is_before(other) && !other.is_before(last));
    }

    #[test]
    fn a_greater_spatial_layer_is_above_every_temporal_one() {
        assert!(LayerId::new(0, 15) < LayerId::new(1, 0));
    }
}
