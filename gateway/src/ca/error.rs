use std::{io, path::PathBuf};

/// Why an authority cannot be used.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// A file cannot be read.
    #[error("cannot read {0}: {1}")]
    Read(PathBuf, #[source] io::Error),
    /// A file holds no certificate, or no key in PKCS#8.
    #[error("{0} holds no usable PEM section: {1}")]
    Parse(PathBuf, #[source] rustls_pki_types::pem::Error),
    /// The key is not an SM2 key.
    #[error("the authority's key is no SM2 key in PKCS#8")]
    Key,
    /// The certificate is not an authority's, or malformed.
    #[error("the authority's certificate is not one of an authority that may sign certificates")]
    Certificate,
    /// The key does not belong to the certificate.
    #[error("the authority's key does not fit its certificate")]
    Mismatch,
    /// The certificate has expired, so members' certificates would be invalid too.
    #[error("the authority's certificate has expired")]
    Expired,
    /// The certificate is not valid yet.
    #[error("the authority's certificate is not valid yet; is this machine's clock right?")]
    NotYetValid,
    /// The lifetime of members' certificates is zero or too long.
    #[error("certificates must live between 1 second and 31 days")]
    Lifetime,
}

/// Why no certificate was issued.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IssueError {
    /// The request is not PKCS#10 in DER or PEM, or too large.
    #[error("the body is no PKCS#10 request in DER or PEM")]
    Malformed,
    /// The request is for another kind of key.
    #[error("the request is not for an SM2 key with an uncompressed point, signed with SM3")]
    Algorithm,
    /// The signature does not prove that the requester has the key.
    #[error("the signature of the request is wrong; the identifier is 1234567812345678")]
    Signature,
    /// The authority's own certificate has expired.
    #[error("the authority's own certificate has expired")]
    AuthorityExpired,
    /// The system gave no randomness, or a self-test failed.
    #[error("the authority cannot sign")]
    Signing,
}
