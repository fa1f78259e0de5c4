//! Why a certificate is not accepted.

/// Why a certificate, a chain or a revocation list is not accepted.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum CertificateError {
    /// Not DER of the kind expected, or too large.
    #[error("malformed certificate")]
    Malformed,
    /// Keys or signatures of another algorithm than the room's suite has.
    #[error("a certificate of another algorithm")]
    Algorithm,
    /// The key is no point of the curve, or not the key that the member signs with.
    #[error("a certificate for another key")]
    Key,
    /// It names no user, or another than it should.
    #[error("a certificate that names another user")]
    User,
    /// It insists on something that is not understood here.
    #[error("a critical extension that is not understood")]
    CriticalExtension,
    /// The key may not be used for this: a member's must sign messages, an authority's
    /// certificates, and neither both.
    #[error("a key that may not be used for this")]
    KeyUsage,
    /// An issuer that is no certification authority.
    #[error("the issuer is no certification authority")]
    NotAuthority,
    /// More authorities below one than it allows, or than are allowed here.
    #[error("the chain is too long")]
    PathLength,
    /// It does not lead to a trust anchor.
    #[error("the chain leads to no trust anchor")]
    UnknownAuthority,
    /// A signature in the chain is wrong.
    #[error("a wrong signature in the chain")]
    Signature,
    /// Its time has not come.
    #[error("the certificate is not valid yet")]
    NotYetValid,
    /// Its time has passed.
    #[error("the certificate has expired")]
    Expired,
    /// Its authority has revoked it.
    #[error("the certificate is revoked")]
    Revoked,
    /// Whether it is revoked cannot be told: the list is missing, out of date or not its
    /// authority's.
    #[error("no current revocation list")]
    RevocationUnknown,
    /// Nobody said what time it is.
    #[error("no time to check the certificate at")]
    NoTime,
    /// The member has no certificate, and the room asks for one.
    #[error("no certificate, where the room asks for one")]
    Missing,
    /// A member whose credential is basic, under a name that was certified before. Both are
    /// admitted; only the gateway says that it is the same person.
    #[error("no certificate any more, under a name that had one")]
    Lost,
}
