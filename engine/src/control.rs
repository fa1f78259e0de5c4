//! Control messages: the types of `proto/control.proto`, and their framing on a byte stream.
//!
//! Not what the messages mean; that is [`crate::signal`] on the client and the rooms in the
//! gateway.

mod framer;
pub mod mls;
mod plain;
mod shared_encoding;

/// The messages of `proto/control.proto`, written by `proto/generate.sh`.
pub mod v1 {
    #![allow(
        missing_docs,
        clippy::doc_markdown,
        reason = "generated; the schema documents what is not obvious"
    )]
    include!("../proto/smrtc.control.v1.rs");
}

pub use framer::{
    Framer, FramerError, MAX_MESSAGE_BYTES, MAX_MESSAGE_BYTES_BEFORE_JOIN, encode_delimited,
};
pub use shared_encoding::encode_in_pieces;
