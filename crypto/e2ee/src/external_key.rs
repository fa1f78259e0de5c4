//! A key that the application or an enterprise KMS hands to every participant.
//!
//! `base_key = HKDF(secret, suite ‖ KID)`, with a KID that is a fresh random 64-bit number for each
//! sending session (`crypto/SPEC.md` §4). A reload, a crash or a second tab therefore never repeats
//! a key and nonce: 2^20 sessions under one secret collide with a probability of 2^-25.
//!
//! It authenticates no sender: whoever holds the secret can seal in anybody's name. And it has no
//! forward secrecy: the secret opens every recorded frame.

use smrtc_crypto::hkdf;
use smrtc_crypto::secret::Secret;

use crate::rng::Rng;
use crate::sframe::key_provider::{KeyProvider, SenderKeyError};
use crate::sframe::{BaseKey, CipherSuite, Kid};

/// The secret is not 16 to 64 bytes long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an external key has {MIN_SECRET_BYTES} to {MAX_SECRET_BYTES} bytes")]
pub struct InvalidSecretLength;

/// [`KeyProvider`] over one shared secret.
#[derive(Debug)]
pub struct ExternalKey {
    suite: CipherSuite,
    /// HKDF-Extract of the shared secret.
    pseudorandom_key: Secret,
}

impl ExternalKey {
    /// Takes a shared secret of 16 to 64 uniformly random bytes. A password is not one.
    ///
    /// # Errors
    ///
    /// [`InvalidSecretLength`] for any other length.
    pub fn new(suite: CipherSuite, secret: &[u8]) -> Result<Self, InvalidSecretLength> {
        if !(MIN_SECRET_BYTES..=MAX_SECRET_BYTES).contains(&secret.len()) {
            return Err(InvalidSecretLength);
        }
        Ok(Self {
            suite,
            pseudorandom_key: hkdf::extract(suite.hash(), EXTRACT_SALT, secret),
        })
    }

    fn base_key(&self, kid: Kid) -> BaseKey {
        let mut base_key = Secret::zeroed(self.suite.hash().output_bytes());
        hkdf::expand(
            self.suite.hash(),
            &self.pseudorandom_key,
            &[
                EXPAND_LABEL,
                &self.suite.id().to_be_bytes(),
                &kid.0.to_be_bytes(),
            ],
            base_key.expose_mut(),
        )
        .expect("one hash output is within the limit of 255");
        BaseKey::from(base_key)
    }
}

impl KeyProvider for ExternalKey {
    fn suite(&self) -> CipherSuite {
        self.suite
    }

    fn epoch(&self) -> u64 {
        0
    }

    fn sender_key(&mut self, rng: &mut dyn Rng) -> Result<(Kid, BaseKey), SenderKeyError> {
        let mut context = [0; 8];
        rng.fill(&mut context)?;
        let kid = Kid(u64::from_be_bytes(context));
        Ok((kid, self.base_key(kid)))
    }

    fn receiver_key(&mut self, kid: Kid) -> Option<BaseKey> {
        Some(self.base_key(kid))
    }
}

const EXTRACT_SALT: &[u8] = b"smrtc 1 external key";
const EXPAND_LABEL: &[u8] = b"smrtc 1 SFrame base key";

/// 128 bits, the strength of the ciphers.
const MIN_SECRET_BYTES: usize = 16;
const MAX_SECRET_BYTES: usize = 64;
