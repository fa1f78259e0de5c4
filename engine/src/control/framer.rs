//! Messages out of a byte stream: each is preceded by its length as a protobuf varint.

use prost::Message;

/// The longest message, without its length prefix, in bytes: the ratchet tree of a group of a
/// thousand takes 400 KiB.
pub const MAX_MESSAGE_BYTES: usize = 1 << 20;

/// The longest message of a client that has not joined, in bytes.
pub const MAX_MESSAGE_BYTES_BEFORE_JOIN: usize = 65_536;

/// The longest length prefix that is worth reading: 1,048,576 takes three bytes.
const MAX_PREFIX_BYTES: usize = 3;

/// Cuts a stream of bytes, however it arrives in pieces, into messages.
///
/// Push a piece, then call [`Framer::next_message`] until it yields `None`; so memory is bounded by
/// one message and one piece.
#[derive(Debug)]
pub struct Framer {
    buffer: Vec<u8>,
    /// How much of `buffer` has been handed out.
    consumed: usize,
    max_message_bytes: usize,
}

impl Default for Framer {
    fn default() -> Self {
        Self::new()
    }
}

impl Framer {
    /// An empty stream of messages of up to [`MAX_MESSAGE_BYTES`].
    pub fn new() -> Self {
        Self {
            buffer: Vec::new(),
            consumed: 0,
            max_message_bytes: MAX_MESSAGE_BYTES,
        }
    }

    /// The longest message to take from now on, in bytes; never more than [`MAX_MESSAGE_BYTES`].
    pub fn set_max_message_bytes(&mut self, bytes: usize) {
        self.max_message_bytes = bytes.min(MAX_MESSAGE_BYTES);
    }

    /// Appends bytes that came off the stream.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.consumed);
        self.consumed = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole message, `None` if more bytes are needed.
    ///
    /// # Errors
    ///
    /// Every error is final for the stream: close the session with the code that belongs to it.
    pub fn next_message<M: Message + Default>(&mut self) -> Result<Option<M>, FramerError> {
        let rest = &self.buffer[self.consumed..];
        let Some((length, prefix)) = read_length(rest)? else {
            return Ok(None);
        };
        if length > self.max_message_bytes {
            return Err(FramerError::TooLong);
        }
        let Some(body) = rest.get(prefix..prefix + length) else {
            return Ok(None);
        };
        let message = M::decode(body).map_err(|_| FramerError::Malformed)?;
        self.consumed += prefix + length;
        Ok(Some(message))
    }
}

/// The length at the front of `bytes` and how many bytes it takes; `None` if it is not all there.
fn read_length(bytes: &[u8]) -> Result<Option<(usize, usize)>, FramerError> {
    let mut length = 0;
    for (i, byte) in bytes.iter().enumerate() {
        if i == MAX_PREFIX_BYTES {
            return Err(FramerError::TooLong);
        }
        length |= usize::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 == 0 {
            return Ok(Some((length, i + 1)));
        }
    }
    Ok(None)
}

/// Why a control stream cannot be read any further.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FramerError {
    /// A message claims to be longer than it may be: close with 4413.
    #[error("control message too long")]
    TooLong,
    /// A message is not of the schema: close with 4400.
    #[error("malformed control message")]
    Malformed,
}

/// The bytes of `message` on the stream, its length first.
pub fn encode_delimited<M: Message>(message: &M) -> Vec<u8> {
    message.encode_length_delimited_to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::v1::{
        ClientMessage, Error, Join, ServerMessage, client_message, server_message,
    };
    use proptest::prelude::*;

    fn join(codecs: usize) -> ClientMessage {
        ClientMessage {
            request_id: 7,
            body: Some(client_message::Body::Join(Join {
                sdk_version: "0.1.0".into(),
                decode_codecs: vec!["vp8".into(); codecs],
            })),
        }
    }

    #[test]
    fn messages_survive_any_split_of_the_stream() {
        let messages = [join(0), join(1), join(300)];
        let stream: Vec<u8> = messages.iter().flat_map(encode_delimited).collect();
        for piece in 1..40 {
            let mut framer = Framer::new();
            let mut out = Vec::new();
            for bytes in stream.chunks(piece) {
                framer.push(bytes);
                while let Some(message) = framer.next_message::<ClientMessage>().unwrap() {
                    out.push(message);
                }
            }
            assert_eq!(out, messages);
        }
    }

    #[test]
    fn the_length_is_bounded_before_the_bytes_arrive() {
        let read = |max: usize, prefix: &[u8]| {
            let mut framer = Framer::new();
            framer.set_max_message_bytes(max);
            framer.push(prefix);
            framer.next_message::<ClientMessage>()
        };
        let before_join = MAX_MESSAGE_BYTES_BEFORE_JOIN;
        assert_eq!(read(before_join, &[0x80, 0x80, 0x04]), Ok(None), "65,536");
        assert_eq!(
            read(before_join, &[0x81, 0x80, 0x04]),
            Err(FramerError::TooLong)
        );
        for max in [MAX_MESSAGE_BYTES, usize::MAX] {
            assert_eq!(read(max, &[0x80, 0x80, 0x40]), Ok(None), "1,048,576");
            for prefix in [
                &[0x81, 0x80, 0x40][..],
                &[0xff, 0xff, 0x7f],
                &[0x80, 0x80, 0x80, 0x00],
            ] {
                assert_eq!(read(max, prefix), Err(FramerError::TooLong));
            }
        }
    }

    #[test]
    fn an_unknown_body_is_a_message_without_one() {
        let mut framer = Framer::new();
        framer.push(&[6, 0x08, 9, 0xba, 0x02, 1, 0]);
        let message: ClientMessage = framer.next_message().unwrap().unwrap();
        assert_eq!(
            message,
            ClientMessage {
                request_id: 9,
                body: None
            }
        );
    }

    #[test]
    fn a_message_that_is_not_of_the_schema_is_refused() {
        let mut framer = Framer::new();
        framer.push(&[2, 0x0a, 0xff]);
        assert_eq!(
            framer.next_message::<ServerMessage>(),
            Err(FramerError::Malformed)
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..50), 0..10)) {
            let mut framer = Framer::new();
            'stream: for piece in pieces {
                framer.push(&piece);
                loop {
                    match framer.next_message::<ServerMessage>() {
                        Ok(Some(_)) => {}
                        Ok(None) => break,
                        Err(_) => break 'stream,
                    }
                }
            }
        }

        #[test]
        fn errors_round_trip(code in 0i32..8, message in ".{0,100}", reply_to: u32) {
            let sent = ServerMessage { reply_to, body: Some(server_message::Body::Error(Error { code, message })) };
            let mut framer = Framer::new();
            framer.push(&encode_delimited(&sent));
            prop_assert_eq!(framer.next_message::<ServerMessage>(), Ok(Some(sent)));
        }
    }
}
