//! Bytes ⇄ types for everything that travels in datagrams, as `WIRE.md` draws it.
//!
//! Stateless and zero-copy: a parsed value borrows the datagram it came from, and no bytes of any
//! origin make a parser panic. Control messages are elsewhere, in [`crate::control`].

pub mod feedback;
pub(crate) mod frame_header;
pub mod keyframe;
pub mod media;
pub mod nack;
pub mod ping;
mod reader;
pub mod redundancy;
pub mod repair;
pub mod seq;

mod close_code;

pub use close_code::CloseCode;

/// The version of the datagram formats; in the upper half of every datagram's second byte.
pub const VERSION: u8 = 1;

/// The longest datagram either side sends, in bytes, headers of this crate included.
///
/// QUIC refuses more until it has discovered a larger MTU, and Chromium drops datagrams above
/// 1,211 bytes in silence; the rest is room for what a relay or a later version adds.
pub const MAX_DATAGRAM_BYTES: usize = 1_150;

/// `entries`, each once, in their order.
fn distinct<T: Ord + Copy>(entries: impl Iterator<Item = T>) -> impl Iterator<Item = T> {
    let mut seen = std::collections::BTreeSet::new();
    entries.filter(move |entry| seen.insert(*entry))
}

/// What a datagram is, told by its first byte.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A fragment of a sealed frame: [`media::MediaPacket`].
    Media,
    /// Which packets came, and when: [`feedback::Feedback`].
    Feedback,
    /// Packets asked for again: [`nack::Nack`].
    Nack,
    /// Key frames asked for: [`keyframe::KeyFrameRequest`].
    KeyFrameRequest,
    /// [`ping::Ping`]; to be answered with a pong.
    Ping,
    /// [`ping::Pong`].
    Pong,
    /// Stands in for lost fragments of a frame: [`repair::RepairPacket`].
    Repair,
}

impl Kind {
    /// The first byte of a datagram of this kind.
    pub const fn byte(self) -> u8 {
        match self {
            Self::Media => 0x01,
            Self::Feedback => 0x02,
            Self::Nack => 0x03,
            Self::KeyFrameRequest => 0x04,
            Self::Ping => 0x05,
            Self::Pong => 0x06,
            Self::Repair => 0x08,
        }
    }
}

/// Tells what `datagram` is, without looking further than its first two bytes and its length.
///
/// # Errors
///
/// [`WireError::UnknownKind`] and [`WireError::Version`] are what a peer of a later version may
/// send: count and drop. The others mean the peer is wrong.
pub fn kind(datagram: &[u8]) -> Result<Kind, WireError> {
    let &[kind, version_flags, ..] = datagram else {
        return Err(WireError::Truncated);
    };
    if datagram.len() > MAX_DATAGRAM_BYTES {
        return Err(WireError::TooLong);
    }
    let kind = match kind {
        0x01 => Kind::Media,
        0x02 => Kind::Feedback,
        0x03 => Kind::Nack,
        0x04 => Kind::KeyFrameRequest,
        0x05 => Kind::Ping,
        0x06 => Kind::Pong,
        0x08 => Kind::Repair,
        other => return Err(WireError::UnknownKind(other)),
    };
    if version_flags >> 4 != VERSION {
        return Err(WireError::Version(version_flags >> 4));
    }
    Ok(kind)
}

/// Checks that `datagram` is of `expected` kind and returns a reader behind the first two bytes,
/// and the flags.
fn open(datagram: &[u8], expected: Kind) -> Result<(reader::Reader<'_>, u8), WireError> {
    let found = kind(datagram)?;
    if found != expected {
        return Err(WireError::UnknownKind(found.byte()));
    }
    let flags = datagram[1] & 0x0f;
    Ok((reader::Reader::new(&datagram[2..]), flags))
}

/// The first two bytes of a datagram of `kind` with `flags` in the lower half of the second.
const fn preamble(kind: Kind, flags: u8) -> [u8; 2] {
    [kind.byte(), VERSION << 4 | flags & 0x0f]
}

/// Why a datagram does not parse. Every such datagram is counted and dropped.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// It ends before its fields do.
    #[error("truncated")]
    Truncated,
    /// It is longer than [`MAX_DATAGRAM_BYTES`], or than its fields.
    #[error("too long")]
    TooLong,
    /// The first byte names no kind this version knows, or not the kind this parser is for.
    #[error("unknown kind {0:#04x}")]
    UnknownKind(u8),
    /// The datagram or its metadata is of another version.
    #[error("unknown version {0}")]
    Version(u8),
    /// `media_kind` names no kind this version knows.
    #[error("unknown media kind {0}")]
    UnknownMediaKind(u8),
    /// A field holds a value outside its range.
    #[error("value of {0} out of range")]
    OutOfRange(&'static str),
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn kind_checks_length_and_version() {
        assert_eq!(kind(&[]), Err(WireError::Truncated));
        assert_eq!(kind(&[1]), Err(WireError::Truncated));
        assert_eq!(kind(&[1, 0x10]), Ok(Kind::Media));
        assert_eq!(kind(&[1, 0x20]), Err(WireError::Version(2)));
        assert_eq!(kind(&[7, 0x10]), Err(WireError::UnknownKind(7)));
        assert_eq!(kind(&[8, 0x10]), Ok(Kind::Repair));
        let mut long = vec![0; MAX_DATAGRAM_BYTES + 1];
        (long[0], long[1]) = (1, 0x10);
        assert_eq!(kind(&long), Err(WireError::TooLong));
        assert_eq!(kind(&long[..MAX_DATAGRAM_BYTES]), Ok(Kind::Media));
    }

    proptest! {
        /// Whatever parses also reads to its end; the rest is refused, never a panic.
        #[test]
        fn parsers_take_any_bytes(first in 0u8..10, version in prop_oneof![9 => Just(1u8), 1 => any::<u8>()],
                                  rest in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut bytes = vec![first, version << 4];
            bytes.extend(rest);
            let _ = kind(&bytes);
            if let Ok(packet) = media::MediaPacket::parse(&bytes) {
                let _ = packet.header.metadata();
            }
            if let Ok(feedback) = feedback::Feedback::parse(&bytes) {
                for group in feedback.groups() {
                    prop_assert_eq!(group.packets().count(), usize::from(group.count));
                }
            }
            if let Ok(nack) = nack::Nack::parse(&bytes) {
                for entry in nack.entries() {
                    let _ = entry.fragments().count();
                }
            }
            if let Ok(request) = keyframe::KeyFrameRequest::parse(&bytes) {
                prop_assert!(request.entries().count() > 0);
            }
            let _ = ping::Ping::parse(&bytes);
            let _ = ping::Pong::parse(&bytes);
        }
    }
}
