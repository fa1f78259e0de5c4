//! AEAD requests.

use smrtc_crypto::aead::{Algorithm, Key, NONCE_BYTES, TAG_BYTES, Tag};

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
        } => with_key(backend, algorithm, key, iv, |key, nonce| {
            if *tag_bytes != TAG_BYTES {
                return Answer::Unsupported("tags have 16 bytes, always".into());
            }
            let mut buffer = msg.0.clone();
            match key.seal_in_place(nonce, aad, &mut buffer) {
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
        } => with_key(backend, algorithm, key, iv, |key, nonce| {
            let Ok(tag) = tag[..].try_into().map(Tag) else {
                return Answer::Unsupported("tags have 16 bytes, always".into());
            };
            let mut buffer = ct.0.clone();
            match key.open_in_place(nonce, aad, &mut buffer, &tag) {
                Ok(()) => Answer::done([("msg", hex(&buffer))]),
                Err(error) => Answer::Refused(error.to_string()),
            }
        }),
        _ => Answer::Unsupported("not an AEAD request".into()),
    }
}

fn with_key(
    backend: &str,
    algorithm: &str,
    key: &[u8],
    iv: &[u8],
    then: impl FnOnce(&Key, &[u8; NONCE_BYTES]) -> Answer,
) -> Answer {
    let key = match algorithm {
        "SM4-GCM" => match key.try_into() {
            Ok(key) => match Key::sm4_with_backend(backend, key) {
                Some(key) => Ok(key),
                None => return Answer::Unsupported(format!("no back end {backend}")),
            },
            Err(_) => return Answer::Refused("an SM4 key has 16 bytes".into()),
        },
        "AES-128-GCM" => Key::new(Algorithm::Aes128Gcm, key),
        "AES-256-GCM" => Key::new(Algorithm::Aes256Gcm, key),
        _ => return Answer::Unsupported(format!("{algorithm} is not in smrtc-crypto")),
    };
    match (key, <&[u8; NONCE_BYTES]>::try_from(iv)) {
        (Ok(key), Ok(nonce)) => then(&key, nonce),
        (Err(error), _) => Answer::Refused(error.to_string()),
        (_, Err(_)) if iv.is_empty() => Answer::Refused("a nonce has 12 bytes".into()),
        (_, Err(_)) => Answer::Unsupported("nonces have 12 bytes, always".into()),
    }
}
