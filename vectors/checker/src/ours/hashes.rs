//! Hashes, HMAC and HKDF.

use smrtc_crypto::hash::Hash;
use smrtc_crypto::hkdf;

use crate::implementation::Answer;
use crate::request::{Request, hex};

pub(super) fn answer(request: &Request) -> Answer {
    let algorithm = request.algorithm();
    let name = algorithm
        .strip_prefix("HMAC-")
        .or_else(|| algorithm.strip_prefix("HKDF-"))
        .unwrap_or(&algorithm);
    let hash = match name {
        "SM3" => Hash::Sm3,
        "SHA-256" => Hash::Sha256,
        "SHA-512" => Hash::Sha512,
        _ => return Answer::Unsupported(format!("{algorithm} is not in smrtc-crypto")),
    };
    match request {
        Request::Hash { msg, .. } => Answer::done([("md", hex(hash.digest(&[msg]).as_bytes()))]),
        Request::Mac {
            key,
            msg,
            tag_bytes,
            ..
        } => match hash.hmac(key, &[msg]).as_bytes().get(..*tag_bytes) {
            Some(tag) => Answer::done([("tag", hex(tag))]),
            None => Answer::Refused("longer than the hash".into()),
        },
        Request::MacVerify { key, msg, tag, .. } => {
            let computed = hash.hmac(key, &[msg]);
            // A shortened tag is compared here: the crate has no verification for one.
            let shortened = tag.len() < hash.output_bytes()
                && computed.as_bytes().get(..tag.len()) == Some(tag);
            if computed.ct_eq(tag) || shortened {
                Answer::done([])
            } else {
                Answer::Refused("wrong tag".into())
            }
        }
        Request::HkdfExtract { ikm, salt, .. } => {
            Answer::done([("prk", hex(hkdf::extract(hash, salt, ikm).expose()))])
        }
        Request::Hkdf {
            ikm,
            salt,
            info,
            size,
            ..
        } => {
            if *size > MAX_OKM_BYTES {
                return Answer::Refused("longer than HKDF yields with any hash".into());
            }
            let mut okm = vec![0; *size];
            match hkdf::expand(hash, &hkdf::extract(hash, salt, ikm), &[info], &mut okm) {
                Ok(()) => Answer::done([("okm", hex(&okm))]),
                Err(error) => Answer::Refused(error.to_string()),
            }
        }
        _ => Answer::Unsupported("not a hash request".into()),
    }
}

/// 255 outputs of the longest hash; a file may ask for any number, which is not allocated.
const MAX_OKM_BYTES: usize = 255 * 64;
