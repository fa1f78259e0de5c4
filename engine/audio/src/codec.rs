//! Opus (RFC 6716) through libopus: encoder, decoder, and what can be read off a packet without
//! decoding it.

mod decoder;
mod encoder;
mod encoder_options;
mod packet;

pub(crate) use decoder::Decoder;
pub(crate) use encoder::Encoder;
pub use encoder_options::EncoderOptions;
pub(crate) use packet::{has_lbrr, is_dtx, samples};
