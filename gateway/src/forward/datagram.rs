use bytes::{Bytes, BytesMut};

/// One datagram with one byte of headroom before it, shared by everybody it goes to.
///
/// HTTP/3 (RFC 9297 §2.1) puts the quarter stream id before each datagram, one zero byte for the
/// first session of a connection. Keeping that byte lets what came from one QUIC connection go to
/// all others without a copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datagram(Bytes);

impl Datagram {
    /// A copy of `payload` with the headroom byte before it.
    #[must_use]
    pub fn copy_of(payload: &[u8]) -> Self {
        let mut bytes = BytesMut::with_capacity(1 + payload.len());
        bytes.extend_from_slice(&[0]);
        bytes.extend_from_slice(payload);
        Self(bytes.freeze())
    }

    /// Takes bytes that have the zero byte already; `None` if they have not.
    #[must_use]
    pub fn from_framed(bytes: Bytes) -> Option<Self> {
        (bytes.first() == Some(&0)).then_some(Self(bytes))
    }

    /// The datagram itself.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.0[1..]
    }

    /// The zero byte and the datagram.
    #[must_use]
    pub fn framed(&self) -> &Bytes {
        &self.0
    }

    /// The datagram itself, sharing the memory.
    #[must_use]
    pub fn shared_payload(&self) -> Bytes {
        self.0.slice(1..)
    }
}

impl AsRef<[u8]> for Datagram {
    fn as_ref(&self) -> &[u8] {
        self.payload()
    }
}
