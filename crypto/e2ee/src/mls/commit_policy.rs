//! What a commit may do, and what is pinned in the group.

use mls_rs::MlsRules;
use mls_rs::group::{GroupContext, Roster};
use mls_rs::mls_rules::{
    CommitDirection, CommitOptions, CommitSource, EncryptionOptions, ProposalBundle,
};
use mls_rs_core::error::IntoAnyError;
use mls_rs_core::extension::{Extension, ExtensionList, ExtensionType};

use crate::sframe::CipherSuite;

/// Type of the group context extension that pins the room. Private use.
pub(super) const ROOM_EXTENSION: ExtensionType = ExtensionType::new(0xF001);

/// Most members that one commit adds.
pub(super) const MAX_ADDS: usize = 64;

/// Why a commit is not accepted, though RFC 9420 would allow it.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleViolation {
    /// A proposal other than Add, Remove and ExternalInit. Rooms need no other, and what is pinned
    /// in the group must not change.
    #[error("a kind of proposal that rooms do not use")]
    Kind,
    /// A proposal by reference: all travel within the commit.
    #[error("a proposal by reference")]
    ByReference,
    /// More than 64 adds.
    #[error("too many adds in one commit")]
    TooMany,
}

impl IntoAnyError for RuleViolation {
    fn into_dyn_error(self) -> Result<Box<dyn std::error::Error + Send + Sync>, Self> {
        Ok(self.into())
    }
}

/// The rules of every room; all members have the same.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct CommitPolicy;

impl MlsRules for CommitPolicy {
    type Error = RuleViolation;

    fn filter_proposals(
        &self,
        _direction: CommitDirection,
        _source: CommitSource,
        _current_roster: &Roster,
        _current_context: &GroupContext,
        proposals: ProposalBundle,
    ) -> Result<ProposalBundle, RuleViolation> {
        let others = proposals.update_proposals().len()
            + proposals.psk_proposals().len()
            + proposals.reinit_proposals().len()
            + proposals.group_context_ext_proposals().len();
        if others > 0 {
            return Err(RuleViolation::Kind);
        }
        let by_reference = proposals
            .add_proposals()
            .iter()
            .any(|add| add.is_by_reference())
            || proposals
                .remove_proposals()
                .iter()
                .any(|remove| remove.is_by_reference());
        if by_reference {
            return Err(RuleViolation::ByReference);
        }
        if proposals.add_proposals().len() > MAX_ADDS {
            return Err(RuleViolation::TooMany);
        }
        Ok(proposals)
    }

    fn commit_options(
        &self,
        _new_roster: &Roster,
        _new_context: &GroupContext,
        _proposals: &ProposalBundle,
    ) -> Result<CommitOptions, RuleViolation> {
        // Each commit has a path, also if it only adds: it brings fresh keys, and it fills the
        // tree, so that later commits are small.
        Ok(CommitOptions::new()
            .with_path_required(true)
            .with_ratchet_tree_extension(false)
            .with_single_welcome_message(false)
            .with_allow_external_commit(true))
    }

    fn encryption_options(
        &self,
        _current_roster: &Roster,
        _current_context: &GroupContext,
    ) -> Result<EncryptionOptions, RuleViolation> {
        // The gateway orders commits by their epoch, and knows who is in the room anyway.
        Ok(EncryptionOptions::default())
    }
}

/// What the group context pins: `version (1) ‖ SFrame suite (2) ‖ room`.
pub(super) fn room_extension(room: &str, suite: CipherSuite) -> ExtensionList {
    let mut data = vec![ROOM_VERSION];
    data.extend_from_slice(&suite.id().to_be_bytes());
    data.extend_from_slice(room.as_bytes());
    let mut extensions = ExtensionList::new();
    extensions.set(Extension::new(ROOM_EXTENSION, data));
    extensions
}

/// Version of the room extension.
const ROOM_VERSION: u8 = 1;
