//! Wycheproof's schemas (C2SP/wycheproof, `schemas/`), with three group types of ours for what it
//! has no schema for: `HashTest`, `SframeTest` and `SframeHeaderTest`; `ExternalKeyTest`; and those
//! of [`sm2`].

use super::{Expected, Fields, Group, Outcome, PartError, Step, arrays, sm2};
use crate::request::{Padding, Request, hex};

/// All groups of a file.
pub(super) fn groups(top: &Fields<'_>) -> Result<Vec<Group>, PartError> {
    let algorithm = top.text("algorithm")?;
    top.objects("testGroups")?
        .iter()
        .map(|group| one_group(&algorithm, group))
        .collect()
}

fn one_group(algorithm: &str, group: &Fields<'_>) -> Result<Group, PartError> {
    let kind = group.text("type")?;
    let (parameters, cases) = match &*kind {
        "AeadTest" => {
            let tag_bytes = group.size("tagSize")? / 8;
            let name = aead_name(algorithm, group.size("keySize")?);
            let parameters = format!("{name}, nonce {} bits", group.size("ivSize")?);
            let cases = group.cases("tests", |case| Ok(Ok(aead(&name, tag_bytes, case)?)))?;
            (parameters, cases)
        }
        "MacTest" => {
            let name = mac_name(algorithm);
            let tag_bytes = group.size("tagSize")? / 8;
            let parameters = format!("{name}, tag {} bits", 8 * tag_bytes);
            let cases = group.cases("tests", |case| Ok(Ok(mac(&name, tag_bytes, case)?)))?;
            (parameters, cases)
        }
        "IndCpaTest" => {
            let (name, padding) = cipher_name(algorithm);
            let cases = group.cases("tests", |case| Ok(Ok(cipher(&name, padding, case)?)))?;
            (name, cases)
        }
        "HkdfTest" => {
            let cases = group.cases("tests", |case| Ok(Ok(hkdf(algorithm, case)?)))?;
            (algorithm.to_owned(), cases)
        }
        "HashTest" => {
            let cases = group.cases("tests", |case| Ok(Ok(hash(algorithm, case)?)))?;
            (algorithm.to_owned(), cases)
        }
        "SframeTest" => ("SFrame".into(), group.cases("tests", arrays::sframe)?),
        "SframeHeaderTest" => (
            "SFrame header".into(),
            group.cases("tests", arrays::header)?,
        ),
        "ExternalKeyTest" => (
            "external key".into(),
            group.cases("tests", arrays::external)?,
        ),
        other => {
            if let Some((name, steps)) = sm2::group(other, group)? {
                let cases = group.cases("tests", |case| Ok(Ok(steps(case)?)))?;
                return Ok(Group { name, cases });
            }
            let why = format!("groups of type {other} ({algorithm}) are not known to this checker");
            (
                format!("{algorithm}, {other}"),
                group.cases("tests", |_| Ok(Err(why.clone())))?,
            )
        }
    };
    Ok(Group {
        name: parameters,
        cases,
    })
}

/// Wycheproof says `AES-GCM` for all key sizes.
fn aead_name(algorithm: &str, key_bits: usize) -> String {
    match algorithm {
        "AES-GCM" | "AES-CCM" => format!("AES-{key_bits}-{}", &algorithm[4..]),
        _ => algorithm.to_owned(),
    }
}

/// Wycheproof says `HMACSM3`, `HMACSHA256`.
fn mac_name(algorithm: &str) -> String {
    match algorithm.strip_prefix("HMAC") {
        Some(hash) if !hash.starts_with('-') => {
            format!(
                "HMAC-{}",
                hash.replacen("SHA", "SHA-", 1).replace("--", "-")
            )
        }
        _ => algorithm.to_owned(),
    }
}

fn cipher_name(algorithm: &str) -> (String, Padding) {
    let stripped = algorithm
        .strip_suffix("-PKCS5")
        .or_else(|| algorithm.strip_suffix("-PKCS7"));
    match stripped {
        Some(name) => (name.to_owned(), Padding::Pkcs7),
        None => (algorithm.to_owned(), Padding::None),
    }
}

fn aead(name: &str, tag_bytes: usize, case: &Fields<'_>) -> Result<Vec<Step>, PartError> {
    let outcome = Outcome::of(case)?;
    let (key, iv, aad) = (case.hex("key")?, case.hex("iv")?, case.hex("aad")?);
    let (msg, ct, tag) = (case.hex("msg")?, case.hex("ct")?, case.hex("tag")?);
    let open = Step {
        expected: outcome.expect([("msg", hex(&msg))]),
        request: Request::AeadOpen {
            algorithm: name.to_owned(),
            key: key.clone(),
            iv: iv.clone(),
            aad: aad.clone(),
            ct: ct.clone(),
            tag: tag.clone(),
        },
    };
    // A changed ciphertext says nothing on sealing, but parameters that are not allowed do.
    let parameters_are_wrong = outcome == Outcome::Invalid
        && (iv.is_empty() || case.flag("ZeroLengthIv") || case.flag("InvalidNonceSize"));
    let seal = (outcome != Outcome::Invalid || parameters_are_wrong).then(|| Step {
        expected: outcome.expect([("ct", hex(&ct)), ("tag", hex(&tag))]),
        request: Request::AeadSeal {
            algorithm: name.to_owned(),
            key,
            iv,
            aad,
            msg,
            tag_bytes,
        },
    });
    Ok(seal.into_iter().chain([open]).collect())
}

fn mac(name: &str, tag_bytes: usize, case: &Fields<'_>) -> Result<Vec<Step>, PartError> {
    let outcome = Outcome::of(case)?;
    let (key, msg, tag) = (case.hex("key")?, case.hex("msg")?, case.hex("tag")?);
    let compute = (outcome != Outcome::Invalid).then(|| Step {
        expected: outcome.expect([("tag", hex(&tag))]),
        request: Request::Mac {
            algorithm: name.to_owned(),
            key: key.clone(),
            msg: msg.clone(),
            tag_bytes,
        },
    });
    let verify = Step {
        expected: outcome.expect([]),
        request: Request::MacVerify {
            algorithm: name.to_owned(),
            key: key.clone(),
            msg: msg.clone(),
            tag,
        },
    };
    Ok(compute.into_iter().chain([verify]).collect())
}

fn cipher(name: &str, padding: Padding, case: &Fields<'_>) -> Result<Vec<Step>, PartError> {
    let outcome = Outcome::of(case)?;
    let (key, iv) = (case.hex("key")?, case.hex_or_empty("iv")?);
    let (msg, ct) = (case.hex("msg")?, case.hex("ct")?);
    let decrypt = Step {
        expected: outcome.expect([("msg", hex(&msg))]),
        request: Request::Decrypt {
            algorithm: name.to_owned(),
            padding,
            key: key.clone(),
            iv: iv.clone(),
            ct: ct.clone(),
        },
    };
    let encrypt = (outcome != Outcome::Invalid).then(|| Step {
        expected: outcome.expect([("ct", hex(&ct))]),
        request: Request::Encrypt {
            algorithm: name.to_owned(),
            padding,
            key,
            iv,
            msg,
        },
    });
    Ok(encrypt.into_iter().chain([decrypt]).collect())
}

fn hkdf(algorithm: &str, case: &Fields<'_>) -> Result<Vec<Step>, PartError> {
    let outcome = Outcome::of(case)?;
    let (ikm, salt) = (case.hex("ikm")?, case.hex("salt")?);
    let extract = match case.value("prk") {
        Some(_) => Some(Step::valid(
            Request::HkdfExtract {
                algorithm: algorithm.to_owned(),
                ikm: ikm.clone(),
                salt: salt.clone(),
            },
            [("prk", hex(&case.hex("prk")?))],
        )),
        None => None,
    };
    let expand = Step {
        expected: match outcome {
            Outcome::Invalid => Expected::Refused,
            _ => outcome.expect([("okm", hex(&case.hex("okm")?))]),
        },
        request: Request::Hkdf {
            algorithm: algorithm.to_owned(),
            ikm,
            salt,
            info: case.hex("info")?,
            size: case.size("size")?,
        },
    };
    Ok(extract.into_iter().chain([expand]).collect())
}

fn hash(algorithm: &str, case: &Fields<'_>) -> Result<Vec<Step>, PartError> {
    Ok(vec![Step::valid(
        Request::Hash {
            algorithm: algorithm.to_owned(),
            msg: case.hex("msg")?,
        },
        [("md", hex(&case.hex("md")?))],
    )])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wycheproofs_names_become_ours() {
        assert_eq!(aead_name("AES-GCM", 256), "AES-256-GCM");
        assert_eq!(aead_name("SM4-GCM", 128), "SM4-GCM");
        assert_eq!(mac_name("HMACSM3"), "HMAC-SM3");
        assert_eq!(mac_name("HMACSHA256"), "HMAC-SHA-256");
        assert_eq!(mac_name("HMAC-SM3"), "HMAC-SM3");
        assert_eq!(
            cipher_name("SM4-CBC-PKCS5"),
            ("SM4-CBC".into(), Padding::Pkcs7)
        );
        assert_eq!(cipher_name("SM4-CTR"), ("SM4-CTR".into(), Padding::None));
    }
}
