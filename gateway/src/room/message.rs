use bytes::Bytes;
use smrtc_engine::control::{
    encode_in_pieces,
    v1::{ServerMessage, server_message::Body},
};

/// A message as it goes on a control stream, its length first. Clones share the bytes: whoever
/// tells many encodes once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedMessage {
    head: Bytes,
    /// A large last field; empty if there is none.
    tail: Bytes,
}

impl EncodedMessage {
    /// Encodes a message that answers request `reply_to`, or none if that is 0.
    #[must_use]
    pub fn new(reply_to: u32, body: Body) -> Self {
        let body = Some(body);
        let (head, tail) = encode_in_pieces(&ServerMessage { reply_to, body });
        Self { head, tail }
    }

    /// The bytes, in one piece or two.
    pub fn into_pieces(self) -> impl Iterator<Item = Bytes> {
        [self.head, self.tail]
            .into_iter()
            .filter(|piece| !piece.is_empty())
    }

    /// The message that its receiver reads.
    #[cfg(test)]
    pub(crate) fn decode(self) -> ServerMessage {
        let mut framer = smrtc_engine::control::Framer::new();
        for piece in self.into_pieces() {
            framer.push(&piece);
        }
        let message = framer.next_message().expect("a message of ours");
        message.expect("it is whole")
    }
}
