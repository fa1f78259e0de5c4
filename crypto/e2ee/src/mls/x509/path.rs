//! From a member's certificate to a trust anchor (RFC 5280 §6, without policies and name
//! constraints).

use super::certificate::verify;
use super::revocation::{self, RevocationList};
use super::{Certificate, CertificateError};
use crate::mls::suite::{Curve, Suite};

/// Most certificates in a member's chain, its own included.
pub const MAX_CHAIN: usize = 4;

/// Most anchors, and most revocation lists.
const MAX_ANCHORS: usize = 64;

/// The authorities whom a room trusts, and what they have revoked.
#[derive(Clone, Debug)]
pub struct TrustAnchors {
    curve: Curve,
    anchors: Vec<Certificate>,
    lists: Vec<RevocationList>,
    lists_required: bool,
}

/// A chain that leads to an anchor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::mls) struct Valid {
    /// The key of the member's certificate.
    pub(in crate::mls) public_key: Vec<u8>,
    /// The user whom it names.
    pub(in crate::mls) user: String,
}

impl TrustAnchors {
    /// Trusts the authorities of these certificates, each in DER, of the suite's algorithms; who
    /// signed them does not matter.
    ///
    /// # Errors
    ///
    /// [`CertificateError`], of the first that is malformed, of another algorithm or no
    /// authority's.
    pub fn new<T: AsRef<[u8]>>(suite: Suite, anchors: &[T]) -> Result<Self, CertificateError> {
        let curve = suite.curve();
        if anchors.len() > MAX_ANCHORS {
            return Err(CertificateError::Malformed);
        }
        let anchors = anchors
            .iter()
            .map(|der| {
                let anchor = Certificate::parse(curve, der.as_ref())?;
                anchor.check_authority(0)?;
                Ok(anchor)
            })
            .collect::<Result<_, CertificateError>>()?;
        Ok(Self {
            curve,
            anchors,
            lists: Vec::new(),
            lists_required: false,
        })
    }

    /// Also heeds this revocation list, in DER. From now on whatever its issuer signed is refused
    /// once the list is out of date.
    ///
    /// # Errors
    ///
    /// [`CertificateError`], if it is malformed, of another algorithm, or says something that is
    /// not understood.
    pub fn with_revocation_list(mut self, list: &[u8]) -> Result<Self, CertificateError> {
        if self.lists.len() >= MAX_ANCHORS {
            return Err(CertificateError::Malformed);
        }
        self.lists.push(RevocationList::parse(self.curve, list)?);
        Ok(self)
    }

    /// Refuses certificates of authorities that have no current revocation list here.
    #[must_use]
    pub fn requiring_revocation_lists(mut self) -> Self {
        self.lists_required = true;
        self
    }

    /// Checks a member's chain at a time, in seconds since 1970: its own certificate first, then
    /// each issuer's, with the anchor or without. Gives the user whom it names.
    ///
    /// # Errors
    ///
    /// [`CertificateError`], of the first thing wrong with it.
    pub fn verify<T: AsRef<[u8]>>(
        &self,
        chain: &[T],
        unix_seconds: u64,
    ) -> Result<String, CertificateError> {
        self.check(chain, unix_seconds).map(|valid| valid.user)
    }

    pub(in crate::mls) fn check<T: AsRef<[u8]>>(
        &self,
        chain: &[T],
        unix_seconds: u64,
    ) -> Result<Valid, CertificateError> {
        if chain.len() > MAX_CHAIN {
            return Err(CertificateError::PathLength);
        }
        let chain = chain
            .iter()
            .map(|der| Certificate::parse(self.curve, der.as_ref()))
            .collect::<Result<Vec<_>, _>>()?;
        let member = chain.first().ok_or(CertificateError::Missing)?;
        member.check_member()?;
        let user = member.user()?;
        self.check_path(&chain, unix_seconds)?;
        Ok(Valid {
            public_key: member.public_key().to_vec(),
            user,
        })
    }

    /// Climbs the chain until an anchor has signed. What comes behind in the chain may be that
    /// anchor and nothing else.
    fn check_path(&self, chain: &[Certificate], now: u64) -> Result<(), CertificateError> {
        for (below, certificate) in chain.iter().enumerate() {
            certificate.check_time(now)?;
            if let Some(anchor) = self.anchor_of(certificate)? {
                let rest = &chain[below + 1..];
                if !rest.iter().all(|other| other == anchor) {
                    return Err(CertificateError::UnknownAuthority);
                }
                anchor.check_time(now)?;
                anchor.check_authority(below)?;
                return self.check_revocation(certificate, anchor, now);
            }
            let issuer = chain
                .get(below + 1)
                .filter(|issuer| issuer.subject == certificate.issuer)
                .ok_or(CertificateError::UnknownAuthority)?;
            issuer.check_authority(below)?;
            verify(
                self.curve,
                issuer,
                &certificate.signed,
                &certificate.signature,
            )?;
            self.check_revocation(certificate, issuer, now)?;
        }
        Err(CertificateError::UnknownAuthority)
    }

    /// The anchor that signed `certificate`; none if no anchor has its issuer's name, an error if
    /// one has and did not sign.
    fn anchor_of(
        &self,
        certificate: &Certificate,
    ) -> Result<Option<&Certificate>, CertificateError> {
        let mut namesakes = self
            .anchors
            .iter()
            .filter(|anchor| anchor.subject == certificate.issuer)
            .peekable();
        if namesakes.peek().is_none() {
            return Ok(None);
        }
        let signer = namesakes.find(|anchor| {
            let (signed, signature) = (&certificate.signed, &certificate.signature);
            verify(self.curve, anchor, signed, signature).is_ok()
        });
        signer.map(Some).ok_or(CertificateError::Signature)
    }

    fn check_revocation(
        &self,
        certificate: &Certificate,
        issuer: &Certificate,
        now: u64,
    ) -> Result<(), CertificateError> {
        let (lists, required) = (&self.lists, self.lists_required);
        revocation::check(self.curve, lists, required, certificate, issuer, now)
    }
}
