//! Arrays with names, as in RFC 9605's vectors (sframe-wg/sframe, `test-vectors/`), and ours beside
//! them.

use smrtc_vectors::Hex;

use super::{Case, Fields, Group, PartError, Step};
use crate::request::{Request, hex};

/// Steps of a case, or why there are none.
type Steps = Result<Vec<Step>, String>;

/// Whether one of the arrays has a name that is known, or begins like one.
pub(super) fn recognises(top: &Fields<'_>) -> bool {
    top.names().any(|name| {
        ["header", "external_key", "hkdf"].contains(&&**name)
            || name.starts_with("sframe")
            || name.starts_with("aes_")
    })
}

/// A group for each array, and for each suite of an array of frames.
pub(super) fn groups(top: &Fields<'_>) -> Result<Vec<Group>, PartError> {
    let mut groups = Vec::new();
    for name in top.names().filter(|name| !name.starts_with('_')) {
        match name.as_str() {
            "header" => groups.push(Group {
                name: "SFrame header".into(),
                cases: top.cases(name, header)?,
            }),
            "external_key" => groups.extend(by_algorithm(top.cases(name, external)?)),
            "hkdf" => groups.extend(by_algorithm(top.cases(name, hkdf)?)),
            _ if name.starts_with("sframe") => {
                groups.extend(by_algorithm(top.cases(name, sframe)?));
            }
            _ => {
                let why =
                    format!("`{name}` tests a part inside a suite, which has no door of its own");
                groups.push(Group {
                    name: name.clone(),
                    cases: top.cases(name, |_| Ok(Err(why.clone())))?,
                });
            }
        }
    }
    Ok(groups)
}

/// Cases of one array, a group for each algorithm, in the order of first appearance.
fn by_algorithm(cases: Vec<Case>) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for case in cases {
        let name = match &case.steps {
            Ok(steps) => steps[0].request.algorithm(),
            Err(why) => why.clone(),
        };
        match groups.iter_mut().find(|group| group.name == name) {
            Some(group) => group.cases.push(case),
            None => groups.push(Group {
                name,
                cases: vec![case],
            }),
        }
    }
    groups
}

/// A header, both ways.
pub(super) fn header(case: &Fields<'_>) -> Result<Steps, PartError> {
    let (kid, ctr, encoded) = (
        case.number64("kid")?,
        case.number64("ctr")?,
        case.hex("encoded")?,
    );
    Ok(Ok(vec![
        Step::valid(
            Request::SframeHeaderEncode { kid, ctr },
            [("encoded", hex(&encoded))],
        ),
        Step::valid(
            Request::SframeHeaderParse { encoded },
            [("kid", kid.0.to_string()), ("ctr", ctr.0.to_string())],
        ),
    ]))
}

/// A frame: opened; refused with a bit of the tag changed or a byte of metadata added; sealed.
pub(super) fn sframe(case: &Fields<'_>) -> Result<Steps, PartError> {
    let cipher_suite = case.number16("cipher_suite")?;
    let (kid, ctr) = (case.number64("kid")?, case.number64("ctr")?);
    let (base_key, metadata) = (case.hex("base_key")?, case.hex("metadata")?);
    let (pt, ct) = (case.hex("pt")?, case.hex("ct")?);
    let open = |metadata: &Hex, ct: &Hex| Request::SframeOpen {
        cipher_suite,
        kid,
        base_key: base_key.clone(),
        metadata: metadata.clone(),
        ct: ct.clone(),
    };
    let mut other_tag = ct.clone();
    if let Some(last) = other_tag.0.last_mut() {
        *last ^= 1;
    }
    let mut other_metadata = metadata.clone();
    other_metadata.0.push(0);
    Ok(Ok(vec![
        Step::valid(
            open(&metadata, &ct),
            [("ctr", ctr.0.to_string()), ("pt", hex(&pt))],
        ),
        Step::refused(open(&metadata, &other_tag)),
        Step::refused(open(&other_metadata, &ct)),
        Step::valid(
            Request::SframeSeal {
                cipher_suite,
                kid,
                ctr,
                base_key: base_key.clone(),
                metadata,
                pt,
            },
            [("ct", hex(&ct))],
        ),
    ]))
}

/// A frame under the external key, opened from the secret and from the base key that comes of it.
pub(super) fn external(case: &Fields<'_>) -> Result<Steps, PartError> {
    let cipher_suite = case.number16("cipher_suite")?;
    let kid = case.number64("kid")?;
    let (metadata, ct) = (Hex(b"metadata".to_vec()), case.hex("frame")?);
    let (ctr, pt) = (("ctr", "5".to_owned()), ("pt", hex(b"plaintext")));
    let mut other_metadata = metadata.clone();
    other_metadata.0.push(0);
    let secret = case.hex("secret")?;
    let external = |metadata: &Hex| Request::ExternalKeyOpen {
        cipher_suite,
        secret: secret.clone(),
        metadata: metadata.clone(),
        ct: ct.clone(),
    };
    Ok(Ok(vec![
        Step::valid(
            external(&metadata),
            [("kid", kid.0.to_string()), ctr.clone(), pt.clone()],
        ),
        Step::refused(external(&other_metadata)),
        Step::valid(
            Request::SframeOpen {
                cipher_suite,
                kid,
                base_key: case.hex("base_key")?,
                metadata,
                ct: ct.clone(),
            },
            [ctr, pt],
        ),
    ]))
}

fn hkdf(case: &Fields<'_>) -> Result<Steps, PartError> {
    let algorithm = format!("HKDF-{}", case.text("hash")?);
    let (ikm, salt, okm) = (case.hex("ikm")?, case.hex("salt")?, case.hex("okm")?);
    Ok(Ok(vec![
        Step::valid(
            Request::HkdfExtract {
                algorithm: algorithm.clone(),
                ikm: ikm.clone(),
                salt: salt.clone(),
            },
            [("prk", hex(&case.hex("prk")?))],
        ),
        Step::valid(
            Request::Hkdf {
                algorithm,
                ikm,
                salt,
                info: case.hex("info")?,
                size: okm.len(),
            },
            [("okm", hex(&okm))],
        ),
    ]))
}
