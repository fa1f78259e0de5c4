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
        // Within base64url, so that the signature decides and not the decoder; the last character of each part holds
        // unused bits, which strict decoders refuse and which the signature covers.
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
    // The algorithm is the key's, not the token's: an ES256 verifier takes no HS256 token made from its public key.
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
