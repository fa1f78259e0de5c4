//! The calls into `mls-rs`, each with the time and with our checks around it.

mod client;
mod clocks;
mod error;
mod framing;
#[cfg(test)]
mod tests;

use mls_rs::group::proposal::Proposal;
use mls_rs::group::{CommitEffect, CommitOutput, ContentType, ReceivedMessage};
use mls_rs::{Group, MlsMessage, MlsMessageDescription};

pub(super) use client::{Config, GroupClient};
pub use clocks::ClocksDiffer;
pub use error::GroupError;

use super::admission::user_of;
use super::suite::Suite;
use clocks::at;

/// What a commit did to the group.
pub(super) struct Applied {
    /// The member whose commit it was; none if somebody came in by itself.
    pub(super) committer: Option<String>,
    pub(super) removed_us: bool,
    /// Users who came in, those included who took the place of a leaf of their own.
    pub(super) added: Vec<String>,
}

/// Adds `key_packages` and removes `leaves` in one commit, which waits in the group to be applied.
pub(super) fn commit(
    group: &mut Group<Config>,
    unix_seconds: u64,
    key_packages: &[&[u8]],
    leaves: &[u32],
) -> Result<CommitOutput, GroupError> {
    group.clear_pending_commit();
    let mut builder = group.commit_builder().commit_time(at(unix_seconds));
    for key_package in key_packages {
        builder = builder.add_member(MlsMessage::from_bytes(key_package)?)?;
    }
    for leaf in leaves {
        builder = builder.remove_member(*leaf)?;
    }
    Ok(builder.build()?)
}

/// Applies a commit that came from the delivery service.
pub(super) fn apply(
    suite: Suite,
    group: &mut Group<Config>,
    unix_seconds: u64,
    commit: &[u8],
) -> Result<Applied, GroupError> {
    let message = MlsMessage::from_bytes(commit)?;
    match message.description() {
        MlsMessageDescription::PublicProtocolMessage {
            group_id,
            epoch_id,
            content_type: ContentType::Commit,
            ..
        } => {
            if group_id != group.group_id() || epoch_id != group.current_epoch() {
                return Err(GroupError::Stale);
            }
        }
        _ => return Err(GroupError::Malformed),
    }
    if framing::has_update_path(commit) != Some(true) {
        return Err(GroupError::NoPath);
    }
    let before: Vec<_> = group.roster().members();
    let received = group.process_incoming_message_with_time(message, at(unix_seconds))?;
    let ReceivedMessage::Commit(description) = received else {
        return Err(GroupError::Malformed);
    };
    let committer = (!description.is_external)
        .then(|| {
            before
                .iter()
                .find(|member| member.index == description.committer)
        })
        .flatten()
        .and_then(|member| user_of(suite, &member.signing_identity));
    let epoch = match &description.effect {
        CommitEffect::NewEpoch(epoch) => Some(epoch),
        CommitEffect::Removed { new_epoch, .. } => Some(new_epoch),
        CommitEffect::ReInit(_) => None,
    };
    let proposals = epoch
        .map(|epoch| epoch.applied_proposals())
        .unwrap_or_default();
    let mut added: Vec<String> = proposals
        .iter()
        .filter_map(|info| match &info.proposal {
            Proposal::Add(add) => user_of(suite, add.signing_identity()),
            _ => None,
        })
        .collect();
    if description.is_external {
        let member = group.member_at_index(description.committer);
        added.extend(member.and_then(|it| user_of(suite, &it.signing_identity)));
    }
    Ok(Applied {
        committer,
        added,
        removed_us: matches!(description.effect, CommitEffect::Removed { .. }),
    })
}

/// The group id and epoch of a GroupInfo, which nobody has verified.
pub(super) fn peek_group_info(bytes: &[u8]) -> Option<(Vec<u8>, u64)> {
    let message = MlsMessage::from_bytes(bytes).ok()?;
    let context = message.as_group_info()?.group_context();
    Some((context.group_id.clone(), context.epoch))
}

/// GroupInfo of a group's epoch, and its tree if that is small.
pub(super) fn public_state(group: &Group<Config>) -> Result<(Vec<u8>, Vec<u8>), GroupError> {
    let group_info = group.group_info_message_allowing_ext_commit(false)?;
    let tree = group.export_tree();
    let tree = if tree.byte_size() <= SMALL_TREE_BYTES {
        tree.to_bytes()?
    } else {
        Vec::new()
    };
    Ok((group_info.to_bytes()?, tree))
}

/// A tree up to this size goes along with each commit: a joiner then need not wait for somebody to
/// send it.
pub(super) const SMALL_TREE_BYTES: usize = 32 << 10;
