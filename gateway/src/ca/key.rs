//! SM2 keys in PKCS#8 (RFC 5958, RFC 5915), and randomness.

use der::{
    Decode, Encode, Sequence,
    asn1::{BitStringRef, ObjectIdentifier, OctetStringRef},
};
use ring::rand::{SecureRandom, SystemRandom};
use smrtc_crypto::{
    rng::{Rng, RngError},
    sm2::SecretKey,
};
use zeroize::Zeroizing;

use super::certificate::{EC_PUBLIC_KEY, SM2_CURVE};

/// Randomness of the operating system.
#[derive(Debug)]
pub(super) struct SystemRng;

impl Rng for SystemRng {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RngError> {
        SystemRandom::new().fill(out).map_err(|_| RngError)
    }
}

#[derive(Sequence)]
struct PrivateKeyInfo<'a> {
    version: u8,
    algorithm: Algorithm,
    private_key: &'a OctetStringRef,
}

#[derive(PartialEq, Eq, Sequence)]
struct Algorithm {
    oid: ObjectIdentifier,
    curve: ObjectIdentifier,
}

#[derive(Sequence)]
struct EcPrivateKey<'a> {
    version: u8,
    private_key: &'a OctetStringRef,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    parameters: Option<ObjectIdentifier>,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    public_key: Option<BitStringRef<'a>>,
}

const ALGORITHM: Algorithm = Algorithm {
    oid: EC_PUBLIC_KEY,
    curve: SM2_CURVE,
};

/// The key of a PKCS#8 structure, if it is an SM2 key.
pub(super) fn decode(der: &[u8]) -> Option<SecretKey> {
    let info = PrivateKeyInfo::from_der(der).ok()?;
    let inner = EcPrivateKey::from_der(info.private_key.as_bytes()).ok()?;
    if info.algorithm != ALGORITHM || info.version != 0 || inner.version != 1 {
        return None;
    }
    SecretKey::from_bytes(inner.private_key.as_bytes()).ok()
}

/// The key as PKCS#8.
pub(super) fn encode(key: &SecretKey) -> Result<Zeroizing<Vec<u8>>, der::Error> {
    let (secret, public) = (key.to_bytes(), key.public_key().to_sec1());
    let inner = EcPrivateKey {
        version: 1,
        private_key: OctetStringRef::new(secret.expose())?,
        parameters: None,
        public_key: Some(BitStringRef::from_bytes(&public)?),
    };
    let inner = Zeroizing::new(inner.to_der()?);
    let info = PrivateKeyInfo {
        version: 0,
        algorithm: ALGORITHM,
        private_key: OctetStringRef::new(&inner)?,
    };
    Ok(Zeroizing::new(info.to_der()?))
}
