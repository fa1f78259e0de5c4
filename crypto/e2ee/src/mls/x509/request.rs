//! PKCS#10 (RFC 2986): asks an authority to certify a key, and shows that one has it.

use x509_cert::attr::{AttributeTypeAndValue, Attributes};
use x509_cert::der::asn1::{Any, BitString, Utf8StringRef};
use x509_cert::der::oid::db::{rfc4519, rfc5912};
use x509_cert::der::{Decode, Encode, Error};
use x509_cert::name::{Name, RdnSequence, RelativeDistinguishedName};
use x509_cert::request::{CertReq, CertReqInfo, Version};
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};

use super::certificate::{SM2_WITH_SM3, curve_oid};
use crate::mls::error::CipherError;
use crate::mls::suite::Curve;
use crate::rng::Rng;

/// A request in DER for the public key of `secret`, whose subject is the common name `user`, if
/// that is short enough to be one.
pub(in crate::mls) fn certificate_request(
    curve: Curve,
    user: &str,
    secret: &[u8],
    rng: &mut dyn Rng,
) -> Result<Vec<u8>, CipherError> {
    let public = curve.public_of(secret)?;
    let info = info(curve, user, &public).map_err(|_| CipherError::Length)?;
    let signed = info.to_der().map_err(|_| CipherError::Length)?;
    let signature = curve.sign(secret, &signed, rng)?;
    let algorithm = AlgorithmIdentifierOwned {
        oid: match curve {
            Curve::Sm2 => SM2_WITH_SM3,
            Curve::P256 => rfc5912::ECDSA_WITH_SHA_256,
        },
        parameters: None,
    };
    let signature = BitString::from_bytes(&signature).map_err(|_| CipherError::Length)?;
    let request = CertReq {
        info,
        algorithm,
        signature,
    };
    request.to_der().map_err(|_| CipherError::Length)
}

fn info(curve: Curve, user: &str, public: &[u8]) -> Result<CertReqInfo, Error> {
    let mut subject = RdnSequence::default();
    if user.chars().count() <= MAX_COMMON_NAME {
        let common_name = AttributeTypeAndValue {
            oid: rfc4519::COMMON_NAME,
            value: Any::encode_from(&Utf8StringRef::new(user)?)?,
        };
        subject.push(RelativeDistinguishedName::try_from(vec![common_name])?);
    }
    Ok(CertReqInfo {
        version: Version::V1,
        subject: Name::from_der(&subject.to_der()?)?,
        public_key: SubjectPublicKeyInfoOwned {
            algorithm: AlgorithmIdentifierOwned {
                oid: rfc5912::ID_EC_PUBLIC_KEY,
                parameters: Some(Any::encode_from(&curve_oid(curve))?),
            },
            subject_public_key: BitString::from_bytes(public)?,
        },
        attributes: Attributes::default(),
    })
}

/// Longest common name, in characters (RFC 5280 appendix A.1).
const MAX_COMMON_NAME: usize = 64;
