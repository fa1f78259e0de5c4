//! NACKs (kind 0x03): packets asked for again, by frame and fragment.

use super::media::MAX_FRAGMENTS;
use super::{Kind, MAX_DATAGRAM_BYTES, WireError, distinct, open, preamble, reader::Reader};
use crate::ids::{FrameId, StreamId, TrackId};

/// The most entries in one NACK.
pub const MAX_ENTRIES: usize = 64;
const ENTRY_BYTES: usize = 16;
const WHOLE_FRAME: u16 = 0xffff;
const _: () = assert!(2 + MAX_ENTRIES * ENTRY_BYTES <= MAX_DATAGRAM_BYTES);

/// Up to 32 fragments of one frame, or the whole frame, asked for again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NackEntry {
    /// The participant who sent the frame.
    pub sender: u32,
    /// The frame's track.
    pub track: u8,
    /// The frame's spatial layer.
    pub spatial: u8,
    /// The frame.
    pub frame_id: u32,
    /// The fragment that bit 0 of `mask` names; 0xFFFF for the whole frame.
    pub first_fragment: u16,
    /// Bit i asks for fragment `first_fragment + i`; 0 for the whole frame.
    pub mask: u32,
}

impl NackEntry {
    /// Asks for a frame of which nothing has come, so that its fragment count is not known.
    pub const fn whole_frame(frame: FrameId) -> Self {
        Self {
            sender: frame.stream.sender,
            track: frame.stream.track,
            spatial: frame.stream.spatial,
            frame_id: frame.number,
            first_fragment: WHOLE_FRAME,
            mask: 0,
        }
    }

    /// The track of the frame.
    #[must_use]
    pub const fn track_id(&self) -> TrackId {
        TrackId::new(self.sender, self.track)
    }

    /// The stream of the frame.
    #[must_use]
    pub const fn stream_id(&self) -> StreamId {
        self.track_id().stream(self.spatial)
    }

    /// The frame.
    #[must_use]
    pub const fn frame(&self) -> FrameId {
        self.stream_id().frame(self.frame_id)
    }

    /// Whether the whole frame is asked for.
    pub const fn is_whole_frame(&self) -> bool {
        self.first_fragment == WHOLE_FRAME
    }

    /// Whether `fragment` is asked for.
    pub const fn asks_for(&self, fragment: u16) -> bool {
        match fragment.checked_sub(self.first_fragment) {
            _ if self.is_whole_frame() => true,
            Some(bit) => bit < 32 && self.mask & (1 << bit) != 0,
            None => false,
        }
    }

    /// The last fragment that `mask`, which is not 0, names.
    const fn last_fragment(&self) -> u16 {
        self.first_fragment
            .saturating_add(31 - self.mask.leading_zeros() as u16)
    }

    /// The fragments asked for, ascending; none if the whole frame is.
    pub fn fragments(&self) -> impl Iterator<Item = u16> + use<> {
        let (first, mask) = (self.first_fragment, self.mask);
        (0u16..32)
            .filter(move |bit| mask & (1 << bit) != 0)
            .filter_map(move |bit| first.checked_add(bit))
            .filter(|&fragment| fragment < MAX_FRAGMENTS)
    }
}

/// A parsed NACK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nack<'a> {
    entries: &'a [u8],
}

impl<'a> Nack<'a> {
    /// Reads a whole datagram.
    ///
    /// # Errors
    ///
    /// Any [`WireError`]; one bad entry refuses the whole.
    pub fn parse(datagram: &'a [u8]) -> Result<Self, WireError> {
        let (reader, _) = open(datagram, Kind::Nack)?;
        let nack = Self {
            entries: reader.rest(),
        };
        if nack.entries.is_empty() || !nack.entries.len().is_multiple_of(ENTRY_BYTES) {
            return Err(WireError::Truncated);
        }
        if nack.entries.len() > MAX_ENTRIES * ENTRY_BYTES {
            return Err(WireError::TooLong);
        }
        for entry in nack.entries() {
            if entry.is_whole_frame() != (entry.mask == 0) {
                return Err(WireError::OutOfRange("mask"));
            }
            if !entry.is_whole_frame() && entry.first_fragment >= MAX_FRAGMENTS {
                return Err(WireError::OutOfRange("first_fragment"));
            }
            if !entry.is_whole_frame() && entry.last_fragment() >= MAX_FRAGMENTS {
                return Err(WireError::OutOfRange("mask"));
            }
        }
        Ok(nack)
    }

    /// The entries, at least one.
    pub fn entries(&self) -> impl Iterator<Item = NackEntry> + use<'a> {
        self.entries
            .chunks_exact(ENTRY_BYTES)
            .filter_map(|bytes| read_entry(bytes).ok())
    }

    /// The entries, each once: what is said twice is no more work.
    pub fn distinct(&self) -> impl Iterator<Item = NackEntry> + use<'a> {
        distinct(self.entries())
    }
}

fn read_entry(bytes: &[u8]) -> Result<NackEntry, WireError> {
    let mut reader = Reader::new(bytes);
    Ok(NackEntry {
        sender: reader.u32()?,
        track: reader.u8()?,
        spatial: reader.u8()?,
        frame_id: reader.u32()?,
        first_fragment: reader.u16()?,
        mask: reader.u32()?,
    })
}

/// Appends a NACK with the first [`MAX_ENTRIES`] of `entries` to `out`; nothing if there are none.
pub fn encode(entries: &[NackEntry], out: &mut Vec<u8>) {
    if entries.is_empty() {
        return;
    }
    out.extend(preamble(Kind::Nack, 0));
    for entry in entries.iter().take(MAX_ENTRIES) {
        out.extend(entry.sender.to_be_bytes());
        out.extend([entry.track, entry.spatial]);
        out.extend(entry.frame_id.to_be_bytes());
        out.extend(entry.first_fragment.to_be_bytes());
        out.extend(entry.mask.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn layout_is_the_documented_one() {
        let entry = NackEntry {
            sender: 0x0102_0304,
            track: 5,
            spatial: 6,
            frame_id: 0x0708_090a,
            first_fragment: 0x0002,
            mask: 0x8000_0001,
        };
        let mut bytes = Vec::new();
        encode(&[entry], &mut bytes);
        assert_eq!(
            bytes,
            [3, 0x10, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0, 2, 0x80, 0, 0, 1]
        );
        assert_eq!(entry.fragments().collect::<Vec<_>>(), [2, 33]);
        let asked = (0..MAX_FRAGMENTS).filter(|&fragment| entry.asks_for(fragment));
        assert_eq!(asked.collect::<Vec<_>>(), [2, 33]);
    }

    #[test]
    fn nonsense_entries_are_refused() {
        let parse = |entry: NackEntry| {
            let mut bytes = Vec::new();
            encode(&[entry], &mut bytes);
            Nack::parse(&bytes).map(|_| ())
        };
        let whole = NackEntry::whole_frame(TrackId::new(1, 2).stream(0).frame(4));
        assert_eq!(parse(whole), Ok(()));
        assert_eq!(whole.fragments().count(), 0);
        assert_eq!(
            parse(NackEntry { mask: 1, ..whole }),
            Err(WireError::OutOfRange("mask"))
        );
        assert_eq!(
            parse(NackEntry {
                first_fragment: 3,
                ..whole
            }),
            Err(WireError::OutOfRange("mask"))
        );
        assert_eq!(
            parse(NackEntry {
                first_fragment: MAX_FRAGMENTS,
                mask: 1,
                ..whole
            }),
            Err(WireError::OutOfRange("first_fragment"))
        );
        let last = NackEntry {
            first_fragment: MAX_FRAGMENTS - 1,
            mask: 1,
            ..whole
        };
        assert_eq!(parse(last), Ok(()));
        assert_eq!(last.fragments().collect::<Vec<_>>(), [MAX_FRAGMENTS - 1]);
        // Found by fuzzing: a mask that names nothing but fragments no frame has.
        let beyond = NackEntry {
            mask: 0xffff_ff08,
            ..last
        };
        assert_eq!(parse(beyond), Err(WireError::OutOfRange("mask")));
        assert_eq!(Nack::parse(&[3, 0x10]), Err(WireError::Truncated));
        assert_eq!(Nack::parse(&[3, 0x10, 0]), Err(WireError::Truncated));
    }

    #[test]
    fn what_is_asked_for_twice_is_read_once() {
        let (one, other) = (
            NackEntry::whole_frame(TrackId::new(1, 2).stream(0).frame(4)),
            NackEntry::whole_frame(TrackId::new(1, 2).stream(0).frame(3)),
        );
        let mut bytes = Vec::new();
        encode(&[one, other, one, one], &mut bytes);
        let nack = Nack::parse(&bytes).unwrap();
        assert_eq!(nack.entries().count(), 4);
        assert_eq!(nack.distinct().collect::<Vec<_>>(), [one, other]);
    }

    proptest! {
        #[test]
        fn nacks_round_trip(parts in proptest::collection::vec((any::<u32>(), any::<u8>(), 0u8..16, any::<u32>(), 0..MAX_FRAGMENTS - 31, 1u32..), 1..=MAX_ENTRIES)) {
            let entries: Vec<_> = parts.into_iter().map(|(sender, track, spatial, frame_id, first_fragment, mask)|
                NackEntry { sender, track, spatial, frame_id, first_fragment, mask }).collect();
            let mut bytes = Vec::new();
            encode(&entries, &mut bytes);
            prop_assert_eq!(Nack::parse(&bytes).unwrap().entries().collect::<Vec<_>>(), entries);
        }
    }
}
