//! Why a half could not be set up or used. What the network does wrong is counted by the engine and
//! is no error here.

use smrtc_e2ee::SenderKeyError;
use smrtc_e2ee::mls::IdentityError;

/// Why a half was not made, or has no session. The host tells the user; repeating the call does not
/// help.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// The secret that all participants share is shorter than 16 or longer than 64 bytes.
    #[error("the key must have 16 to 64 bytes")]
    KeyLength,
    /// The source of randomness failed, or a self-test did: nothing can be sealed.
    #[error("no sealing key: {0}")]
    SenderKey(#[from] SenderKeyError),
    /// The signature key does not belong to the suite, or not to the certificate.
    #[error("identity: {0}")]
    Identity(#[from] IdentityError),
    /// There is a certificate but not the key that it certifies.
    #[error("a certificate without its key")]
    CertificateWithoutKey,
    /// libopus or the processing of audio did not start: there is no memory.
    #[error("the audio encoder did not start")]
    Audio,
}

/// There is no session with the gateway, or it has not answered Join yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no session")]
pub struct NoSession;
