//! Files converted from other projects' tables: `algorithm`, `source`, `tests`, field names as
//! there.

use super::{Case, Fields, Group, PartError, Step};
use crate::request::{Padding, Request, hex};
use smrtc_vectors::Hex;

/// Steps of a case, or why there are none.
type Steps = Result<Vec<Step>, String>;

/// Groups by algorithm. `algorithm` is free text in these files, so it is matched by how it begins.
pub(super) fn groups(file: &str, top: &Fields<'_>) -> Result<Vec<Group>, PartError> {
    let algorithm = top.text("algorithm")?;
    let one = |name: &str, steps: &dyn Fn(&Fields<'_>) -> Result<Steps, PartError>| {
        Ok(vec![Group {
            name: name.to_owned(),
            cases: top.cases("tests", steps)?,
        }])
    };
    match &*algorithm {
        "SM3" => one("SM3", &sm3),
        "HMAC-SM3" => one("HMAC-SM3", &hmac),
        "SM4-CTR" => one("SM4-CTR", &|case| {
            named_cipher("SM4-CTR", Padding::None, "iv", ["in", "out"], case)
        }),
        "SM4-CBC" => one("SM4-CBC, PKCS#7", &gmsm_cbc),
        "SM4-XTS (GB/T 17964-2021)" => one("SM4-XTS-GB", &|case| {
            let texts = ["plaintext", "ciphertext"];
            named_cipher("SM4-XTS-GB", Padding::None, "tweak", texts, case)
        }),
        name if name.starts_with("SM4 ECB/CBC") => modes(top),
        name => {
            let why = not_modelled(file, name);
            one(name, &|_| Ok(Err(why.clone())))
        }
    }
}

/// A file that `reference/convert.py` converted: a group for each reason why cases were left out.
/// The others are in the files named by `convertedTo`.
pub(super) fn left_out(top: &Fields<'_>) -> Result<Vec<Group>, PartError> {
    let algorithm = top.text("algorithm")?;
    top.objects("notConverted")?
        .iter()
        .map(|left| {
            let why = left.text("why")?;
            let cases = left.numbers("tcIds")?.into_iter().map(|id| Case {
                id: id.to_string(),
                comment: String::new(),
                steps: Err(why.clone()),
            });
            Ok(Group {
                name: algorithm.clone(),
                cases: cases.collect(),
            })
        })
        .collect()
}

fn not_modelled(file: &str, algorithm: &str) -> String {
    let what = if algorithm.starts_with("GM/T 0005") {
        "statistics of randomness, not a cipher: for whoever tests a random source"
    } else if algorithm.starts_with("DRBG") {
        "a random bit generator of GM/T 0105, which is not in this product: it takes the system's"
    } else if algorithm.starts_with("SM9") {
        "SM9, cryptography with identities as keys, which is not in this product"
    } else if file.ends_with("_raw.json") {
        "positional arguments of another project's test functions"
    } else {
        "an algorithm not known to this checker"
    };
    format!("{what} ({algorithm})")
}

fn sm3(case: &Fields<'_>) -> Result<Steps, PartError> {
    let msg = either(case, ["msg", "in"])?;
    let md = either(case, ["md", "out"])?;
    // Tongsuo writes a long message as a short one and how often it is repeated.
    let times = match case.value("count") {
        Some(_) => case.size("count")?,
        None => 1,
    };
    Ok(Ok(vec![Step::valid(
        Request::Hash {
            algorithm: "SM3".into(),
            msg: Hex(msg.repeat(times)),
        },
        [("md", hex(&md))],
    )]))
}

fn either(case: &Fields<'_>, names: [&str; 2]) -> Result<Hex, PartError> {
    case.hex(if case.has(names[1]) {
        names[1]
    } else {
        names[0]
    })
}

fn hmac(case: &Fields<'_>) -> Result<Steps, PartError> {
    let algorithm = || "HMAC-SM3".to_owned();
    let (key, msg, tag) = (case.hex("key")?, case.hex("msg")?, case.hex("tag")?);
    Ok(Ok(vec![
        Step::valid(
            Request::Mac {
                algorithm: algorithm(),
                key: key.clone(),
                msg: msg.clone(),
                tag_bytes: tag.len(),
            },
            [("tag", hex(&tag))],
        ),
        Step::valid(
            Request::MacVerify {
                algorithm: algorithm(),
                key,
                msg,
                tag,
            },
            [],
        ),
    ]))
}

/// PKCS#7 throughout, except that a case named for an annex of the standard is whole blocks.
fn gmsm_cbc(case: &Fields<'_>) -> Result<Steps, PartError> {
    let padded = case.hex("in")?.len() != case.hex("out")?.len();
    let padding = if padded {
        Padding::Pkcs7
    } else {
        Padding::None
    };
    named_cipher("SM4-CBC", padding, "iv", ["in", "out"], case)
}

fn named_cipher(
    algorithm: &str,
    padding: Padding,
    iv: &str,
    [msg, ct]: [&str; 2],
    case: &Fields<'_>,
) -> Result<Steps, PartError> {
    Ok(Ok(cipher(
        algorithm,
        padding,
        case.hex("key")?,
        case.hex_or_empty(iv)?,
        case.hex(msg)?,
        case.hex(ct)?,
    )))
}

fn cipher(algorithm: &str, padding: Padding, key: Hex, iv: Hex, msg: Hex, ct: Hex) -> Vec<Step> {
    vec![
        Step::valid(
            Request::Encrypt {
                algorithm: algorithm.to_owned(),
                padding,
                key: key.clone(),
                iv: iv.clone(),
                msg: msg.clone(),
            },
            [("ct", hex(&ct))],
        ),
        Step::valid(
            Request::Decrypt {
                algorithm: algorithm.to_owned(),
                padding,
                key,
                iv,
                ct,
            },
            [("msg", hex(&msg))],
        ),
    ]
}

/// Tongsuo's file of all modes: a group for each.
fn modes(top: &Fields<'_>) -> Result<Vec<Group>, PartError> {
    let mut groups: Vec<Group> = Vec::new();
    let names = top
        .objects("tests")?
        .iter()
        .map(mode_name)
        .collect::<Result<Vec<_>, _>>()?;
    for (name, case) in names.into_iter().zip(top.cases("tests", mode)?) {
        match groups.iter_mut().find(|group| group.name == name) {
            Some(group) => group.cases.push(case),
            None => groups.push(Group {
                name,
                cases: vec![case],
            }),
        }
    }
    Ok(groups)
}

/// Both standards call their mode XTS, with tweaks that are multiplied in another order of bits.
/// Tongsuo's own default is GB, also under its heading that names IEEE: case 13, as the independent
/// reference confirms.
fn mode_name(case: &Fields<'_>) -> Result<String, PartError> {
    let mode = case.text("mode")?;
    let ieee = case.text_or_empty("comment").contains("XTSStandard=IEEE");
    Ok(match &*mode {
        "SM4-XTS" if !ieee => "SM4-XTS-GB".into(),
        _ => mode,
    })
}

fn mode(case: &Fields<'_>) -> Result<Steps, PartError> {
    let algorithm = mode_name(case)?;
    let (key, iv, aad) = (case.hex("key")?, case.hex("iv")?, case.hex("aad")?);
    let (msg, ct, tag) = (case.hex("msg")?, case.hex("ct")?, case.hex("tag")?);
    if !algorithm.ends_with("-GCM") && !algorithm.ends_with("-CCM") {
        return Ok(Ok(cipher(&algorithm, Padding::None, key, iv, msg, ct)));
    }
    Ok(Ok(vec![
        Step::valid(
            Request::AeadSeal {
                algorithm: algorithm.clone(),
                key: key.clone(),
                iv: iv.clone(),
                aad: aad.clone(),
                msg: msg.clone(),
                tag_bytes: tag.len(),
            },
            [("ct", hex(&ct)), ("tag", hex(&tag))],
        ),
        Step::valid(
            Request::AeadOpen {
                algorithm,
                key,
                iv,
                aad,
                ct,
                tag,
            },
            [("msg", hex(&msg))],
        ),
    ]))
}
