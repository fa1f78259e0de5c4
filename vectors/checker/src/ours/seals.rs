//! AEAD requests.

use smrtc_crypto::aead::{Algorithm, Key, NONCE_BYTES, OpenError, SealError, TAG_BYTES, Tag};
use smrtc_crypto::conformance::ccm::Sm4Ccm;

use crate::implementation::Answer;
use crate::request::{Request, hex};

pub(super) fn answer(backend: &str, request: &Request) -> Answer {
    match request {
        Request::AeadSeal {
            algorithm,
            key,
            iv,
            aad,
            msg,
            tag_bytes,
        } => with_key(backend, algorithm, key, iv, |cipher| {
            if *tag_bytes != TAG_BYTES {
                return Answer::Unsupported("tags have 16 bytes, always".into());
            }
            let mut buffer = msg.0.clone();
            match cipher.seal(iv, aad, &mut buffer) {
                Ok(tag) => Answer::done([("ct", hex(&buffer)), ("tag", hex(&tag.0))]),
                Err(error) => Answer::Refused(error.to_string()),
            }
        }),
        Request::AeadOpen {
            algorithm,
            key,
            iv,
            aad,
            ct,
            tag,
        } => with_key(backend, algorithm, key, iv, |cipher| {
            let Ok(tag) = tag[..].try_into().map(Tag) else {
                return Answer::Unsupported("tags have 16 bytes, always".into());
            };
            let mut buffer = ct.0.clone();
            match cipher.open(iv, aad, &mut buffer, &tag) {
                Ok(()) => Answer::done([("msg", hex(&buffer))]),
                Err(error) => Answer::Refused(error.to_string()),
            }
        }),
        _ => Answer::Unsupported("not an AEAD request".into()),
    }
}

enum Cipher {
    Gcm(Key),
    Ccm(Sm4Ccm),
}

impl Cipher {
    /// Through the door for nonces of 12 bytes where that fits: it is the one in use.
    fn seal(&self, nonce: &[u8], aad: &[u8], buffer: &mut [u8]) -> Result<Tag, SealError> {
        match (self, nonce.try_into()) {
            (Self::Gcm(key), Ok(nonce)) => key.seal_in_place(nonce, aad, buffer),
            (Self::Gcm(key), Err(_)) => key.seal_in_place_with_nonce(nonce, aad, buffer),
            (Self::Ccm(key), _) => key.seal_in_place(nonce, aad, buffer),
        }
    }

    fn open(
        &self,
        nonce: &[u8],
        aad: &[u8],
        buffer: &mut [u8],
        tag: &Tag,
    ) -> Result<(), OpenError> {
        match (self, nonce.try_into()) {
            (Self::Gcm(key), Ok(nonce)) => key.open_in_place(nonce, aad, buffer, tag),
            (Self::Gcm(key), Err(_)) => key.open_in_place_with_nonce(nonce, aad, buffer, tag),
            (Self::Ccm(key), _) => key.open_in_place(nonce, aad, buffer, tag),
        }
    }
}

fn with_key(
    backend: &str,
    algorithm: &str,
    key: &[u8],
    iv: &[u8],
    then: impl FnOnce(&Cipher) -> Answer,
) -> Answer {
    let sm4_key = || {
        <&[u8; 16]>::try_from(key).map_err(|_| Answer::Refused("an SM4 key has 16 bytes".into()))
    };
    let aes_key = |algorithm| {
        if !iv.is_empty() && iv.len() != NONCE_BYTES {
            return Err(Answer::Unsupported(
                "nonces of AES-GCM have 12 bytes".into(),
            ));
        }
        Key::new(algorithm, key)
            .map(Cipher::Gcm)
            .map_err(|error| Answer::Refused(error.to_string()))
    };
    let cipher = match algorithm {
        "SM4-GCM" => sm4_key().and_then(|key| {
            Key::sm4_with_backend(backend, key)
                .map(Cipher::Gcm)
                .ok_or_else(|| Answer::Unsupported(format!("no back end {backend}")))
        }),
        "SM4-CCM" => sm4_key().map(|key| Cipher::Ccm(Sm4Ccm::new(key))),
        "AES-128-GCM" => aes_key(Algorithm::Aes128Gcm),
        "AES-256-GCM" => aes_key(Algorithm::Aes256Gcm),
        _ => Err(Answer::Unsupported(format!(
            "{algorithm} is not in smrtc-crypto"
        ))),
    };
    match cipher {
        Ok(cipher) => then(&cipher),
        Err(answer) => answer,
    }
}
