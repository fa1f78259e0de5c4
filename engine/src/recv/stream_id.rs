//! The name of one counted sequence of frames.

use crate::wire::media::FrameHeader;

/// A (sender, track, spatial layer): the frames that one `frame_id` counter numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId {
    /// The publisher's participant number.
    pub sender: u32,
    /// The publisher's track number.
    pub track: u8,
    /// The spatial layer, 0 the smallest.
    pub spatial: u8,
}

impl StreamId {
    /// The stream that a frame belongs to.
    pub fn of(header: &FrameHeader) -> Self {
        Self {
            sender: header.sender,
            track: header.track,
            spatial: header.spatial,
        }
    }
}
