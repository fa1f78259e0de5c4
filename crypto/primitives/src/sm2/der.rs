//! The little of DER (X.690) that SM2 needs: SEQUENCE, INTEGER from 0 to 2^256 − 1, OCTET STRING.
//!
//! Strict: one encoding for each value, so no length in a longer form than needed, no needless
//! leading zero, no negative number, nothing behind the end.

use alloc::vec::Vec;

/// Reads values from the front of a slice.
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Opens the SEQUENCE that `der` is, whole.
    pub(super) fn sequence(der: &'a [u8]) -> Option<Self> {
        let mut outer = Self(der);
        let content = outer.value(SEQUENCE)?;
        outer.end()?;
        Some(Self(content))
    }

    /// An INTEGER from 0 to 2^256 − 1, big-endian.
    pub(super) fn integer(&mut self) -> Option<[u8; 32]> {
        let content = self.value(INTEGER)?;
        let magnitude = match content {
            [] => return None,
            [0] => content,
            [0, rest @ ..] if rest[0] >= 0x80 => rest,
            [first, ..] if *first != 0 && *first < 0x80 => content,
            _ => return None,
        };
        let mut number = [0; 32];
        number[32usize.checked_sub(magnitude.len())?..].copy_from_slice(magnitude);
        Some(number)
    }

    pub(super) fn octet_string(&mut self) -> Option<&'a [u8]> {
        self.value(OCTET_STRING)
    }

    /// Nothing is left.
    pub(super) fn end(&self) -> Option<()> {
        self.0.is_empty().then_some(())
    }

    fn value(&mut self, tag: u8) -> Option<&'a [u8]> {
        let (len, rest) = match *self.0 {
            [found, len @ 0..=0x7f, ref rest @ ..] if found == tag => (usize::from(len), rest),
            [found, 0x81, len @ 0x80..=0xff, ref rest @ ..] if found == tag => {
                (usize::from(len), rest)
            }
            [found, 0x82, high @ 1..=0xff, low, ref rest @ ..] if found == tag => {
                (usize::from(high) << 8 | usize::from(low), rest)
            }
            [found, 0x83, high @ 1..=0xff, middle, low, ref rest @ ..] if found == tag => {
                let len = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
                (len, rest)
            }
            // Longer than anything that belongs here.
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(len)?;
        self.0 = rest;
        Some(content)
    }
}

/// Appends an INTEGER, `number` big-endian.
pub(super) fn write_integer(out: &mut Vec<u8>, number: &[u8; 32]) {
    let zeros = number.iter().take_while(|byte| **byte == 0).count().min(31);
    let magnitude = &number[zeros..];
    let sign = usize::from(magnitude[0] >= 0x80);
    write_header(out, INTEGER, magnitude.len() + sign);
    out.extend(core::iter::repeat_n(0, sign));
    out.extend_from_slice(magnitude);
}

/// Appends an OCTET STRING.
pub(super) fn write_octet_string(out: &mut Vec<u8>, content: &[u8]) {
    write_header(out, OCTET_STRING, content.len());
    out.extend_from_slice(content);
}

/// A SEQUENCE of `content`.
pub(super) fn sequence(content: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(content.len() + 5);
    write_header(&mut out, SEQUENCE, content.len());
    out.extend_from_slice(content);
    out
}

fn write_header(out: &mut Vec<u8>, tag: u8, len: usize) {
    out.push(tag);
    let bytes = len.to_be_bytes();
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    if len >= 0x80 {
        out.push(0x80 | (bytes.len() - zeros) as u8);
        out.extend_from_slice(&bytes[zeros..]);
    } else {
        out.push(len as u8);
    }
}

const INTEGER: u8 = 0x02;
const OCTET_STRING: u8 = 0x04;
const SEQUENCE: u8 = 0x30;

#[cfg(test)]
mod tests {
    use super::*;

    fn integer(der: &[u8]) -> Option<[u8; 32]> {
        let mut reader = Reader(der);
        let number = reader.integer()?;
        reader.end()?;
        Some(number)
    }

    #[test]
    fn an_integer_has_one_encoding() {
        for (number, der) in [
            (0, &[2, 1, 0][..]),
            (1, &[2, 1, 1]),
            (0x7f, &[2, 1, 0x7f]),
            (0x80, &[2, 2, 0, 0x80]),
            (0x1234, &[2, 2, 0x12, 0x34]),
        ] {
            let mut bytes = [0; 32];
            bytes[30..].copy_from_slice(&u16::to_be_bytes(number));
            let mut out = Vec::new();
            write_integer(&mut out, &bytes);
            assert_eq!(out, der);
            assert_eq!(integer(der), Some(bytes));
        }
        for der in [
            &[2, 0][..],         // no content
            &[2, 2, 0, 1],       // needless zero
            &[2, 1, 0x80],       // negative
            &[2, 0x81, 1, 1],    // length too long a form
            &[2, 0x80, 1, 0, 0], // indefinite
            &[2, 2, 1],          // cut
            &[4, 1, 1],          // another tag
            &[2, 1, 1, 0],       // more behind it
        ] {
            assert_eq!(integer(der), None, "{der:02x?}");
        }
    }

    #[test]
    fn an_integer_has_at_most_256_bits() {
        let mut der = alloc::vec![2, 33, 0];
        der.extend([0xff; 32]);
        assert_eq!(integer(&der), Some([0xff; 32]));
        der[2] = 1;
        assert_eq!(integer(&der), None);
    }

    #[test]
    fn lengths_of_every_form_come_back() {
        for len in [0, 1, 127, 128, 255, 256, 65_535, 65_536] {
            let content = alloc::vec![7; len];
            let mut out = Vec::new();
            write_octet_string(&mut out, &content);
            let der = sequence(&out);
            let mut reader = Reader::sequence(&der).unwrap();
            assert_eq!(reader.octet_string(), Some(&content[..]));
            assert_eq!(reader.end(), Some(()));
        }
    }
}
