//! Encodes and signs the certificates of `crypto/SPEC.md` §7.8.

use std::time::Duration;

use der::{
    Any, Decode, Encode, Sequence,
    asn1::{BitString, Ia5String, ObjectIdentifier, OctetString, UtcTime, Utf8StringRef},
    oid::{
        AssociatedOid,
        db::{rfc4519, rfc5280},
    },
};
use smrtc_crypto::{
    hash::Hash,
    rng::Rng,
    sm2::{DEFAULT_ID, PublicKey, SecretKey},
};
use x509_cert::{
    attr::AttributeTypeAndValue,
    certificate::Version,
    ext::{
        Extension, Extensions,
        pkix::{
            AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages,
            SubjectAltName, SubjectKeyIdentifier, name::GeneralName,
        },
    },
    name::{Name, RdnSequence, RelativeDistinguishedName},
    serial_number::SerialNumber,
    spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned},
    time::{Time, Validity},
};

use super::IssueError;

pub(super) const SM2_WITH_SM3: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.156.10197.1.501");
pub(super) const SM2_CURVE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.156.10197.1.301");
pub(super) const EC_PUBLIC_KEY: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");

/// Longest common name, in characters (RFC 5280 appendix A.1).
const MAX_COMMON_NAME: usize = 64;

/// TBSCertificate of RFC 5280 §4.1; that of `x509-cert` can be parsed but not built.
#[derive(Sequence)]
struct TbsCertificate {
    #[asn1(context_specific = "0", default = "Default::default")]
    version: Version,
    serial_number: SerialNumber,
    signature: AlgorithmIdentifierOwned,
    issuer: Name,
    validity: Validity,
    subject: Name,
    subject_public_key_info: SubjectPublicKeyInfoOwned,
    #[asn1(context_specific = "3", tag_mode = "EXPLICIT", optional = "true")]
    extensions: Option<Extensions>,
}

#[derive(Sequence)]
struct Certificate {
    tbs_certificate: TbsCertificate,
    signature_algorithm: AlgorithmIdentifierOwned,
    signature: BitString,
}

/// Validity: start and end, since 1970.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    pub(super) not_before: Duration,
    pub(super) not_after: Duration,
}

/// A member's certificate before it is signed.
pub(super) struct Leaf<'a> {
    pub(super) user: &'a str,
    pub(super) public_key: &'a PublicKey,
    pub(super) issuer: &'a Name,
    pub(super) times: Times,
}

/// A member's certificate, in DER.
pub(super) fn issue(
    leaf: &Leaf<'_>,
    issuer: &SecretKey,
    rng: &mut dyn Rng,
) -> Result<Vec<u8>, IssueError> {
    let encoded = || {
        let uri = Ia5String::new(&format!("smrtc-user:{}", percent_encode(leaf.user)))?;
        let names = vec![GeneralName::UniformResourceIdentifier(uri)];
        let extensions = vec![
            extension(true, &constraints(false))?,
            extension(true, &KeyUsage(KeyUsages::DigitalSignature.into()))?,
            extension(false, &ExtendedKeyUsage(vec![rfc5280::ID_KP_CLIENT_AUTH]))?,
            extension(false, &SubjectAltName(names))?,
            extension(false, &authority_key(issuer.public_key())?)?,
        ];
        let name = leaf.user;
        let common_name = if name.chars().count() <= MAX_COMMON_NAME {
            name
        } else {
            "smrtc member"
        };
        Ok::<_, der::Error>((named(common_name)?, extensions))
    };
    let (subject, extensions) = encoded().map_err(|_| IssueError::Signing)?;
    let names = (leaf.issuer.clone(), subject);
    sign(names, leaf.public_key, leaf.times, extensions, issuer, rng)
}

/// The certificate of an authority that signs itself, in DER.
pub(super) fn self_signed(
    name: &str,
    key: &SecretKey,
    times: Times,
    rng: &mut dyn Rng,
) -> Result<Vec<u8>, IssueError> {
    let encoded = || {
        let usage = KeyUsages::KeyCertSign | KeyUsages::CRLSign;
        let key_id = SubjectKeyIdentifier(key_id(key.public_key())?);
        let extensions = vec![
            extension(true, &constraints(true))?,
            extension(true, &KeyUsage(usage))?,
            extension(false, &key_id)?,
        ];
        Ok::<_, der::Error>((named(name)?, extensions))
    };
    let (name, extensions) = encoded().map_err(|_| IssueError::Signing)?;
    let names = (name.clone(), name);
    sign(names, key.public_key(), times, extensions, key, rng)
}

/// Whether a certificate belongs to an authority that may sign members' certificates.
pub(super) fn is_authority(tbs: &x509_cert::TbsCertificate) -> bool {
    let basic = tbs.get_extension::<BasicConstraints>();
    let usage = tbs.get_extension::<KeyUsage>();
    matches!(basic, Ok(Some((_, basic))) if basic.ca)
        && usage.is_ok_and(|usage| usage.is_none_or(|(_, usage)| usage.key_cert_sign()))
}

fn sign(
    (issuer, subject): (Name, Name),
    public_key: &PublicKey,
    times: Times,
    extensions: Extensions,
    key: &SecretKey,
    rng: &mut dyn Rng,
) -> Result<Vec<u8>, IssueError> {
    let mut serial = [0; 16];
    rng.fill(&mut serial).map_err(|_| IssueError::Signing)?;
    // Positive, and of one length.
    serial[0] = serial[0] & 0x7f | 0x40;
    let algorithm = AlgorithmIdentifierOwned {
        oid: SM2_WITH_SM3,
        parameters: None,
    };
    let encoded = || {
        Ok::<_, der::Error>(TbsCertificate {
            version: Version::V3,
            serial_number: SerialNumber::new(&serial)?,
            signature: algorithm.clone(),
            issuer,
            validity: Validity::new(time(times.not_before)?, time(times.not_after)?),
            subject,
            subject_public_key_info: SubjectPublicKeyInfoOwned {
                algorithm: AlgorithmIdentifierOwned {
                    oid: EC_PUBLIC_KEY,
                    parameters: Some(Any::encode_from(&SM2_CURVE)?),
                },
                subject_public_key: BitString::from_bytes(&public_key.to_sec1())?,
            },
            extensions: Some(extensions),
        })
    };
    let tbs_certificate = encoded().map_err(|_| IssueError::Signing)?;
    let signed = tbs_certificate.to_der().map_err(|_| IssueError::Signing)?;
    let signature = key.sign(DEFAULT_ID, &signed, rng);
    let signature = signature.map_err(|_| IssueError::Signing)?.to_der();
    let signature = BitString::from_bytes(&signature).map_err(|_| IssueError::Signing)?;
    let certificate = Certificate {
        tbs_certificate,
        signature_algorithm: algorithm,
        signature,
    };
    certificate.to_der().map_err(|_| IssueError::Signing)
}

fn extension<T: Encode + AssociatedOid>(critical: bool, value: &T) -> der::Result<Extension> {
    Ok(Extension {
        extn_id: T::OID,
        critical,
        extn_value: OctetString::new(value.to_der()?)?,
    })
}

fn constraints(ca: bool) -> BasicConstraints {
    BasicConstraints {
        ca,
        path_len_constraint: ca.then_some(0),
    }
}

fn authority_key(key: &PublicKey) -> der::Result<AuthorityKeyIdentifier> {
    Ok(AuthorityKeyIdentifier {
        key_identifier: Some(key_id(key)?),
        authority_cert_issuer: None,
        authority_cert_serial_number: None,
    })
}

/// The first 160 bits of the hash, as RFC 7093 §2 method 1 has it, with SM3.
fn key_id(key: &PublicKey) -> der::Result<OctetString> {
    let hash = Hash::Sm3.digest(&[&key.to_sec1()]);
    OctetString::new(&hash.as_bytes()[..20])
}

fn named(common_name: &str) -> der::Result<Name> {
    let attribute = AttributeTypeAndValue {
        oid: rfc4519::COMMON_NAME,
        value: Any::encode_from(&Utf8StringRef::new(common_name)?)?,
    };
    let mut names = RdnSequence::default();
    names.push(RelativeDistinguishedName::try_from(vec![attribute])?);
    Name::from_der(&names.to_der()?)
}

/// Whole seconds; UTCTime ends with 2049, and so do our certificates.
fn time(since_1970: Duration) -> der::Result<Time> {
    let seconds = Duration::from_secs(since_1970.as_secs());
    Ok(UtcTime::from_unix_duration(seconds)?.into())
}

/// RFC 3986 §2.1, of all but unreserved characters.
fn percent_encode(user: &str) -> String {
    let mut encoded = String::with_capacity(user.len());
    for byte in user.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}
