//! Who a member is: a signature key under a user's name.

use std::fmt;

use mls_rs_core::crypto::SignatureSecretKey;
use mls_rs_core::identity::{BasicCredential, Credential, SigningIdentity};
use smrtc_crypto::secret::Secret;

use super::error::CipherError;
use super::suite::Suite;
use crate::rng::Rng;

/// Longest user name in bytes of UTF-8, as in a join token.
pub const MAX_USER_BYTES: usize = 128;

/// A user's signature key and the credential that names its user.
#[derive(Clone)]
pub struct Identity {
    suite: Suite,
    user: String,
    secret: Secret,
    signing: SigningIdentity,
}

/// Why there is no such identity.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// The user's name is empty or longer than [`MAX_USER_BYTES`].
    #[error("a user name has 1 to 128 bytes")]
    User,
    /// No key could be made, or the key given is none.
    #[error(transparent)]
    Key(#[from] CipherError),
}

impl Identity {
    /// A new key for `user`, under a basic credential: nobody but the gateway, which checked the join token, says that it is
    /// the user's. People compare codes to find out.
    ///
    /// # Errors
    ///
    /// [`IdentityError`].
    pub fn generate(suite: Suite, user: &str, rng: &mut dyn Rng) -> Result<Self, IdentityError> {
        let (secret, _) = suite.curve().generate(rng)?;
        Self::from_secret(suite, user, &secret)
    }

    /// The identity of a key kept from [`Self::secret`]; the caller keeps the duty to wipe the original.
    ///
    /// # Errors
    ///
    /// [`IdentityError`].
    pub fn from_secret(suite: Suite, user: &str, secret: &[u8]) -> Result<Self, IdentityError> {
        if user.is_empty() || user.len() > MAX_USER_BYTES {
            return Err(IdentityError::User);
        }
        let public = Vec::from(suite.curve().public_of(secret)?);
        let credential = Credential::Basic(BasicCredential::new(user.as_bytes().to_vec()));
        Ok(Self {
            suite,
            user: user.to_owned(),
            secret: Secret::new(secret),
            signing: SigningIdentity::new(credential, public.into()),
        })
    }

    /// The secret key, to keep for the next call: the fingerprint stays the same as long as the key does.
    pub fn secret(&self) -> &Secret {
        &self.secret
    }

    /// The user.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The suite that the key is for.
    pub fn suite(&self) -> Suite {
        self.suite
    }

    /// The public key, an uncompressed point.
    pub fn public_key(&self) -> &[u8] {
        &self.signing.signature_key
    }

    pub(super) fn signing(&self) -> &SigningIdentity {
        &self.signing
    }

    pub(super) fn signer(&self) -> SignatureSecretKey {
        SignatureSecretKey::new_slice(self.secret.expose())
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({:?}, [redacted])", self.user)
    }
}
