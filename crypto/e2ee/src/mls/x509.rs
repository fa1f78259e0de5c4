//! X.509 for members (RFC 5280, cut down to what a room needs): chains, trust anchors, revocation
//! lists, requests.
//!
//! | file | holds |
//! |---|---|
//! | `certificate` | one certificate, read once and checked for everything that it says by itself |
//! | `path` | from a member's certificate to a trust anchor, at a time |
//! | `revocation` | lists of revoked certificates |
//! | `user` | the user whom a certificate names |
//! | `request` | PKCS#10, to ask an authority for a certificate |
//!
//! The parsers are those of the crate `x509-cert`; keys, signatures and every decision are ours.
//! Profile and rules are in `crypto/SPEC.md` §7.8. This asks no OCSP server,
//! stores nothing and reads no clock. Name constraints and policies are not understood, so a certificate that
//! insists on them is refused.

mod certificate;
mod error;
mod path;
mod request;
mod revocation;
mod user;

pub use error::CertificateError;
pub use path::{MAX_CHAIN, TrustAnchors};

pub(super) use certificate::Certificate;
pub(super) use request::certificate_request;
