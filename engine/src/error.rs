//! Why an input to the uplink or the downlink was refused.
//!
//! Not the errors of parsing, which are [`WireError`], nor of the control stream.

use crate::wire::WireError;

/// Why `handle_input` did not accept an input. The session goes on in every case.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InputError {
    /// The datagram does not parse; the peer's fault. It is counted and dropped.
    #[error("malformed datagram")]
    Wire(#[from] WireError),
    /// The datagram is well formed but does not belong in this direction; the peer's fault.
    #[error("datagram kind {0:#04x} does not belong in this direction")]
    UnexpectedKind(u8),
    /// The datagram or frame names a track that is not known; often a race with its removal. Also a
    /// frame whose header names another participant.
    #[error("unknown track {0}")]
    UnknownTrack(u8),
    /// The frame needs more than 1,024 packets, or is empty; the caller's fault.
    #[error("a sealed frame of {0} bytes does not fit into packets")]
    FrameSize(usize),
    /// The packet contradicts the fragments of its frame that are already held; the peer's fault.
    #[error("contradicts earlier fragments of the frame")]
    Contradiction,
}
