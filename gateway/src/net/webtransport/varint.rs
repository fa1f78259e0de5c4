//! QUIC's variable-length integers (RFC 9000 §16), and the type-length-value records that HTTP/3
//! makes of them.

use bytes::{Buf, Bytes, BytesMut};

/// Type, length and value at the front of `buffer`, taken out of it once all is there.
pub(super) fn take_tlv(buffer: &mut BytesMut) -> Option<(u64, Bytes)> {
    let (kind, kind_bytes) = parse_varint(buffer)?;
    let (length, length_bytes) = parse_varint(&buffer[kind_bytes..])?;
    let length = usize::try_from(length).ok()?;
    let header = kind_bytes + length_bytes;
    if buffer.len() - header < length {
        return None;
    }
    buffer.advance(header);
    Some((kind, buffer.split_to(length).freeze()))
}

/// A varint (RFC 9000 §16) at the front of `bytes`, and how many bytes it takes.
pub(super) fn parse_varint(bytes: &[u8]) -> Option<(u64, usize)> {
    let first = *bytes.first()?;
    let length = 1 << (first >> 6);
    let rest = bytes.get(1..length)?;
    let value = rest.iter().fold(u64::from(first & 0x3f), |value, byte| {
        value << 8 | u64::from(*byte)
    });
    Some((value, length))
}

pub(super) fn write_varint(value: u64, out: &mut Vec<u8>) {
    match value {
        0..=0x3f => out.push(value as u8),
        0x40..=0x3fff => out.extend((value as u16 | 0x4000).to_be_bytes()),
        0x4000..=0x3fff_ffff => out.extend((value as u32 | 0x8000_0000).to_be_bytes()),
        _ => out.extend((value | 0xc000_0000_0000_0000).to_be_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_of_every_length_round_trip() {
        for value in [
            0,
            0x3f,
            0x40,
            0x3fff,
            0x4000,
            0x3fff_ffff,
            0x4000_0000,
            (1 << 62) - 1,
        ] {
            let mut bytes = Vec::new();
            write_varint(value, &mut bytes);
            assert_eq!(parse_varint(&bytes), Some((value, bytes.len())));
            assert_eq!(parse_varint(&bytes[..bytes.len() - 1]), None);
        }
    }

    #[test]
    fn a_frame_is_taken_only_when_it_is_all_there() {
        let mut buffer = BytesMut::from(&[0x00, 3, 7, 8][..]);
        assert_eq!(take_tlv(&mut buffer), None);
        buffer.extend_from_slice(&[9, 0x01]);
        assert_eq!(
            take_tlv(&mut buffer),
            Some((0, Bytes::from_static(&[7, 8, 9])))
        );
        assert_eq!(&buffer[..], &[0x01]);
    }
}
