//! One certificate: its parts, and what it says by itself.

use std::time::Duration;

use x509_cert::der::asn1::BitString;
use x509_cert::der::oid::db::{rfc5280, rfc5912};
use x509_cert::der::oid::{AssociatedOid, ObjectIdentifier};
use x509_cert::der::{Decode, Reader, SliceReader};
use x509_cert::ext::pkix::name::GeneralNames;
use x509_cert::ext::pkix::{
    BasicConstraints, ExtendedKeyUsage, KeyUsage, NameConstraints, SubjectAltName,
};
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::AlgorithmIdentifierOwned;

use super::CertificateError;
use crate::mls::suite::Curve;

/// Longest certificate or revocation list entry point read, in bytes.
pub(in crate::mls) const MAX_CERTIFICATE_BYTES: usize = 4096;

/// What a certificate says, taken apart once. Its signature is not verified yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::mls) struct Certificate {
    /// The bytes that are signed, as they came.
    pub(super) signed: Vec<u8>,
    pub(super) signature: Vec<u8>,
    pub(super) serial: SerialNumber,
    pub(super) issuer: Name,
    pub(super) subject: Name,
    pub(super) alternative_names: GeneralNames,
    not_before: Duration,
    not_after: Duration,
    public_key: Vec<u8>,
    authority: Option<Authority>,
    key_usage: Option<KeyUsage>,
    extended_key_usage: Option<ExtendedKeyUsage>,
}

/// That it is an authority's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Authority {
    path_length: Option<u8>,
}

impl Certificate {
    /// Reads a certificate whose key and signature are of `curve`.
    pub(in crate::mls) fn parse(curve: Curve, der: &[u8]) -> Result<Self, CertificateError> {
        if der.len() > MAX_CERTIFICATE_BYTES {
            return Err(CertificateError::Malformed);
        }
        let signed = signed_part(der)?;
        let parsed = x509_cert::Certificate::from_der(der).map_err(malformed)?;
        let tbs = parsed.tbs_certificate();
        let algorithm = parsed.signature_algorithm();
        if algorithm != tbs.signature() {
            return Err(CertificateError::Malformed);
        }
        check_signature_algorithm(curve, algorithm)?;
        let spki = tbs.subject_public_key_info();
        check_key_algorithm(curve, &spki.algorithm)?;
        let public_key = bits(&spki.subject_public_key)?.to_vec();
        let valid = curve.check_public(&public_key);
        valid.map_err(|_| CertificateError::Key)?;
        check_extensions(tbs)?;
        let basic: Option<BasicConstraints> = extension(tbs)?;
        let names: Option<SubjectAltName> = extension(tbs)?;
        Ok(Self {
            signed,
            signature: bits(parsed.signature())?.to_vec(),
            serial: tbs.serial_number().clone(),
            issuer: tbs.issuer().clone(),
            subject: tbs.subject().clone(),
            alternative_names: names.map(|names| names.0).unwrap_or_default(),
            not_before: tbs.validity().not_before.to_unix_duration(),
            not_after: tbs.validity().not_after.to_unix_duration(),
            public_key,
            authority: basic.filter(|basic| basic.ca).map(|basic| Authority {
                path_length: basic.path_len_constraint,
            }),
            key_usage: extension(tbs)?,
            extended_key_usage: extension(tbs)?,
        })
    }

    /// The key, an uncompressed point.
    pub(in crate::mls) fn public_key(&self) -> &[u8] {
        &self.public_key
    }

    /// The second since 1970 from which it is over.
    pub(in crate::mls) fn expires(&self) -> u64 {
        // `notAfter` itself is still within.
        self.not_after.as_secs().saturating_add(1)
    }

    /// The second since 1970 from which it is valid.
    pub(in crate::mls) fn begins(&self) -> u64 {
        self.not_before.as_secs()
    }

    /// Whether `unix_seconds` lies within its validity.
    pub(super) fn check_time(&self, unix_seconds: u64) -> Result<(), CertificateError> {
        if unix_seconds < self.begins() {
            return Err(CertificateError::NotYetValid);
        }
        if unix_seconds >= self.expires() {
            return Err(CertificateError::Expired);
        }
        Ok(())
    }

    /// Whether its key may sign a member's messages: no authority's, and not kept for something
    /// else.
    pub(super) fn check_member(&self) -> Result<(), CertificateError> {
        let signs = self.key_usage.is_none_or(|usage| usage.digital_signature());
        let for_clients = self.extended_key_usage.as_ref().is_none_or(|usage| {
            usage.0.iter().any(|id| {
                [rfc5280::ID_KP_CLIENT_AUTH, rfc5280::ANY_EXTENDED_KEY_USAGE].contains(id)
            })
        });
        let fits = self.authority.is_none() && signs && for_clients;
        fits.then_some(()).ok_or(CertificateError::KeyUsage)
    }

    /// Whether its key may sign certificates, with `below` authorities between it and the member.
    pub(super) fn check_authority(&self, below: usize) -> Result<(), CertificateError> {
        let authority = self.authority.ok_or(CertificateError::NotAuthority)?;
        if self.key_usage.is_some_and(|usage| !usage.key_cert_sign()) {
            return Err(CertificateError::KeyUsage);
        }
        let fits = authority
            .path_length
            .is_none_or(|most| below <= usize::from(most));
        fits.then_some(()).ok_or(CertificateError::PathLength)
    }

    /// Whether its key may sign revocation lists.
    pub(super) fn signs_revocation_lists(&self) -> bool {
        self.key_usage.is_none_or(|usage| usage.crl_sign())
    }
}

/// The first element of the SEQUENCE that a signed structure of X.509 is, byte for byte: what is
/// verified is what came, not what an encoder of ours would make of it.
pub(super) fn signed_part(der: &[u8]) -> Result<Vec<u8>, CertificateError> {
    let mut reader = SliceReader::new(der).map_err(malformed)?;
    let signed = reader.sequence(|inner| {
        let signed = inner.tlv_bytes()?.to_vec();
        inner.tlv_bytes()?;
        inner.tlv_bytes()?;
        Ok::<_, x509_cert::der::Error>(signed)
    });
    let signed = signed.map_err(malformed)?;
    reader.finish().map_err(malformed)?;
    Ok(signed)
}

/// Verifies the signature of a signed structure.
pub(super) fn verify(
    curve: Curve,
    issuer: &Certificate,
    signed: &[u8],
    signature: &[u8],
) -> Result<(), CertificateError> {
    curve
        .verify(&issuer.public_key, signature, signed)
        .map_err(|_| CertificateError::Signature)
}

/// The whole bytes of a BIT STRING.
pub(super) fn bits(bits: &BitString) -> Result<&[u8], CertificateError> {
    bits.as_bytes().ok_or(CertificateError::Malformed)
}

pub(super) fn check_signature_algorithm(
    curve: Curve,
    algorithm: &AlgorithmIdentifierOwned,
) -> Result<(), CertificateError> {
    // GM/T 0015 writes NULL parameters with SM2, RFC 8998 none; RFC 5758 forbids any with ECDSA.
    let (oid, null_allowed) = match curve {
        Curve::Sm2 => (SM2_WITH_SM3, true),
        Curve::P256 => (rfc5912::ECDSA_WITH_SHA_256, false),
    };
    let parameters = match &algorithm.parameters {
        None => true,
        Some(parameters) => null_allowed && parameters.is_null(),
    };
    let fits = algorithm.oid == oid && parameters;
    fits.then_some(()).ok_or(CertificateError::Algorithm)
}

fn check_key_algorithm(
    curve: Curve,
    algorithm: &AlgorithmIdentifierOwned,
) -> Result<(), CertificateError> {
    let named = algorithm
        .parameters
        .as_ref()
        .and_then(|parameters| parameters.decode_as::<ObjectIdentifier>().ok());
    let fits = algorithm.oid == rfc5912::ID_EC_PUBLIC_KEY && named == Some(curve_oid(curve));
    fits.then_some(()).ok_or(CertificateError::Algorithm)
}

pub(super) fn curve_oid(curve: Curve) -> ObjectIdentifier {
    match curve {
        Curve::Sm2 => SM2_CURVE,
        Curve::P256 => rfc5912::SECP_256_R_1,
    }
}

/// Nothing critical that is not understood, nothing twice, and no name constraints, which would
/// have to be obeyed.
fn check_extensions(tbs: &x509_cert::TbsCertificate) -> Result<(), CertificateError> {
    let extensions = tbs.extensions().map(Vec::as_slice).unwrap_or_default();
    for (position, one) in extensions.iter().enumerate() {
        if extensions[..position]
            .iter()
            .any(|other| other.extn_id == one.extn_id)
        {
            return Err(CertificateError::Malformed);
        }
        let understood = [
            BasicConstraints::OID,
            KeyUsage::OID,
            ExtendedKeyUsage::OID,
            SubjectAltName::OID,
        ];
        if (one.critical && !understood.contains(&one.extn_id))
            || one.extn_id == NameConstraints::OID
        {
            return Err(CertificateError::CriticalExtension);
        }
    }
    Ok(())
}

fn extension<T>(tbs: &x509_cert::TbsCertificate) -> Result<Option<T>, CertificateError>
where
    T: for<'a> Decode<'a, Error = x509_cert::der::Error> + AssociatedOid,
{
    let found = tbs.get_extension::<T>().map_err(malformed)?;
    Ok(found.map(|(_, value)| value))
}

pub(super) fn malformed<E>(_: E) -> CertificateError {
    CertificateError::Malformed
}

/// SM2-with-SM3, GM/T 0006.
pub(super) const SM2_WITH_SM3: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.156.10197.1.501");

/// The curve of SM2, GM/T 0006.
const SM2_CURVE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.156.10197.1.301");
