//! The one place where the engine and the keys meet: frames are sealed on their way into the engine
//! and opened on their way out.
//!
//! SFrame's `metadata` is the immutable part of the media header. A frame that was moved,
//! relabelled or replayed therefore does not open (`engine/WIRE.md`).
//!
//! Both happen where the frame lies. The encoder writes behind the room that a [`FrameBuffer`]
//! leaves for the header, and the buffer becomes the sealed frame. An opened frame goes through the
//! jitter buffer with header and tag still around it; [`text_of`] says where the decoder reads.

use std::ops::Range;

use smrtc_e2ee::sframe::{Header, KeyStore, Kid, MAX_OVERHEAD_BYTES, OpenError, SealError, Sealer};
use smrtc_e2ee::{KeyProvider, Rng};
use smrtc_engine::error::InputError;
use smrtc_engine::recv::OpenFailure;
use smrtc_engine::send::{FrameParams, Uplink, UplinkInput};
use smrtc_engine::time::Instant;
use smrtc_engine::wire::media::FrameHeader;

use crate::SetupError;

/// A sealer under a key that was never used before. Each session takes one, so that a key and a
/// counter never meet twice.
///
/// # Errors
///
/// [`SetupError::SenderKey`] without randomness or without a key.
pub(crate) fn fresh_sealer(
    provider: &mut dyn KeyProvider,
    rng: &mut dyn Rng,
) -> Result<Sealer, SetupError> {
    Ok(Sealer::from_provider(provider, rng)?)
}

/// An encoded frame that is not sealed yet, with room for the SFrame header in front and capacity
/// for the tag behind.
#[derive(Debug, Default)]
pub struct FrameBuffer {
    bytes: Vec<u8>,
    room: usize,
}

impl FrameBuffer {
    /// Zeros of `text_bytes`, for the encoder to write over.
    pub(crate) fn with_length(sealer: Option<&Sealer>, text_bytes: usize) -> Self {
        let room = sealer.map_or(0, Sealer::header_bytes);
        let mut bytes = Vec::with_capacity(text_bytes + MAX_OVERHEAD_BYTES);
        bytes.resize(room + text_bytes, 0);
        Self { bytes, room }
    }

    /// The encoded frame, for the encoder to write.
    pub fn text_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[self.room..]
    }
}

/// For small frames that were made without room in front: sealing moves their text once.
impl From<Vec<u8>> for FrameBuffer {
    fn from(bytes: Vec<u8>) -> Self {
        Self { bytes, room: 0 }
    }
}

/// Why a frame was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The engine does not take the frame: its track is unknown, or it is empty or too large.
    #[error(transparent)]
    Engine(#[from] InputError),
    /// The sealer refused it; see [`SealError`].
    #[error(transparent)]
    Seal(#[from] SealError),
}

/// Seals one encoded frame and hands it to the engine.
///
/// # Errors
///
/// [`SendError`]; the frame was not sent.
pub(crate) fn seal(
    uplink: &mut Uplink,
    sealer: &mut Sealer,
    now: Instant,
    track: u8,
    params: FrameParams,
    frame: FrameBuffer,
) -> Result<(), SendError> {
    let header = uplink.begin_frame(track, params)?;
    let FrameBuffer {
        bytes: mut sealed,
        room,
    } = frame;
    sealer.seal_in_place(&header.metadata(), &mut sealed, room)?;
    uplink.handle_input(now, UplinkInput::Frame { header, sealed })?;
    Ok(())
}

/// The KID of a sealed frame; none if it has no header.
pub(crate) fn kid_of(frame: &[u8]) -> Option<Kid> {
    Header::parse(frame).ok().map(|(header, _)| header.kid)
}

/// Opens one frame where it lies; returns the KID it was sealed under.
///
/// # Errors
///
/// [`OpenError`]; the frame is dropped.
pub(crate) fn open<P: KeyProvider>(
    keys: &mut KeyStore<P>,
    header: &FrameHeader,
    frame: &mut [u8],
) -> Result<u64, OpenError> {
    Ok(keys.open(&header.metadata(), frame)?.kid.0)
}

/// Where the text of an opened frame lies in it: behind the header, before the tag.
pub(crate) fn text_of(opened: &[u8]) -> Range<usize> {
    // Only what was opened gets here, and a frame without a header does not open.
    let start = Header::parse(opened).map_or(opened.len(), |(_, length)| length);
    let end = opened.len().saturating_sub(TAG_BYTES);
    start..end.max(start)
}

/// The engine's word for why a frame was not opened.
pub(crate) fn open_failure(error: OpenError) -> OpenFailure {
    match error {
        OpenError::Malformed => OpenFailure::Malformed,
        OpenError::UnknownKid(_) => OpenFailure::UnknownKey,
        // One in four is tried, and says what is wrong.
        OpenError::Throttled => OpenFailure::NotTried,
        OpenError::Replayed => OpenFailure::Replayed,
        OpenError::Authentication => OpenFailure::Authentication,
        _ => OpenFailure::Unavailable,
    }
}

const TAG_BYTES: usize = smrtc_crypto::aead::TAG_BYTES;

#[cfg(test)]
mod tests {
    use super::*;
    use smrtc_e2ee::sframe::CipherSuite;
    use smrtc_e2ee::{ExternalKey, OsRng};

    const METADATA: [u8; 20] = [
        0x10, 2, 0, 0, 0, 0, 0, 7, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0,
    ];

    #[test]
    fn a_frame_is_sealed_and_opened_where_it_lies() {
        let secret = [7; 32];
        let mut provider = ExternalKey::new(CipherSuite::Sm4GcmSm3, &secret).unwrap();
        let mut sealer = fresh_sealer(&mut provider, &mut OsRng).unwrap();
        let mut keys = KeyStore::new(Box::new(provider));
        let header = FrameHeader::from_metadata(&METADATA).unwrap();
        let text: Vec<u8> = (0..5_000).map(|i| i as u8).collect();

        let mut frame = FrameBuffer::with_length(Some(&sealer), text.len());
        frame.text_mut().copy_from_slice(&text);
        let (start, written) = (
            frame.bytes.as_ptr().addr(),
            frame.text_mut().as_ptr().addr(),
        );
        let FrameBuffer { mut bytes, room } = frame;
        sealer
            .seal_in_place(&header.metadata(), &mut bytes, room)
            .unwrap();
        assert_eq!(bytes.as_ptr().addr(), start, "the frame was moved");
        assert_ne!(bytes[room..][..text.len()], text);

        open(&mut keys, &header, &mut bytes).unwrap();
        let read = text_of(&bytes);
        assert_eq!(bytes[read.clone()], text);
        assert_eq!(bytes[read].as_ptr().addr(), written, "the text was moved");
    }

    #[test]
    fn nothing_of_what_is_no_frame_is_read() {
        for length in 0..20 {
            assert!(text_of(&vec![0xff; length]).is_empty());
        }
    }
}
