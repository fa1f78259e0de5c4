/// What one room may hold. The worst-case memory of a room is about `participants × (queue of a
/// subscriber + tracks × packet cache)`; see [`crate::forward::Limits`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Participants in the room; default 100.
    pub participants: usize,
    /// Live tracks of one participant; default 8.
    pub tracks: usize,
    /// Tracks that one participant receives; default 256.
    pub subscriptions: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            participants: 100,
            tracks: 8,
            subscriptions: 256,
        }
    }
}

/// Longest codec string, in bytes; "av01.0.04M.10.0.110.09.16.09.0" has 31.
pub(super) const MAX_CODEC_BYTES: usize = 64;

/// Most entries of `Join.decode_codecs`.
pub(super) const MAX_CODECS: usize = 32;

/// Largest picture side, in pixels; H.264 level 6.2 and AV1 level 6 end at 8192 and 16384.
pub(super) const MAX_SIDE: u32 = 16_384;
