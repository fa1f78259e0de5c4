//! Why a message about the group was not accepted.

use mls_rs::error::MlsError;

use super::clocks::{ClocksDiffer, SKEW_SECONDS};
use crate::mls::admission::NotAdmitted;

/// Why a message about the group was not accepted. The group is as it was.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum GroupError {
    /// It is not a message of the kind expected.
    #[error("not a message of the kind expected")]
    Malformed,
    /// It belongs to another group, or to an epoch that is not ours.
    #[error("of another group or epoch")]
    Stale,
    /// The group is of another room or has another SFrame suite.
    #[error("the group is pinned to another room or suite")]
    Room,
    /// A commit without an update path.
    #[error("a commit that brings no fresh secret")]
    NoPath,
    /// The group has more leaves than KIDs can name.
    #[error("too many leaves")]
    TooLarge,
    /// The room's policy does not take the credential: our own, or that of somebody who would be
    /// added.
    #[error("{0}")]
    NotAdmitted(#[from] NotAdmitted),
    /// The delivery service does not have the tree of its epoch.
    #[error("nobody offers the tree of the group")]
    NoTree,
    /// The delivery service has refused a commit or a request for the group.
    #[error("the delivery service refused a request")]
    Service,
    /// The group of the delivery service cannot be followed; the epoch that we are in goes on.
    #[error("the group cannot be followed")]
    Parted,
    /// By our clock a key package in it is not valid now.
    #[error("{0}")]
    Clocks(ClocksDiffer),
    /// RFC 9420, the room's policy or the rules of a room forbid it.
    #[error("{0}")]
    Mls(#[source] MlsError),
}

impl From<MlsError> for GroupError {
    fn from(error: MlsError) -> Self {
        let MlsError::InvalidLifetime {
            not_before,
            timestamp,
            ..
        } = error
        else {
            return Self::Mls(error);
        };
        Self::Clocks(ClocksDiffer {
            made: not_before
                .seconds_since_epoch()
                .saturating_add(SKEW_SECONDS),
            now: timestamp.seconds_since_epoch(),
        })
    }
}

impl GroupError {
    /// Whether it is our own view that refuses the group, and others may see it otherwise: our
    /// policy, our clock, or our idea of the room. Such an error says nothing about the group's
    /// being broken.
    pub(in crate::mls) fn is_our_view(&self) -> bool {
        self.is_other_room()
            || matches!(
                self,
                Self::NotAdmitted(_)
                    | Self::Clocks(_)
                    | Self::Mls(
                        MlsError::IdentityProviderError(_)
                            | MlsError::InUseCredentialTypeUnsupportedByNewLeaf
                            | MlsError::CredentialTypeOfNewLeafIsUnsupported
                    )
            )
    }

    /// Whether the group is of another room or suite than we expect.
    pub(in crate::mls) fn is_other_room(&self) -> bool {
        matches!(
            self,
            Self::Room
                | Self::Mls(MlsError::CipherSuiteMismatch | MlsError::UnsupportedCipherSuite(_))
        )
    }
}
