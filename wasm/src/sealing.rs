//! Where engine and keys meet: frames are sealed on their way into the engine and opened on their way out.
//!
//! SFrame's `metadata` is the immutable part of the media header, so a frame that is moved, relabelled or replayed does
//! not open (`engine/WIRE.md`).
//!
//! Both happen where the frame lies. The encoder writes behind the room of an [`Unsealed`], which becomes the sealed
//! frame; an opened frame goes through the jitter buffer with header and tag still around it, and [`text_of`] says where
//! the decoder has to read.

use std::ops::Range;

use smrtc_e2ee::sframe::{Header, KeyStore, Kid, MAX_OVERHEAD_BYTES, OpenError, Sealer};
use smrtc_e2ee::{ExternalKey, KeyProvider, OsRng};
use smrtc_engine::recv::OpenFailure;
use smrtc_engine::send::{FrameParams, Uplink, UplinkInput};
use smrtc_engine::time::Instant;
use smrtc_engine::wire::media::FrameHeader;

use crate::error::CallError;
use crate::js;

/// The key source that is a secret of the application's.
pub(crate) fn external_key(suite: &str, secret: &[u8]) -> Result<ExternalKey, CallError> {
    ExternalKey::new(js::suite(suite)?, secret).map_err(|_| CallError::KeyLength)
}

/// A sealer under a key that was never used before: each session takes one.
pub(crate) fn fresh_sealer(provider: &mut dyn KeyProvider) -> Result<Sealer, CallError> {
    Ok(Sealer::from_provider(provider, &mut OsRng)?)
}

/// An encoded frame with room for the header in front of it and capacity for the tag behind.
#[derive(Debug, Default)]
pub(crate) struct Unsealed {
    bytes: Vec<u8>,
    room: usize,
}

impl Unsealed {
    /// Zeros of `text_bytes`, for the encoder to write over.
    pub(crate) fn with_length(sealer: Option<&Sealer>, text_bytes: usize) -> Self {
        let room = sealer.map_or(0, Sealer::header_bytes);
        let mut bytes = Vec::with_capacity(text_bytes + MAX_OVERHEAD_BYTES);
        bytes.resize(room + text_bytes, 0);
        Self { bytes, room }
    }

    /// Where the encoder writes.
    pub(crate) fn text_address(&self) -> usize {
        self.bytes[self.room..].as_ptr().addr()
    }
}

/// For frames that are small and made without room: the text is moved once.
impl From<Vec<u8>> for Unsealed {
    fn from(bytes: Vec<u8>) -> Self {
        Self { bytes, room: 0 }
    }
}

/// Seals one encoded frame and hands it to the engine.
///
/// # Errors
///
/// A sentence for the log; the frame was not sent.
pub(crate) fn seal(
    uplink: &mut Uplink,
    sealer: &mut Sealer,
    now: Instant,
    track: u8,
    params: FrameParams,
    frame: Unsealed,
) -> Result<(), String> {
    let header = uplink
        .begin_frame(track, params)
        .map_err(|error| error.to_string())?;
    let Unsealed {
        bytes: mut sealed,
        room,
    } = frame;
    sealer
        .seal_in_place(&header.metadata(), &mut sealed, room)
        .map_err(|error| error.to_string())?;
    uplink
        .handle_input(now, UplinkInput::Frame { header, sealed })
        .map_err(|error| error.to_string())
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

    const METADATA: [u8; 20] = [
        0x10, 2, 0, 0, 0, 0, 0, 7, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0,
    ];

    #[test]
    fn a_frame_is_sealed_and_opened_where_it_lies() {
        let secret = [7; 32];
        let mut provider = external_key(CipherSuite::Sm4GcmSm3.name(), &secret).unwrap();
        let mut sealer = fresh_sealer(&mut provider).unwrap();
        let mut keys = KeyStore::new(Box::new(provider));
        let header = FrameHeader::from_metadata(&METADATA).unwrap();
        let text: Vec<u8> = (0..5_000).map(|i| i as u8).collect();

        let mut frame = Unsealed::with_length(Some(&sealer), text.len());
        frame.bytes[frame.room..].copy_from_slice(&text);
        let (start, written) = (frame.bytes.as_ptr().addr(), frame.text_address());
        let Unsealed { mut bytes, room } = frame;
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
