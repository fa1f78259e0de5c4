//! Key-frame requests (kind 0x04).

use super::{Kind, WireError, distinct, open, preamble, reader::Reader};
use crate::ids::{StreamId, TrackId};

/// The most entries in one request.
pub const MAX_ENTRIES: usize = 64;
const ENTRY_BYTES: usize = 6;

/// A layer of a track from which a key frame is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyFrameEntry {
    /// The participant who publishes the track.
    pub sender: u32,
    /// The track.
    pub track: u8,
    /// The spatial layer.
    pub spatial: u8,
}

impl KeyFrameEntry {
    /// The track.
    #[must_use]
    pub const fn track_id(&self) -> TrackId {
        TrackId::new(self.sender, self.track)
    }

    /// The stream from which a key frame is wanted.
    #[must_use]
    pub const fn stream_id(&self) -> StreamId {
        self.track_id().stream(self.spatial)
    }
}

impl From<StreamId> for KeyFrameEntry {
    fn from(stream: StreamId) -> Self {
        Self {
            sender: stream.sender,
            track: stream.track,
            spatial: stream.spatial,
        }
    }
}

/// A parsed key-frame request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyFrameRequest<'a> {
    entries: &'a [u8],
}

impl<'a> KeyFrameRequest<'a> {
    /// Reads a whole datagram.
    ///
    /// # Errors
    ///
    /// Any [`WireError`].
    pub fn parse(datagram: &'a [u8]) -> Result<Self, WireError> {
        let (reader, _) = open(datagram, Kind::KeyFrameRequest)?;
        let entries = reader.rest();
        if entries.is_empty() || !entries.len().is_multiple_of(ENTRY_BYTES) {
            return Err(WireError::Truncated);
        }
        if entries.len() > MAX_ENTRIES * ENTRY_BYTES {
            return Err(WireError::TooLong);
        }
        Ok(Self { entries })
    }

    /// The entries, at least one.
    pub fn entries(&self) -> impl Iterator<Item = KeyFrameEntry> + use<'a> {
        self.entries
            .chunks_exact(ENTRY_BYTES)
            .filter_map(|bytes| read_entry(bytes).ok())
    }

    /// The entries, each once.
    pub fn distinct(&self) -> impl Iterator<Item = KeyFrameEntry> + use<'a> {
        distinct(self.entries())
    }
}

fn read_entry(bytes: &[u8]) -> Result<KeyFrameEntry, WireError> {
    let mut reader = Reader::new(bytes);
    Ok(KeyFrameEntry {
        sender: reader.u32()?,
        track: reader.u8()?,
        spatial: reader.u8()?,
    })
}

/// Appends a request with the first [`MAX_ENTRIES`] of `entries` to `out`; nothing if there are
/// none.
pub fn encode(entries: &[KeyFrameEntry], out: &mut Vec<u8>) {
    if entries.is_empty() {
        return;
    }
    out.extend(preamble(Kind::KeyFrameRequest, 0));
    for entry in entries.iter().take(MAX_ENTRIES) {
        out.extend(entry.sender.to_be_bytes());
        out.extend([entry.track, entry.spatial]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_round_trip_in_the_documented_layout() {
        let entries = [
            KeyFrameEntry {
                sender: 0x0102_0304,
                track: 5,
                spatial: 6,
            },
            KeyFrameEntry {
                sender: 7,
                track: 8,
                spatial: 9,
            },
        ];
        let mut bytes = Vec::new();
        encode(&entries, &mut bytes);
        assert_eq!(bytes, [4, 0x10, 1, 2, 3, 4, 5, 6, 0, 0, 0, 7, 8, 9]);
        assert_eq!(
            KeyFrameRequest::parse(&bytes)
                .unwrap()
                .entries()
                .collect::<Vec<_>>(),
            entries
        );
        bytes.pop();
        assert_eq!(KeyFrameRequest::parse(&bytes), Err(WireError::Truncated));
        let mut many = Vec::new();
        encode(&[entries[0]; MAX_ENTRIES + 1], &mut many);
        assert_eq!(
            KeyFrameRequest::parse(&many).unwrap().entries().count(),
            MAX_ENTRIES
        );
        many.extend_from_within(2..8);
        assert_eq!(KeyFrameRequest::parse(&many), Err(WireError::TooLong));
    }
}
