//! Key derivation (RFC 9605 §4.4.2) and the nonce (§4.4.3).

use smrtc_crypto::aead::{Key, NONCE_BYTES};
use smrtc_crypto::hkdf;
use smrtc_crypto::secret::Secret;

use super::header::{Ctr, Kid};
use super::suite::CipherSuite;

/// The key that a key source gives for one KID; everything else is derived from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseKey(Secret);

impl BaseKey {
    /// Copies `bytes`; the caller keeps the duty to wipe the original.
    pub fn new(bytes: &[u8]) -> Self {
        Self(Secret::new(bytes))
    }

    pub(crate) fn expose(&self) -> &[u8] {
        self.0.expose()
    }
}

impl From<Secret> for BaseKey {
    fn from(secret: Secret) -> Self {
        Self(secret)
    }
}

/// `sframe_key` and `sframe_salt`, ready for use.
#[derive(Debug)]
pub(crate) struct SframeKey {
    pub(crate) aead: Key,
    salt: Secret,
}

impl SframeKey {
    pub(crate) fn derive(suite: CipherSuite, kid: Kid, base_key: &BaseKey) -> Self {
        let sframe_secret = hkdf::extract(suite.hash(), b"", base_key.0.expose());
        let sframe_key = expand(
            suite,
            kid,
            &sframe_secret,
            b"SFrame 1.0 Secret key ",
            suite.aead().key_bytes(),
        );
        Self {
            aead: Key::new(suite.aead(), sframe_key.expose())
                .expect("expanded to the key length of this algorithm"),
            salt: expand(
                suite,
                kid,
                &sframe_secret,
                b"SFrame 1.0 Secret salt ",
                NONCE_BYTES,
            ),
        }
    }

    /// `sframe_salt XOR CTR`, with CTR as a big-endian number of Nn bytes.
    pub(crate) fn nonce(&self, ctr: Ctr) -> [u8; NONCE_BYTES] {
        let mut nonce = [0; NONCE_BYTES];
        nonce[NONCE_BYTES - 8..].copy_from_slice(&ctr.0.to_be_bytes());
        for (byte, salt) in nonce.iter_mut().zip(self.salt.expose()) {
            *byte ^= salt;
        }
        nonce
    }
}

/// HKDF-Expand with the info `label ‖ KID (8 bytes) ‖ suite (2 bytes)`.
fn expand(suite: CipherSuite, kid: Kid, secret: &Secret, label: &[u8], len: usize) -> Secret {
    let mut out = Secret::zeroed(len);
    hkdf::expand(
        suite.hash(),
        secret,
        &[label, &kid.0.to_be_bytes(), &suite.id().to_be_bytes()],
        out.expose_mut(),
    )
    .expect("a key is far below the limit of 255 hash outputs");
    out
}
