//! The SFrame header (RFC 9605 §4.3).
//!
//! ```text
//!  0 1 2 3 4 5 6 7
//! +-+-----+-+-----+------------+------------+
//! |X|  K  |Y|  C  |  KID ...   |  CTR ...   |
//! +-+-----+-+-----+------------+------------+
//! ```
//!
//! X = 0: K is the KID (0 to 7). X = 1: the KID follows in K + 1 bytes. Y and C do the same for
//! CTR. Only the shortest encoding is accepted, so that a frame has one header and no other.

use core::fmt;

/// Key identifier.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kid(pub u64);

impl fmt::Display for Kid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

impl fmt::Debug for Kid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Kid({self})")
    }
}

/// Counter of frames under one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ctr(pub u64);

/// The header is truncated or not minimally encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed SFrame header")]
pub struct HeaderError;

/// What a header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Which key.
    pub kid: Kid,
    /// Which frame of that key.
    pub ctr: Ctr,
}

impl Header {
    /// Parses the header at the front of `frame`, and returns it with its length in bytes.
    ///
    /// # Errors
    ///
    /// [`HeaderError`] if `frame` ends within the header or a field is longer than it need be.
    pub fn parse(frame: &[u8]) -> Result<(Self, usize), HeaderError> {
        let (&config, rest) = frame.split_first().ok_or(HeaderError)?;
        let (kid, rest) = parse_field(config >> 4, rest)?;
        let (ctr, rest) = parse_field(config & 0x0f, rest)?;
        let header = Self {
            kid: Kid(kid),
            ctr: Ctr(ctr),
        };
        Ok((header, frame.len() - rest.len()))
    }

    /// Appends the encoded header, at most [`MAX_HEADER_BYTES`].
    pub fn encode(&self, out: &mut Vec<u8>) {
        let (kid, ctr) = (Field::of(self.kid.0), Field::of(self.ctr.0));
        out.push(kid.nibble << 4 | ctr.nibble);
        out.extend_from_slice(kid.bytes());
        out.extend_from_slice(ctr.bytes());
    }
}

/// Config byte, 8 bytes of KID, 8 bytes of CTR.
pub const MAX_HEADER_BYTES: usize = 17;

/// Reads the field whose half of the config byte is `nibble`.
fn parse_field(nibble: u8, rest: &[u8]) -> Result<(u64, &[u8]), HeaderError> {
    let bits = nibble & 0x07;
    if nibble & EXTENDED == 0 {
        return Ok((bits.into(), rest));
    }
    let (bytes, rest) = rest
        .split_at_checked(usize::from(bits) + 1)
        .ok_or(HeaderError)?;
    let value = bytes
        .iter()
        .fold(0, |value, &byte| value << 8 | u64::from(byte));
    let minimal = value > MAX_INLINE && (bytes.len() == 1 || bytes[0] != 0);
    minimal.then_some((value, rest)).ok_or(HeaderError)
}

/// A field, ready to be written.
struct Field {
    nibble: u8,
    big_endian: [u8; 8],
    first: usize,
}

impl Field {
    fn of(value: u64) -> Self {
        let big_endian = value.to_be_bytes();
        if value <= MAX_INLINE {
            return Self {
                nibble: value as u8,
                big_endian,
                first: 8,
            };
        }
        let first = value.leading_zeros() as usize / 8;
        Self {
            nibble: EXTENDED | (7 - first) as u8,
            big_endian,
            first,
        }
    }

    fn bytes(&self) -> &[u8] {
        &self.big_endian[self.first..]
    }
}

/// The X or Y bit within its half of the config byte.
const EXTENDED: u8 = 0x08;

/// The greatest value that fits into K or C.
const MAX_INLINE: u64 = 7;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longer_encodings_than_needed_are_refused() {
        for frame in [
            &[0x80, 7][..],                  // KID 7 fits into K
            &[0x08, 0],                      // CTR 0 fits into C
            &[0x90, 0, 8],                   // KID 8 needs one byte
            &[0x19, 0, 0xff],                // CTR 255 needs one byte
            &[0xf0, 0, 1, 2, 3, 4, 5, 6, 7], // KID of seven bytes in eight
        ] {
            assert_eq!(Header::parse(frame), Err(HeaderError), "{frame:?}");
        }
    }

    #[test]
    fn every_truncation_is_refused() {
        let mut whole = Vec::new();
        Header {
            kid: Kid(u64::MAX),
            ctr: Ctr(1 << 40),
        }
        .encode(&mut whole);
        assert_eq!(whole.len(), 1 + 8 + 6);
        for len in 0..whole.len() {
            assert_eq!(Header::parse(&whole[..len]), Err(HeaderError));
        }
        assert!(Header::parse(&whole).is_ok());
    }

    #[test]
    fn what_parses_encodes_to_the_same_bytes() {
        let mut parsed = 0;
        for config in 0..=255u8 {
            for fill in [0x00, 0x01, 0x07, 0x08, 0xff] {
                let mut frame = [fill; MAX_HEADER_BYTES];
                frame[0] = config;
                if let Ok((header, len)) = Header::parse(&frame) {
                    let mut again = Vec::new();
                    header.encode(&mut again);
                    assert_eq!(again, frame[..len]);
                    parsed += 1;
                }
            }
        }
        assert!(parsed > 500, "only {parsed} headers parsed");
    }
}
