//! Messages for many, of which the large part is the same for all and is not copied.

use prost::Message;
use prost::bytes::Bytes;

use super::encode_delimited;
use super::v1::{self, ServerMessage, server_message::Body};

/// The bytes of `message` on the stream, its length first, in two pieces; the second may be empty.
///
/// A commit, and the ratchet tree beside a Welcome or the group's state, goes to many. It is the
/// second piece, shared with `message`; only what stands before it is written anew.
pub fn encode_in_pieces(message: &ServerMessage) -> (Bytes, Bytes) {
    let Some(parts) = message.body.as_ref().and_then(parts) else {
        return (encode_delimited(message).into(), Bytes::new());
    };
    let outer = ServerMessage {
        reply_to: message.reply_to,
        body: None,
    };
    let mut inner = parts.before;
    put_key(&mut inner, parts.field);
    put_varint(&mut inner, parts.shared.len());
    let inner_bytes = inner.len() + parts.shared.len();
    let mut body = outer.encode_to_vec();
    put_key(&mut body, parts.body);
    put_varint(&mut body, inner_bytes);
    body.extend_from_slice(&inner);
    let mut head = Vec::with_capacity(body.len() + 4);
    put_varint(&mut head, body.len() + parts.shared.len());
    head.extend_from_slice(&body);
    (head.into(), parts.shared)
}

struct Parts {
    /// Number of the body among the fields of [`ServerMessage`].
    body: usize,
    /// Its fields before the shared one.
    before: Vec<u8>,
    /// Number of the shared one, which is the last.
    field: usize,
    shared: Bytes,
}

/// The parts of a message whose last field is a large one; `None` for all others.
fn parts(body: &Body) -> Option<Parts> {
    let (body, before, field, shared) = match body {
        Body::MlsGroup(group) => {
            let before = v1::MlsGroup {
                ratchet_tree: Bytes::new(),
                ..group.clone()
            };
            (34, before.encode_to_vec(), 4, &group.ratchet_tree)
        }
        // Where a group was created there is no commit, and `created` would come after it.
        Body::MlsCommitted(committed) if !committed.created => {
            let before = v1::MlsCommitted {
                commit: Bytes::new(),
                ..committed.clone()
            };
            (35, before.encode_to_vec(), 3, &committed.commit)
        }
        Body::MlsWelcome(welcome) => {
            let before = v1::MlsWelcome {
                ratchet_tree: Bytes::new(),
                ..welcome.clone()
            };
            (36, before.encode_to_vec(), 4, &welcome.ratchet_tree)
        }
        _ => return None,
    };
    (!shared.is_empty()).then(|| Parts {
        body,
        before,
        field,
        shared: shared.clone(),
    })
}

/// The key of a field that has a length.
fn put_key(out: &mut Vec<u8>, field: usize) {
    put_varint(out, field << 3 | 2);
}

fn put_varint(out: &mut Vec<u8>, value: usize) {
    // A vector grows, so there is always room.
    let _ = prost::encode_length_delimiter(value, out);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pieces_are_the_message_and_the_large_one_is_not_copied() {
        for length in [1, 127, 128, 20_000, 900 << 10] {
            let large = Bytes::from(vec![7; length]);
            let bodies = [
                Body::MlsGroup(v1::MlsGroup {
                    exists: true,
                    epoch: 300,
                    group_info: vec![1; 70].into(),
                    ratchet_tree: large.clone(),
                }),
                Body::MlsCommitted(v1::MlsCommitted {
                    epoch: 1 << 40,
                    participant_id: 9,
                    commit: large.clone(),
                    created: false,
                }),
                Body::MlsWelcome(v1::MlsWelcome {
                    epoch: 1,
                    participant_id: 1_000,
                    welcome: vec![2; 300],
                    ratchet_tree: large.clone(),
                }),
            ];
            for body in bodies {
                for reply_to in [0, 1_000] {
                    let body = Some(body.clone());
                    let message = ServerMessage { reply_to, body };
                    let (head, tail) = encode_in_pieces(&message);
                    assert_eq!(tail.as_ptr(), large.as_ptr(), "the same memory");
                    assert_eq!([head, tail].concat(), encode_delimited(&message));
                }
            }
        }
    }

    #[test]
    fn a_message_with_nothing_to_share_is_one_piece() {
        let bodies = [
            Body::Done(v1::Done {}),
            Body::MlsGroup(v1::MlsGroup::default()),
            Body::MlsCommitted(v1::MlsCommitted {
                created: true,
                ..v1::MlsCommitted::default()
            }),
        ];
        for body in bodies {
            let message = ServerMessage {
                reply_to: 5,
                body: Some(body),
            };
            let (head, tail) = encode_in_pieces(&message);
            assert!(tail.is_empty());
            assert_eq!(head, encode_delimited(&message));
        }
    }
}
