//! The interface behind which key sources plug in.

use super::header::Kid;
use super::key_schedule::BaseKey;
use super::suite::CipherSuite;
use crate::rng::{Rng, RngError};

/// Why a provider has no key to send with.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SenderKeyError {
    /// No randomness for a fresh KID.
    #[error("no randomness for a fresh KID")]
    Random(#[from] RngError),
    /// The provider has no epoch yet, or this member is not in it.
    #[error("no sending key in this epoch")]
    NoKey,
}

/// A source of SFrame base keys: an external key, an enterprise KMS, or an MLS group.
///
/// An implementation must never hand out the same (KID, base key) to two sending sessions, because
/// each starts to count its nonces at 0.
pub trait KeyProvider: Send {
    /// The suite of every key of this provider.
    fn suite(&self) -> CipherSuite;

    /// The current epoch; 0 for ever if the source knows no epochs.
    fn epoch(&self) -> u64;

    /// A key to send with from now on, under a KID that was never used with it before.
    ///
    /// # Errors
    ///
    /// [`SenderKeyError`]; there is then nothing to send with, and frames are dropped.
    fn sender_key(&mut self, rng: &mut dyn Rng) -> Result<(Kid, BaseKey), SenderKeyError>;

    /// The key to open frames of `kid` with; `None` if there is none (yet).
    ///
    /// Called for KIDs that nobody has authenticated: it must not remember them.
    fn receiver_key(&mut self, kid: Kid) -> Option<BaseKey>;

    /// The epoch that `kid` belongs to, in full; `None` if its keys are gone or not there yet.
    ///
    /// A key derived in one epoch is not used in another, though the KIDs be equal: epochs come
    /// round in a KID.
    fn receiver_epoch(&self, _kid: Kid) -> Option<u64> {
        Some(self.epoch())
    }
}

impl<P: KeyProvider + ?Sized> KeyProvider for Box<P> {
    fn suite(&self) -> CipherSuite {
        (**self).suite()
    }

    fn epoch(&self) -> u64 {
        (**self).epoch()
    }

    fn sender_key(&mut self, rng: &mut dyn Rng) -> Result<(Kid, BaseKey), SenderKeyError> {
        (**self).sender_key(rng)
    }

    fn receiver_key(&mut self, kid: Kid) -> Option<BaseKey> {
        (**self).receiver_key(kid)
    }

    fn receiver_epoch(&self, kid: Kid) -> Option<u64> {
        (**self).receiver_epoch(kid)
    }
}
