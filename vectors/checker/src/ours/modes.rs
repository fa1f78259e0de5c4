//! The modes that authenticate nothing: here for conformance only, as in
//! `smrtc_crypto::conformance::sm4_modes`.

use smrtc_crypto::conformance::sm4_modes::{Sm4, Sm4Xts, XtsStandard};

use crate::implementation::Answer;
use crate::request::{Padding, Request, hex};

const BLOCK_BYTES: usize = 16;

pub(super) fn answer(request: &Request) -> Answer {
    match request {
        Request::Encrypt {
            algorithm,
            padding,
            key,
            iv,
            msg,
        } => {
            let mut buffer = msg.0.clone();
            if *padding == Padding::Pkcs7 {
                pad(&mut buffer);
            }
            match run(algorithm, key, iv, &mut buffer, true) {
                Ok(()) => Answer::done([("ct", hex(&buffer))]),
                Err(answer) => answer,
            }
        }
        Request::Decrypt {
            algorithm,
            padding,
            key,
            iv,
            ct,
        } => {
            let mut buffer = ct.0.clone();
            if let Err(answer) = run(algorithm, key, iv, &mut buffer, false) {
                return answer;
            }
            if *padding == Padding::Pkcs7 && !strip(&mut buffer) {
                return Answer::Refused("wrong padding".into());
            }
            Answer::done([("msg", hex(&buffer))])
        }
        _ => Answer::Unsupported("not a request for a mode".into()),
    }
}

/// What is not done is already an answer.
fn run(
    algorithm: &str,
    key: &[u8],
    iv: &[u8],
    buffer: &mut [u8],
    encrypting: bool,
) -> Result<(), Answer> {
    let refused = |words: &str| Answer::Refused(words.to_owned());
    let standard = match algorithm {
        "SM4-XTS" => Some(XtsStandard::Ieee1619),
        "SM4-XTS-GB" => Some(XtsStandard::Gbt17964),
        _ => None,
    };
    if let Some(standard) = standard {
        let key = key.try_into().map_err(|_| refused("XTS takes two keys"))?;
        let tweak = iv.try_into().map_err(|_| refused("a tweak has 16 bytes"))?;
        let xts = Sm4Xts::new(standard, key);
        let done = if encrypting {
            xts.encrypt(tweak, buffer)
        } else {
            xts.decrypt(tweak, buffer)
        };
        return done.map_err(|error| Answer::Refused(error.to_string()));
    }
    if !["SM4-ECB", "SM4-CBC", "SM4-CTR"].contains(&algorithm) {
        return Err(Answer::Unsupported(format!(
            "{algorithm} is not in smrtc-crypto"
        )));
    }
    let key = key
        .try_into()
        .map_err(|_| refused("an SM4 key has 16 bytes"))?;
    let sm4 = Sm4::new(key);
    let block = || <&[u8; BLOCK_BYTES]>::try_from(iv).map_err(|_| refused("an IV has 16 bytes"));
    match (algorithm, encrypting) {
        ("SM4-CTR", _) => {
            sm4.apply_ctr(block()?, buffer);
            Ok(())
        }
        ("SM4-ECB", true) => sm4.encrypt_ecb(buffer),
        ("SM4-ECB", false) => sm4.decrypt_ecb(buffer),
        (_, true) => sm4.encrypt_cbc(block()?, buffer),
        (_, false) => sm4.decrypt_cbc(block()?, buffer),
    }
    .map_err(|error| Answer::Refused(error.to_string()))
}

/// PKCS#7 (RFC 5652 §6.3).
fn pad(text: &mut Vec<u8>) {
    let count = BLOCK_BYTES - text.len() % BLOCK_BYTES;
    text.resize(text.len() + count, count as u8);
}

/// False if the padding is wrong. Tells it by time too: never use this on secrets.
fn strip(text: &mut Vec<u8>) -> bool {
    let count = usize::from(text.last().copied().unwrap_or_default());
    let right = (1..=BLOCK_BYTES).contains(&count)
        && count <= text.len()
        && text[text.len() - count..]
            .iter()
            .all(|&byte| usize::from(byte) == count);
    if right {
        text.truncate(text.len() - count);
    }
    right
}
