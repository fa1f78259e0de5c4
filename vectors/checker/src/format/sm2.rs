//! Groups of SM2, like those that Wycheproof has for ECDSA and ECDH: `schema/sm2_test_schema.json`.

use super::{Fields, Outcome, PartError, Step};
use crate::request::{Encoding, Request, Role, hex};

/// As in RFC 8998.
const CURVE: &str = "curveSM2";

fn sm2() -> String {
    "SM2".into()
}

/// A group type of SM2: its name here, and what makes a case.
pub(super) type CaseOf<'a> = Box<dyn Fn(&Fields<'_>) -> Result<Vec<Step>, PartError> + 'a>;

/// None if the type is another's, or the curve is another.
pub(super) fn group<'a>(
    kind: &str,
    group: &'a Fields<'_>,
) -> Result<Option<(String, CaseOf<'a>)>, PartError> {
    let (name, case): (String, CaseOf<'a>) = match kind {
        "Sm2Verify" => {
            let key = group.object("publicKey")?;
            (
                "SM2 signature, verifying".into(),
                Box::new(move |case| verify(&key, case)),
            )
        }
        "Sm2Sign" => {
            let key = group.object("privateKey")?;
            (
                "SM2 signature, signing".into(),
                Box::new(move |case| sign(&key, case)),
            )
        }
        "EcdhEcpointTest" if group.text_or_empty("curve") == CURVE => {
            ("SM2 curve, ECDH".into(), Box::new(ecdh))
        }
        "Sm2PublicKeyTest" => ("SM2 curve, public keys".into(), Box::new(public_key)),
        "Sm2PkeTest" => {
            let encoding = match &*group.text("encoding")? {
                "raw" => Encoding::Raw,
                "der" => Encoding::Der,
                _ => return Err(group.wrong("encoding", "is neither `raw` nor `der`")),
            };
            let name = match encoding {
                Encoding::Raw => "C1 C3 C2",
                Encoding::Der => "DER",
            };
            (
                format!("SM2 encryption, {name}"),
                Box::new(move |case| pke(encoding, case)),
            )
        }
        "Sm2KeyExchangeTest" => ("SM2 key exchange".into(), Box::new(key_exchange)),
        _ => return Ok(None),
    };
    Ok(Some((name, case)))
}

fn verify(key: &Fields<'_>, case: &Fields<'_>) -> Result<Vec<Step>, PartError> {
    Ok(vec![Step {
        expected: Outcome::of(case)?.expect([]),
        request: Request::SignatureVerify {
            algorithm: sm2(),
            public_key: key.hex("encoded")?,
            distinguishing_id: case.hex("id")?,
            msg: case.hex("msg")?,
            sig: case.hex("sig")?,
        },
    }])
}

/// With a given k: outputs can be compared only so. What comes out is verified too.
fn sign(key: &Fields<'_>, case: &Fields<'_>) -> Result<Vec<Step>, PartError> {
    let outcome = Outcome::of(case)?;
    let (id, msg, sig) = (case.hex("id")?, case.hex("msg")?, case.hex("sig")?);
    let sign = Step {
        expected: outcome.expect([("sig", hex(&sig))]),
        request: Request::SignatureSign {
            algorithm: sm2(),
            private_key: key.hex("secret")?,
            distinguishing_id: id.clone(),
            msg: msg.clone(),
            nonce: case.hex("k")?,
        },
    };
    let verify = match outcome {
        Outcome::Valid => Some(Step::valid(
            Request::SignatureVerify {
                algorithm: sm2(),
                public_key: key.hex("public")?,
                distinguishing_id: id,
                msg,
                sig,
            },
            [],
        )),
        _ => None,
    };
    Ok([sign].into_iter().chain(verify).collect())
}

fn ecdh(case: &Fields<'_>) -> Result<Vec<Step>, PartError> {
    Ok(vec![Step {
        expected: Outcome::of(case)?.expect([("shared", hex(&case.hex("shared")?))]),
        request: Request::Ecdh {
            algorithm: sm2(),
            private_key: case.hex("private")?,
            public_key: case.hex("public")?,
        },
    }])
}

fn public_key(case: &Fields<'_>) -> Result<Vec<Step>, PartError> {
    Ok(vec![Step {
        expected: Outcome::of(case)?.expect([("public_key", hex(&case.hex("public")?))]),
        request: Request::PublicKey {
            algorithm: sm2(),
            private_key: case.hex("private")?,
        },
    }])
}

/// A case with `k` is encrypted; one with `private` is decrypted; most have both.
fn pke(encoding: Encoding, case: &Fields<'_>) -> Result<Vec<Step>, PartError> {
    let outcome = Outcome::of(case)?;
    let (msg, ct) = (case.hex_or_empty("msg")?, case.hex_or_empty("ct")?);
    let mut steps = Vec::new();
    if case.has("k") {
        steps.push(Step {
            expected: outcome.expect([("ct", hex(&ct))]),
            request: Request::PkeEncrypt {
                algorithm: sm2(),
                encoding,
                public_key: case.hex("public")?,
                msg: msg.clone(),
                nonce: case.hex("k")?,
            },
        });
    }
    if case.has("private") {
        steps.push(Step {
            expected: outcome.expect([("msg", hex(&msg))]),
            request: Request::PkeDecrypt {
                algorithm: sm2(),
                encoding,
                private_key: case.hex("private")?,
                ct,
            },
        });
    }
    Ok(steps)
}

fn key_exchange(case: &Fields<'_>) -> Result<Vec<Step>, PartError> {
    let role = match &*case.text("role")? {
        "initiator" => Role::Initiator,
        "responder" => Role::Responder,
        _ => return Err(case.wrong("role", "is neither `initiator` nor `responder`")),
    };
    Ok(vec![Step {
        expected: Outcome::of(case)?.expect([
            ("ephemeral", hex(&case.hex("ephemeral")?)),
            ("confirmation", hex(&case.hex("confirmation")?)),
            ("shared", hex(&case.hex("shared")?)),
        ]),
        request: Request::KeyExchange {
            algorithm: sm2(),
            role,
            private_key: case.hex("private")?,
            ephemeral_private_key: case.hex("ephemeralPrivate")?,
            distinguishing_id: case.hex("id")?,
            peer_public_key: case.hex("peerPublic")?,
            peer_ephemeral: case.hex("peerEphemeral")?,
            peer_distinguishing_id: case.hex("peerId")?,
            peer_confirmation: case.hex("peerConfirmation")?,
            size: case.size("size")?,
        },
    }])
}
