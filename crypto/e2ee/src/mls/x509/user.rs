//! The user whom a member's certificate names (`crypto/SPEC.md` §7.8).
//!
//! A subject alternative name `smrtc-user:` with the user's name percent-encoded, if there is such
//! a URI; else the common name of the subject. There must be one, not several: a
//! certificate that names two people is refused.

use x509_cert::der::asn1::{PrintableStringRef, Utf8StringRef};
use x509_cert::der::oid::db::rfc4519;
use x509_cert::ext::pkix::name::GeneralName;

use super::{Certificate, CertificateError};
use crate::mls::user_name::is_user;

impl Certificate {
    /// The user whom the certificate names.
    pub(in crate::mls) fn user(&self) -> Result<String, CertificateError> {
        let mut uris = self.alternative_names.iter().filter_map(|name| match name {
            GeneralName::UniformResourceIdentifier(uri) => uri.as_str().strip_prefix(SCHEME),
            _ => None,
        });
        let user = match (uris.next(), uris.next()) {
            (Some(uri), None) => percent_decode(uri),
            (None, _) => self.common_name(),
            _ => None,
        };
        user.filter(|user| is_user(user))
            .ok_or(CertificateError::User)
    }

    fn common_name(&self) -> Option<String> {
        let mut names = self
            .subject
            .iter()
            .filter(|attribute| attribute.oid == rfc4519::COMMON_NAME);
        let (Some(name), None) = (names.next(), names.next()) else {
            return None;
        };
        let utf8 = name.value.decode_as::<Utf8StringRef<'_>>();
        let printable = || name.value.decode_as::<PrintableStringRef<'_>>();
        utf8.map(|text| text.as_str().to_owned())
            .or_else(|_| printable().map(|text| text.as_str().to_owned()))
            .ok()
    }
}

/// Undoes RFC 3986 §2.1. None for anything that is no printable ASCII, or no UTF-8 behind it.
fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => hex(bytes.next()?)? << 4 | hex(bytes.next()?)?,
            0x21..=0x7e => byte,
            _ => return None,
        });
    }
    String::from_utf8(decoded).ok()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|value| value as u8)
}

/// Scheme of the URI that names a user.
const SCHEME: &str = "smrtc-user:";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_encoding_comes_apart_or_is_refused() {
        for (text, user) in [
            ("alice", Some("alice")),
            ("a%20b", Some("a b")),
            ("%E5%BC%A0%e4%b8%89", Some("张三")),
            ("", Some("")),
            ("%", None),
            ("%4", None),
            ("%zz", None),
            ("%ff", None),
            ("a b", None),
            ("张三", None),
        ] {
            assert_eq!(percent_decode(text).as_deref(), user, "{text}");
        }
    }
}
