//! Which certificates the application is told of.

use std::collections::BTreeSet;

use super::types::RosterMember;
use crate::mls::admission::RefusedCertificate;
use crate::mls::x509::CertificateError;

/// What was told, and who once had a certificate.
#[derive(Default)]
pub(super) struct CertificateReports {
    /// Told in this epoch.
    told: BTreeSet<RefusedCertificate>,
    /// Users who were in the group with a certificate.
    once_certified: BTreeSet<String>,
}

impl CertificateReports {
    /// A new epoch begins with these members; gives what is to be told of them.
    ///
    /// Where a room takes both kinds of credentials, a name that has lost its certificate is told.
    /// It cannot be refused: who came later does not know of it, and the group would part.
    pub(super) fn begin_epoch(&mut self, members: &[RosterMember]) -> Vec<RefusedCertificate> {
        self.told.clear();
        for member in members.iter().filter(|member| member.expires.is_some()) {
            self.once_certified.insert(member.user.clone());
        }
        let lost = members
            .iter()
            .filter(|member| member.expires.is_none())
            .filter(|member| self.once_certified.contains(&member.user))
            .map(|member| (Some(member.user.clone()), CertificateError::Lost))
            .collect();
        self.not_told_yet(lost)
    }

    /// Those of `refused` that were not told in this epoch. Each is told once in an epoch, however
    /// often it is offered.
    pub(super) fn not_told_yet(
        &mut self,
        refused: Vec<RefusedCertificate>,
    ) -> Vec<RefusedCertificate> {
        refused
            .into_iter()
            .filter(|one| self.told.len() < MAX_TOLD && self.told.insert(one.clone()))
            .collect()
    }
}

/// Invalid certificates told in one epoch.
const MAX_TOLD: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mls::session::tests::member;

    #[test]
    fn a_refused_certificate_is_told_once_in_an_epoch() {
        let mut reports = CertificateReports::default();
        let refused = vec![(Some("eve".to_owned()), CertificateError::Expired)];
        assert_eq!(reports.not_told_yet(refused.clone()), refused);
        assert!(reports.not_told_yet(refused.clone()).is_empty());
        assert!(reports.begin_epoch(&[]).is_empty());
        assert_eq!(reports.not_told_yet(refused.clone()), refused);
    }

    #[test]
    fn a_name_that_comes_back_without_its_certificate_is_told_in_each_epoch() {
        let mut reports = CertificateReports::default();
        let (mut certified, basic) = (member(1, "bob"), member(1, "bob"));
        certified.expires = Some(9);
        assert!(reports.begin_epoch(std::slice::from_ref(&basic)).is_empty());
        assert!(reports.begin_epoch(&[certified]).is_empty());
        let lost = [(Some("bob".to_owned()), CertificateError::Lost)];
        assert_eq!(reports.begin_epoch(std::slice::from_ref(&basic)), lost);
        assert_eq!(reports.begin_epoch(std::slice::from_ref(&basic)), lost);
    }

    #[test]
    fn the_list_of_an_epoch_is_bounded() {
        let mut reports = CertificateReports::default();
        let many = |from: usize| {
            (from..from + MAX_TOLD)
                .map(|n| (Some(n.to_string()), CertificateError::Expired))
                .collect::<Vec<_>>()
        };
        assert_eq!(reports.not_told_yet(many(0)).len(), MAX_TOLD);
        assert!(reports.not_told_yet(many(MAX_TOLD)).is_empty());
    }
}
