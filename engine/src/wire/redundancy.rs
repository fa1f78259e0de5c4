//! RedundantFrames of earlier frames of audio in a media packet.
//!
//! Each is a sealed frame of its own, opened by itself; what differs from the packet's header goes
//! with it.

use core::time::Duration;

use super::frame_header::FrameHeader;
use super::reader::Reader;
use super::{MAX_DATAGRAM_BYTES, WireError};

/// The most copies in a packet.
pub const MAX_REDUNDANT_FRAMES: usize = 15;
/// Bytes that each takes beside its frame.
pub const REDUNDANT_HEADER_BYTES: usize = 6;
/// The most time between a frame and its copy: 24 bits of microseconds.
const MAX_BACK_MICROS: i64 = (1 << 24) - 1;

/// The copies in a packet, in the order they stand there. Already checked, so every one can be
/// read.
#[derive(Clone, Copy, Debug)]
pub struct RedundantFrames<'a> {
    header: FrameHeader,
    reader: Reader<'a>,
    left: u8,
}

impl<'a> RedundantFrames<'a> {
    /// Takes the copies off the front of `reader`.
    pub(super) fn read(reader: &mut Reader<'a>, header: FrameHeader) -> Result<Self, WireError> {
        let left = reader.u8()?;
        if !(1..=MAX_REDUNDANT_FRAMES).contains(&usize::from(left)) {
            return Err(WireError::OutOfRange("copies"));
        }
        let copies = Self {
            header,
            reader: *reader,
            left,
        };
        for _ in 0..left {
            read_copy(reader, &header)?;
        }
        Ok(copies)
    }

    /// No copies.
    pub(super) fn none(header: FrameHeader) -> Self {
        Self {
            header,
            reader: Reader::new(&[]),
            left: 0,
        }
    }
}

impl<'a> Iterator for RedundantFrames<'a> {
    type Item = (FrameHeader, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        read_copy(&mut self.reader, &self.header).ok()
    }
}

fn read_copy<'a>(
    reader: &mut Reader<'a>,
    header: &FrameHeader,
) -> Result<(FrameHeader, &'a [u8]), WireError> {
    let distance = reader.u8()?;
    let [a, b, c] = reader.array()?;
    let length = reader.u16()?;
    if distance == 0 || length == 0 {
        return Err(WireError::OutOfRange("copy"));
    }
    let back = u64::from(u32::from_be_bytes([0, a, b, c]));
    let copy = FrameHeader {
        frame_id: header.frame_id.wrapping_sub(distance.into()),
        media_time: header.media_time - Duration::from_micros(back),
        ..*header
    };
    Ok((copy, reader.bytes(length.into())?))
}

/// Writes the frames of `earlier` that fit as copies between the header of `datagram`, whose frame
/// is `header`, and its payload, the oldest last; returns how many. Only those that differ from it
/// in number and time alone can be copied.
pub(super) fn write<'a>(
    datagram: &mut Vec<u8>,
    at: usize,
    header: &FrameHeader,
    earlier: impl Iterator<Item = (&'a FrameHeader, &'a [u8])>,
) -> u8 {
    let (mut bytes, mut count) = (vec![0], 0u8);
    for (copy, sealed) in earlier.take(MAX_REDUNDANT_FRAMES) {
        let distance = header.frame_id.wrapping_sub(copy.frame_id);
        let back = header.media_time.micros_since(copy.media_time);
        let alike = FrameHeader {
            frame_id: header.frame_id,
            media_time: header.media_time,
            ..*copy
        };
        let (Ok(distance @ 1..), Ok(length @ 1..)) =
            (u8::try_from(distance), u16::try_from(sealed.len()))
        else {
            continue;
        };
        let room = MAX_DATAGRAM_BYTES.saturating_sub(datagram.len() + bytes.len());
        if alike != *header
            || !(0..=MAX_BACK_MICROS).contains(&back)
            || sealed.len() + REDUNDANT_HEADER_BYTES > room
        {
            continue;
        }
        bytes.push(distance);
        bytes.extend(&(back as u32).to_be_bytes()[1..]);
        bytes.extend(length.to_be_bytes());
        bytes.extend(sealed);
        count += 1;
    }
    if count > 0 {
        bytes[0] = count;
        datagram.splice(at..at, bytes);
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::MediaTime;
    use crate::wire::media::{self, HEADER_BYTES, MediaKind, MediaPacket};

    fn header(frame_id: u32) -> FrameHeader {
        FrameHeader {
            key: true,
            discardable: false,
            reserved_flags: 0,
            media_kind: MediaKind::Audio,
            track: 1,
            spatial: 0,
            temporal: 0,
            sender: 5,
            frame_id,
            reference_distance: 0,
            media_time: MediaTime::from_micros(7) + Duration::from_millis(20) * frame_id,
        }
    }

    fn packet(header: FrameHeader, payload: &[u8]) -> Vec<u8> {
        let mut datagram = Vec::new();
        MediaPacket {
            rtx: false,
            transport_seq: 9,
            fragment_index: 0,
            fragment_count: 1,
            header,
            metadata: header.metadata(),
            payload,
        }
        .encode(&mut datagram);
        datagram
    }

    #[test]
    fn copies_come_out_as_they_went_in_and_leave_the_packet_as_it_was() {
        let mut datagram = packet(header(0), b"new");
        let plain = datagram.clone();
        let earlier = [
            (header(u32::MAX), b"one".as_slice()),
            (header(u32::MAX - 3), b"four"),
        ];
        // The media time went on although the number wrapped.
        let earlier = earlier.map(|(copy, bytes)| {
            let back = header(0).frame_id.wrapping_sub(copy.frame_id);
            let media_time = header(0).media_time - Duration::from_millis(20) * back;
            (FrameHeader { media_time, ..copy }, bytes)
        });
        let written = earlier.iter().map(|(header, bytes)| (header, *bytes));
        assert_eq!(media::add_redundancy(&mut datagram, &header(0), written), 2);
        assert_eq!(
            datagram.len(),
            plain.len() + 1 + 2 * REDUNDANT_HEADER_BYTES + 7
        );
        let (with, copies) = MediaPacket::parse_with_redundancy(&datagram).unwrap();
        assert_eq!(Ok(with), MediaPacket::parse(&plain));
        assert_eq!(copies.collect::<Vec<_>>(), earlier);
    }

    #[test]
    fn what_does_not_fit_or_is_not_alike_is_left_out() {
        let mut datagram = packet(header(20), b"new");
        let other_track = FrameHeader {
            track: 2,
            ..header(18)
        };
        let large = vec![1; 1_000];
        let headers = [header(20), other_track, header(17), header(16), header(15)];
        let sealed: [&[u8]; 5] = [b"same", b"other", &large, &large, b"small"];
        let written = headers.iter().zip(sealed);
        assert_eq!(
            media::add_redundancy(&mut datagram, &header(20), written),
            2
        );
        let (_, copies) = MediaPacket::parse_with_redundancy(&datagram).unwrap();
        let ids: Vec<u32> = copies.map(|(header, _)| header.frame_id).collect();
        assert_eq!(ids, [17, 15]);
        assert!(datagram.len() <= MAX_DATAGRAM_BYTES);
    }

    #[test]
    fn nonsense_is_refused() {
        let mut datagram = packet(header(3), b"new");
        let written = [(&header(2), b"one".as_slice())];
        media::add_redundancy(&mut datagram, &header(3), written.into_iter());
        let refused = |at: usize, value: u8| {
            let mut datagram = datagram.clone();
            datagram[at] = value;
            MediaPacket::parse(&datagram).is_err()
        };
        assert!(MediaPacket::parse(&datagram).is_ok());
        assert!(
            refused(HEADER_BYTES, 0) && refused(HEADER_BYTES, 16),
            "count"
        );
        assert!(refused(HEADER_BYTES + 1, 0), "distance");
        assert!(refused(HEADER_BYTES + 5, 1), "length beyond the end");
        assert!(refused(9, 2), "video frames have no copies");
        for end in HEADER_BYTES..datagram.len() - 2 {
            assert!(MediaPacket::parse(&datagram[..end]).is_err());
        }
    }
}
