//! Who a member is: a signature key under a user's name.

use std::fmt;

use mls_rs_core::crypto::SignatureSecretKey;
use mls_rs_core::identity::{BasicCredential, CertificateChain, Credential, SigningIdentity};
use smrtc_crypto::secret::Secret;

use super::error::CipherError;
use super::suite::Suite;
use super::user_name::is_user;
use super::x509::{Certificate, CertificateError, MAX_CHAIN, certificate_request};
use crate::rng::Rng;

/// A user's signature key and the credential that names its user.
#[derive(Clone)]
pub struct Identity {
    suite: Suite,
    user: String,
    secret: Secret,
    signing: SigningIdentity,
    /// The second since 1970 from which all certificates of the chain are valid; 0 without one.
    valid_from: u64,
}

/// Why there is no such identity.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// The user's name is empty or longer than [`super::MAX_USER_BYTES`].
    #[error("a user name has 1 to 128 bytes")]
    User,
    /// No key could be made, or the bytes given are no key.
    #[error(transparent)]
    Key(#[from] CipherError),
    /// The certificate is not this user's, or not for this key.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
}

impl Identity {
    /// A new key for `user`, under a basic credential: nobody but the gateway, which checked the
    /// join token, says that it is the user's. People compare codes to find out.
    ///
    /// # Errors
    ///
    /// [`IdentityError`].
    pub fn generate(suite: Suite, user: &str, rng: &mut dyn Rng) -> Result<Self, IdentityError> {
        let (secret, _) = suite.curve().generate(rng)?;
        Self::from_secret(suite, user, &secret)
    }

    /// The identity of a key kept from [`Self::secret`]; the caller keeps the duty to wipe the
    /// original.
    ///
    /// # Errors
    ///
    /// [`IdentityError`].
    pub fn from_secret(suite: Suite, user: &str, secret: &[u8]) -> Result<Self, IdentityError> {
        if !is_user(user) {
            return Err(IdentityError::User);
        }
        let public = Vec::from(suite.curve().public_of(secret)?);
        let credential = Credential::Basic(BasicCredential::new(user.as_bytes().to_vec()));
        Ok(Self {
            suite,
            user: user.to_owned(),
            secret: Secret::new(secret),
            signing: SigningIdentity::new(credential, public.into()),
            valid_from: 0,
        })
    }

    /// The identity of a key that an authority has certified to be `user`'s: `chain` is the
    /// certificate of the key, then those of its issuers, each in DER, with the root or without.
    /// Whether others trust the authority is their policy's to say.
    ///
    /// # Errors
    ///
    /// [`IdentityError::Certificate`] if the first certificate is malformed, of another algorithm,
    /// for another key or of another user; else as [`Self::from_secret`].
    pub fn with_chain<T: AsRef<[u8]>>(
        suite: Suite,
        user: &str,
        secret: &[u8],
        chain: &[T],
    ) -> Result<Self, IdentityError> {
        let mut identity = Self::from_secret(suite, user, secret)?;
        if chain.len() > MAX_CHAIN {
            return Err(CertificateError::PathLength.into());
        }
        let own = chain.first().ok_or(CertificateError::Missing)?;
        let own = Certificate::parse(suite.curve(), own.as_ref())?;
        if own.public_key() != identity.public_key() {
            return Err(CertificateError::Key.into());
        }
        if own.user()? != user {
            return Err(CertificateError::User.into());
        }
        // Certificates that cannot be read are the others' to refuse: their policy may not need
        // them.
        let issuers = chain[1..]
            .iter()
            .filter_map(|der| Certificate::parse(suite.curve(), der.as_ref()).ok());
        identity.valid_from = issuers.fold(own.begins(), |latest, it| latest.max(it.begins()));
        let chain: Vec<Vec<u8>> = chain.iter().map(|der| der.as_ref().to_vec()).collect();
        identity.signing.credential = CertificateChain::from(chain).into_credential();
        Ok(identity)
    }

    /// A PKCS#10 request in DER, by which an authority may certify this key; what it answers goes
    /// into [`Self::with_chain`].
    ///
    /// # Errors
    ///
    /// [`CipherError`], for want of randomness or by a failed self-test.
    pub fn certificate_request(&self, rng: &mut dyn Rng) -> Result<Vec<u8>, CipherError> {
        certificate_request(self.suite.curve(), &self.user, self.secret.expose(), rng)
    }

    /// The second since 1970 from which its certificates are valid.
    pub(super) fn valid_from(&self) -> u64 {
        self.valid_from
    }

    /// Whether it has a certificate.
    pub fn is_certified(&self) -> bool {
        matches!(self.signing.credential, Credential::X509(_))
    }

    /// The secret key, to keep for the next call: the fingerprint stays the same as long as the key
    /// does.
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
