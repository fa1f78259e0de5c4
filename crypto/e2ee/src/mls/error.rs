//! What the ciphers of a suite can fail with.

use mls_rs_core::error::IntoAnyError;
use smrtc_crypto::self_test::SelfTestFailed;

use crate::rng::RngError;

/// Why an operation of a cipher suite failed. It says nothing about the secret it failed on.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CipherError {
    /// No randomness.
    #[error("no randomness")]
    Random(#[from] RngError),
    /// A public key that is not a point of the curve, or not in the uncompressed form.
    #[error("invalid public key")]
    PublicKey,
    /// A secret key out of range.
    #[error("invalid secret key")]
    SecretKey,
    /// A key, nonce or output of a length that the suite does not have.
    #[error("wrong length")]
    Length,
    /// A signature, tag or encapsulation did not verify.
    #[error("authentication failed")]
    Authentication,
    /// An algorithm gave a wrong known answer; it refuses to work until the process ends.
    #[error("self-test failed")]
    SelfTest,
}

impl From<SelfTestFailed> for CipherError {
    fn from(_: SelfTestFailed) -> Self {
        Self::SelfTest
    }
}

impl IntoAnyError for CipherError {
    fn into_dyn_error(self) -> Result<Box<dyn std::error::Error + Send + Sync>, Self> {
        Ok(self.into())
    }
}
