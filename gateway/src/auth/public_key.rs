//! Public keys for ES256 tokens. A key that is not P-256 is refused when the gateway starts, not at
//! each token.

use der::{
    AnyRef, Decode,
    asn1::{BitStringRef, ObjectIdentifier},
};
use jsonwebtoken::DecodingKey;
use rustls_pki_types::{SubjectPublicKeyInfoDer, pem::PemObject};

use super::KeyError;

const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");

/// Other kinds of keys that such files hold, for the error message.
const OTHERS: [(ObjectIdentifier, &str); 5] = [
    (ObjectIdentifier::new_unwrap("1.3.132.0.34"), "P-384"),
    (ObjectIdentifier::new_unwrap("1.3.132.0.35"), "P-521"),
    (ObjectIdentifier::new_unwrap("1.3.132.0.10"), "secp256k1"),
    (ObjectIdentifier::new_unwrap("1.2.156.10197.1.301"), "SM2"),
    (
        ObjectIdentifier::new_unwrap("1.3.36.3.3.2.8.1.1.7"),
        "brainpoolP256r1",
    ),
];

/// An uncompressed point: a byte that says so, and two coordinates.
const POINT_BYTES: usize = 65;

/// The structure of RFC 5280 §4.1.2.7.
#[derive(der::Sequence)]
struct Spki<'a> {
    algorithm: Algorithm<'a>,
    key: BitStringRef<'a>,
}

#[derive(der::Sequence)]
struct Algorithm<'a> {
    algorithm: ObjectIdentifier,
    parameters: Option<AnyRef<'a>>,
}

/// Reads the P-256 public key in `pem`.
pub(super) fn decode(pem: &[u8]) -> Result<DecodingKey, KeyError> {
    let der = SubjectPublicKeyInfoDer::from_pem_slice(pem).map_err(|_| KeyError::Pem)?;
    let spki = Spki::from_der(&der).map_err(|_| KeyError::Pem)?;
    if spki.algorithm.algorithm != EC_PUBLIC_KEY {
        return Err(KeyError::NotElliptic);
    }
    let curve = spki.algorithm.parameters;
    let curve = curve.and_then(|curve| curve.decode_as::<ObjectIdentifier>().ok());
    match curve {
        Some(P256) => {}
        Some(other) => {
            let known = OTHERS.iter().find(|(oid, _)| *oid == other);
            return Err(KeyError::Curve(
                known.map_or("another curve", |(_, name)| name),
            ));
        }
        None => return Err(KeyError::Curve("a curve without a name")),
    }
    match spki.key.as_bytes() {
        Some(point @ [4, ..]) if point.len() == POINT_BYTES && is_on_curve(point) => {
            Ok(DecodingKey::from_ec_der(point))
        }
        _ => Err(KeyError::Point),
    }
}

/// Checks that the point is on the curve: by a key agreement, since `ring` checks points only
/// there.
fn is_on_curve(point: &[u8]) -> bool {
    use ring::agreement::{ECDH_P256, EphemeralPrivateKey, UnparsedPublicKey, agree_ephemeral};
    let random = ring::rand::SystemRandom::new();
    EphemeralPrivateKey::generate(&ECDH_P256, &random)
        .and_then(|ours| agree_ephemeral(ours, &UnparsedPublicKey::new(&ECDH_P256, point), |_| ()))
        .is_ok()
}
