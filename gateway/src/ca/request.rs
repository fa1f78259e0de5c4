//! PKCS#10 requests: the key, and the proof that the requester has it.

use der::{Decode, Reader, SliceReader};
use rustls_pki_types::{CertificateSigningRequestDer, pem::PemObject};
use smrtc_crypto::sm2::{DEFAULT_ID, PUBLIC_KEY_BYTES, PublicKey, Signature};
use x509_cert::request::CertReq;

use super::{
    IssueError,
    certificate::{EC_PUBLIC_KEY, SM2_CURVE, SM2_WITH_SM3},
};

/// Longest request, in bytes.
const MAX_REQUEST_BYTES: usize = 3 << 10;

/// The public key of a request in DER or PEM, whose signature is verified.
pub(super) fn verify(request: &[u8]) -> Result<PublicKey, IssueError> {
    if request.len() > MAX_REQUEST_BYTES {
        return Err(IssueError::Malformed);
    }
    if request.starts_with(b"-----BEGIN") {
        let der = CertificateSigningRequestDer::from_pem_slice(request);
        return verify_der(&der.map_err(malformed)?);
    }
    verify_der(request)
}

fn verify_der(der: &[u8]) -> Result<PublicKey, IssueError> {
    let request = CertReq::from_der(der).map_err(malformed)?;
    let key = &request.info.public_key;
    let curve = key.algorithm.parameters.as_ref();
    let curve = curve.and_then(|curve| curve.decode_as::<der::asn1::ObjectIdentifier>().ok());
    let plain = |parameters: &Option<der::Any>| {
        parameters
            .as_ref()
            .is_none_or(|parameters| parameters.is_null())
    };
    let fits = request.algorithm.oid == SM2_WITH_SM3
        && plain(&request.algorithm.parameters)
        && key.algorithm.oid == EC_PUBLIC_KEY
        && curve == Some(SM2_CURVE);
    let point = key.subject_public_key.as_bytes().unwrap_or_default();
    if !fits || point.len() != PUBLIC_KEY_BYTES {
        return Err(IssueError::Algorithm);
    }
    let key = PublicKey::from_sec1(point).map_err(|_| IssueError::Algorithm)?;
    let signature = request.signature.as_bytes().unwrap_or_default();
    let signature = Signature::from_der(signature).map_err(|_| IssueError::Signature)?;
    let signed = signed_part(der).map_err(malformed)?;
    key.verify(DEFAULT_ID, signed, &signature)
        .map_err(|_| IssueError::Signature)?;
    Ok(key)
}

/// The signed bytes, as received.
fn signed_part(der: &[u8]) -> Result<&[u8], der::Error> {
    let mut reader = SliceReader::new(der)?;
    reader.sequence(|inner| {
        let signed = inner.tlv_bytes()?;
        inner.tlv_bytes()?;
        inner.tlv_bytes()?;
        Ok(signed)
    })
}

fn malformed<E>(_: E) -> IssueError {
    IssueError::Malformed
}
