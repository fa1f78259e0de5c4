use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::*;

const SECRET: &[u8] = b"a secret of at least thirty-two bytes";

fn now() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("the clock is past 1970")
}

fn p256() -> (String, String) {
    let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    (pair.serialize_pem(), pair.public_key_pem())
}

#[test]
fn a_token_signed_with_either_algorithm_verifies_and_gives_its_permissions() {
    let (private, public) = p256();
    let pairs = [
        (
            Signer::hs256(SECRET).unwrap(),
            Verifier::hs256(SECRET).unwrap(),
        ),
        (
            Signer::es256(private.as_bytes()).unwrap(),
            Verifier::es256(public.as_bytes()).unwrap(),
        ),
    ];
    for (signer, verifier) in pairs {
        let token = signer
            .sign(
                "room",
                "ann",
                Role::Audience,
                now(),
                Duration::from_secs(60),
            )
            .unwrap();
        let permissions = verifier.verify(&token).unwrap();
        assert_eq!(
            permissions,
            Permissions::for_test("room", "ann", Role::Audience)
        );
    }
}

#[test]
fn a_token_outside_its_time_is_refused_as_such() {
    let signer = Signer::hs256(SECRET).unwrap();
    let verifier = Verifier::hs256(SECRET).unwrap();
    let hour = Duration::from_secs(3600);
    let sign = |from| {
        signer
            .sign("r", "u", Role::Anchor, from, Duration::from_secs(60))
            .unwrap()
    };
    assert_eq!(
        verifier.verify(&sign(now() - hour)),
        Err(TokenError::Expired)
    );
    assert_eq!(
        verifier.verify(&sign(now() + hour)),
        Err(TokenError::NotYetValid)
    );
}

#[test]
fn a_changed_foreign_or_unsigned_token_is_refused() {
    let (private, public) = p256();
    let hs = Signer::hs256(SECRET).unwrap();
    let verifier = Verifier::hs256(SECRET).unwrap();
    let sign = |signer: &Signer| {
        signer
            .sign("r", "u", Role::Anchor, now(), Duration::from_secs(60))
            .unwrap()
    };
    let good = sign(&hs);
    assert!(verifier.verify(&good).is_ok());

    for index in 0..good.len() {
        let mut bytes = good.clone().into_bytes();
        // Within base64url, so that the signature decides and not the decoder; the last character
        // of each part holds unused bits, which strict decoders refuse and which the signature
        // covers.
        bytes[index] = if bytes[index] == b'A' { b'Q' } else { b'A' };
        let changed = String::from_utf8(bytes).unwrap();
        assert_eq!(
            verifier.verify(&changed),
            Err(TokenError::Invalid),
            "byte {index}"
        );
    }

    let foreign = Signer::hs256(b"another secret of thirty-two bytes!!").unwrap();
    assert_eq!(verifier.verify(&sign(&foreign)), Err(TokenError::Invalid));
    // The algorithm is the key's, not the token's: an ES256 verifier takes no HS256 token made from
    // its public key.
    let es = Verifier::es256(public.as_bytes()).unwrap();
    let confused = Signer::hs256(public.as_bytes()).unwrap();
    assert_eq!(es.verify(&sign(&confused)), Err(TokenError::Invalid));
    let es_signer = Signer::es256(private.as_bytes()).unwrap();
    assert_eq!(verifier.verify(&sign(&es_signer)), Err(TokenError::Invalid));
    // {"alg":"none"} and the claims of `good`.
    let unsigned = format!("eyJhbGciOiJub25lIn0.{}.", good.split('.').nth(1).unwrap());
    assert_eq!(verifier.verify(&unsigned), Err(TokenError::Invalid));
    assert_eq!(verifier.verify(""), Err(TokenError::Invalid));
    assert_eq!(
        verifier.verify(&"x".repeat(1 << 20)),
        Err(TokenError::Invalid)
    );
}

#[test]
fn weak_and_wrong_keys_are_refused_when_configured() {
    assert_eq!(
        Verifier::hs256(b"short").err(),
        Some(KeyError::SecretTooShort)
    );
    assert_eq!(
        Signer::hs256(b"short").err(),
        Some(KeyError::SecretTooShort)
    );
    assert_eq!(Verifier::es256(b"not a pem").err(), Some(KeyError::Pem));
    assert_eq!(Signer::es256(b"not a pem").err(), Some(KeyError::Pem));
}

#[test]
fn ids_that_would_break_logs_are_refused() {
    let signer = Signer::hs256(SECRET).unwrap();
    for bad in ["", "a\nb", "a\u{0}", &"x".repeat(MAX_ID_BYTES + 1)] {
        assert!(
            signer
                .sign(bad, "u", Role::Anchor, now(), Duration::from_secs(60))
                .is_err()
        );
        assert!(
            signer
                .sign("r", bad, Role::Anchor, now(), Duration::from_secs(60))
                .is_err()
        );
    }
}

/// A token with the JSON that some issuer wrote.
fn written(header: &str, claims: &str) -> String {
    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
    let body = [header, claims]
        .map(|part| BASE64_URL_SAFE_NO_PAD.encode(part))
        .join(".");
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, SECRET);
    let tag = ring::hmac::sign(&key, body.as_bytes());
    format!("{body}.{}", BASE64_URL_SAFE_NO_PAD.encode(tag))
}

const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

#[test]
fn times_are_taken_as_issuers_write_them() {
    let verifier = Verifier::hs256(SECRET).unwrap();
    let verify = |times: &str| {
        let claims = format!(r#"{{"room":"r","sub":"u","role":"anchor",{times}}}"#);
        verifier.verify(&written(HEADER, &claims))
    };
    let good = Ok(Permissions::for_test("r", "u", Role::Anchor));
    let fraction = now().as_secs_f64() + 0.5;
    for times in [
        r#""exp":4000000000"#,
        r#""exp":4000000000.0"#,
        r#""exp":4e9"#,
        r#""exp":4.0E+9,"nbf":1.5e9"#,
        r#""exp":4e9,"nbf":null"#,
        r#""exp":4e9,"nbf":-1"#,
        r#""exp":4e9,"iat":-1"#,
        r#""exp":4e9,"iat":null"#,
        r#""exp":1e300"#,
        &format!(r#""exp":4e9,"nbf":{fraction:.3},"iat":{fraction:.6}"#),
        &format!(r#""exp":{:.3}"#, now().as_secs_f64() - 20.5),
    ] {
        assert_eq!(verify(times), good, "{times}");
    }
    for (times, error) in [
        (r#""exp":1.5e9"#, TokenError::Expired),
        (r#""exp":-4e9"#, TokenError::Expired),
        (r#""exp":0"#, TokenError::Expired),
        (r#""exp":4e9,"nbf":3.9e9"#, TokenError::NotYetValid),
        (r#""iat":1"#, TokenError::Invalid),
        (r#""exp":null"#, TokenError::Invalid),
        (r#""exp":"4000000000""#, TokenError::Invalid),
        (r#""exp":1e999"#, TokenError::Invalid),
        (r#""exp":[4e9]"#, TokenError::Invalid),
        (r#""exp":true"#, TokenError::Invalid),
        (r#""exp":4e9,"nbf":"soon""#, TokenError::Invalid),
    ] {
        assert_eq!(verify(times), Err(error), "{times}");
    }
}

#[test]
fn who_is_given_no_role_may_only_subscribe() {
    let verifier = Verifier::hs256(SECRET).unwrap();
    let role = |claims: &str| {
        let token = written(HEADER, claims);
        verifier
            .verify(&token)
            .map(|permissions| permissions.role())
    };
    let none = role(r#"{"room":"r","sub":"u","exp":4e9}"#);
    assert_eq!(none, Ok(Role::Audience));
    let unknown = role(r#"{"room":"r","sub":"u","exp":4e9,"role":"admin"}"#);
    assert_eq!(unknown, Err(TokenError::Invalid));
}

#[test]
fn a_header_that_demands_an_extension_is_refused() {
    let verifier = Verifier::hs256(SECRET).unwrap();
    let claims = r#"{"room":"r","sub":"u","exp":4e9}"#;
    let verify = |header: &str| verifier.verify(&written(header, claims));
    assert!(verify(HEADER).is_ok());
    for crit in [
        r#"["b64"]"#,
        r#"["exp"]"#,
        r#"["bork"],"bork":1"#,
        "[]",
        r#""x""#,
    ] {
        let header = format!(r#"{{"alg":"HS256","crit":{crit}}}"#);
        assert_eq!(verify(&header), Err(TokenError::Invalid), "{header}");
    }
}

#[test]
fn public_keys_of_other_kinds_are_called_by_their_name() {
    let error = |pem: &str| Verifier::es256(pem.as_bytes()).unwrap_err();
    for (algorithm, wanted) in [
        (&rcgen::PKCS_ECDSA_P384_SHA384, KeyError::Curve("P-384")),
        (&rcgen::PKCS_ED25519, KeyError::NotElliptic),
    ] {
        let pair = rcgen::KeyPair::generate_for(algorithm).unwrap();
        assert_eq!(error(&pair.public_key_pem()), wanted);
    }
    let (private, public) = p256();
    assert_eq!(error(&private), KeyError::Pem);

    // The same key with other names and points, as DER: 26 bytes, then the point.
    let der = {
        use rustls_pki_types::{SubjectPublicKeyInfoDer, pem::PemObject};
        SubjectPublicKeyInfoDer::from_pem_slice(public.as_bytes()).unwrap()
    };
    let pem = |der: &[u8]| {
        use base64::{Engine, prelude::BASE64_STANDARD};
        let text = BASE64_STANDARD.encode(der);
        format!("-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----\n")
    };
    assert!(Verifier::es256(pem(&der).as_bytes()).is_ok());
    let mut off_curve = der.to_vec();
    *off_curve.last_mut().unwrap() ^= 1;
    assert_eq!(error(&pem(&off_curve)), KeyError::Point);
    let p256_oid = [0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
    let renamed = |oid: &[u8], name| {
        let at = der
            .windows(10)
            .position(|window| window == p256_oid)
            .unwrap();
        let mut other = [&der[..at], oid, &der[at + 10..]].concat();
        for length in [1, 3] {
            other[length] = other[length] + oid.len() as u8 - 10;
        }
        assert_eq!(error(&pem(&other)), KeyError::Curve(name));
    };
    renamed(&[0x06, 5, 0x2b, 0x81, 4, 0, 0x0a], "secp256k1");
    renamed(
        &[0x06, 8, 0x2a, 0x81, 0x1c, 0xcf, 0x55, 1, 0x82, 0x2d],
        "SM2",
    );
    renamed(&[0x06, 3, 0x2a, 3, 4], "another curve");
}
