//! Where engine and keys meet: frames are sealed on their way into the engine and opened on their way out.
//!
//! SFrame's `metadata` is the immutable part of the media header, so a frame that is moved, relabelled or replayed does
//! not open (`engine/WIRE.md`).

use smrtc_e2ee::sframe::{KeyStore, OpenError, Sealer};
use smrtc_e2ee::{ExternalKey, KeyProvider, OsRng};
use smrtc_engine::recv::OpenFailure;
use smrtc_engine::send::{FrameParams, Uplink, UplinkInput};
use smrtc_engine::time::Instant;
use smrtc_engine::wire::media::FrameHeader;

use crate::error::CallError;
use crate::js;

/// The key source of this issue: a secret that the application hands over.
pub(crate) fn external_key(suite: &str, secret: &[u8]) -> Result<ExternalKey, CallError> {
    ExternalKey::new(js::suite(suite)?, secret).map_err(|_| CallError::KeyLength)
}

/// A sealer under a key that was never used before: each session takes one.
pub(crate) fn fresh_sealer(provider: &mut dyn KeyProvider) -> Result<Sealer, CallError> {
    Ok(Sealer::from_provider(provider, &mut OsRng)?)
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
    plaintext: &[u8],
) -> Result<(), String> {
    let header = uplink
        .begin_frame(track, params)
        .map_err(|error| error.to_string())?;
    let mut sealed = Vec::with_capacity(plaintext.len() + SEAL_BYTES);
    sealer
        .seal(&header.metadata(), plaintext, &mut sealed)
        .map_err(|error| error.to_string())?;
    uplink
        .handle_input(now, UplinkInput::Frame { header, sealed })
        .map_err(|error| error.to_string())
}

/// Opens one frame; what remains is the encoded frame, and the KID it was sealed under.
///
/// # Errors
///
/// [`OpenError`]; the frame is dropped.
pub(crate) fn open(
    keys: &mut KeyStore,
    header: &FrameHeader,
    mut frame: Vec<u8>,
) -> Result<(u64, Vec<u8>), OpenError> {
    let start = frame.as_ptr().addr();
    let opened = keys.open(&header.metadata(), &mut frame)?;
    let (kid, offset, length) = (
        opened.kid.0,
        opened.plaintext.as_ptr().addr() - start,
        opened.plaintext.len(),
    );
    // Within the same allocation: a move of bytes, not a second buffer.
    frame.truncate(offset + length);
    frame.drain(..offset);
    Ok((kid, frame))
}

/// The engine's word for why a frame was not opened.
pub(crate) fn open_failure(error: OpenError) -> OpenFailure {
    match error {
        OpenError::Malformed => OpenFailure::Malformed,
        // Too many wrong keys in a row are wrong keys too.
        OpenError::UnknownKid(_) | OpenError::Throttled => OpenFailure::UnknownKey,
        OpenError::Replayed => OpenFailure::Replayed,
        OpenError::Authentication => OpenFailure::Authentication,
        _ => OpenFailure::Unavailable,
    }
}

/// What SFrame adds at most: a header of 17 bytes and a tag of 16.
const SEAL_BYTES: usize = 33;
