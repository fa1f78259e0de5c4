//! Lists of revoked certificates (RFC 5280 §5), complete and of one authority.

use x509_cert::crl::CertificateList;
use x509_cert::der::Decode;
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;

use super::certificate::{bits, check_signature_algorithm, malformed, signed_part, verify};
use super::{Certificate, CertificateError};
use crate::mls::suite::Curve;

/// Longest list read, in bytes.
const MAX_LIST_BYTES: usize = 1 << 20;

/// A list, read but not verified: whose it is shows when its authority is known.
#[derive(Clone, Debug)]
pub(super) struct RevocationList {
    signed: Vec<u8>,
    signature: Vec<u8>,
    issuer: Name,
    this_update: u64,
    next_update: u64,
    /// Ascending.
    serials: Vec<SerialNumber>,
}

impl RevocationList {
    pub(super) fn parse(curve: Curve, der: &[u8]) -> Result<Self, CertificateError> {
        if der.len() > MAX_LIST_BYTES {
            return Err(CertificateError::Malformed);
        }
        let signed = signed_part(der)?;
        let parsed: CertificateList = CertificateList::from_der(der).map_err(malformed)?;
        let tbs = &parsed.tbs_cert_list;
        if parsed.signature_algorithm != tbs.signature {
            return Err(CertificateError::Malformed);
        }
        check_signature_algorithm(curve, &tbs.signature)?;
        let revoked = tbs.revoked_certificates.as_deref().unwrap_or_default();
        // Critical ones make a list mean something else: a delta, a part, or the certificates of
        // others.
        let entries = revoked
            .iter()
            .filter_map(|entry| entry.crl_entry_extensions.as_ref());
        let mut extensions = tbs.crl_extensions.iter().chain(entries).flatten();
        if extensions.any(|extension| extension.critical) {
            return Err(CertificateError::CriticalExtension);
        }
        let mut serials: Vec<_> = revoked
            .iter()
            .map(|entry| entry.serial_number.clone())
            .collect();
        serials.sort_unstable();
        // A list without an end would be believed for ever.
        let next_update = tbs.next_update.ok_or(CertificateError::Malformed)?;
        Ok(Self {
            signed,
            signature: bits(&parsed.signature)?.to_vec(),
            issuer: tbs.issuer.clone(),
            this_update: tbs.this_update.to_unix_duration().as_secs(),
            next_update: next_update.to_unix_duration().as_secs(),
            serials,
        })
    }

    fn is_current(&self, curve: Curve, issuer: &Certificate, unix_seconds: u64) -> bool {
        (self.this_update..=self.next_update).contains(&unix_seconds)
            && issuer.signs_revocation_lists()
            && verify(curve, issuer, &self.signed, &self.signature).is_ok()
    }
}

/// Whether `certificate`, which `issuer` signed, is on none of the lists. A list in that
/// issuer's name that is out of date, or not signed by it, tells nothing: whether the certificate is
/// revoked is then unknown. It is unknown too if a list is `required` and there is none.
pub(super) fn check(
    curve: Curve,
    lists: &[RevocationList],
    required: bool,
    certificate: &Certificate,
    issuer: &Certificate,
    unix_seconds: u64,
) -> Result<(), CertificateError> {
    let mut of_issuer = lists
        .iter()
        .filter(|list| list.issuer == issuer.subject)
        .peekable();
    if of_issuer.peek().is_none() {
        return match required {
            true => Err(CertificateError::RevocationUnknown),
            false => Ok(()),
        };
    }
    let mut known = false;
    for list in of_issuer.filter(|list| list.is_current(curve, issuer, unix_seconds)) {
        known = true;
        if list.serials.binary_search(&certificate.serial).is_ok() {
            return Err(CertificateError::Revoked);
        }
    }
    known
        .then_some(())
        .ok_or(CertificateError::RevocationUnknown)
}
