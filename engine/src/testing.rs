//! Packets for the unit tests of this module.

use std::time::Duration;

use crate::time::MediaTime;
use crate::wire::media::{FrameHeader, MediaKind, MediaPacket};

pub(crate) const SENDER: u32 = 7;

/// A video frame of 30 per second; a key frame if `distance` is 0.
pub(crate) fn video(frame_id: u32, distance: u16) -> FrameHeader {
    FrameHeader {
        key: distance == 0,
        discardable: false,
        reserved_flags: 0,
        media_kind: MediaKind::Video,
        track: 1,
        spatial: 0,
        temporal: 0,
        sender: SENDER,
        frame_id,
        reference_distance: distance,
        media_time: MediaTime::from_micros(1_000_000) + Duration::from_micros(33_333) * frame_id,
    }
}

/// An audio frame of 20 ms.
pub(crate) fn audio(frame_id: u32) -> FrameHeader {
    FrameHeader {
        media_kind: MediaKind::Audio,
        track: 0,
        key: true,
        media_time: MediaTime::from_micros(1_000_000) + Duration::from_millis(20) * frame_id,
        ..video(frame_id, 0)
    }
}

pub(crate) fn packet(
    header: FrameHeader,
    index: u16,
    count: u16,
    payload: &[u8],
) -> MediaPacket<'_> {
    MediaPacket {
        rtx: false,
        transport_seq: 0,
        fragment_index: index,
        fragment_count: count,
        header,
        metadata: header.metadata(),
        payload,
    }
}
