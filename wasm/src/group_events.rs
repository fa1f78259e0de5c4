//! Events of the MLS session as plain objects for the SDK.

use serde::Serialize;
use smrtc_e2ee::mls::{Event, Refused, RosterMember, State};

/// An event of the session as the SDK gets it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(
    tag = "what",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase"
)]
pub(crate) enum GroupEvent {
    State {
        state: &'static str,
    },
    Epoch {
        epoch: u64,
        verification_code: String,
    },
    Roster {
        joined: Vec<Member>,
        left: Vec<Member>,
        #[serde(skip_serializing_if = "Option::is_none")]
        by: Option<String>,
        members: Vec<Member>,
    },
    Confirmed {
        user_id: String,
        epoch: u64,
    },
    Split {
        user_id: String,
        epoch: u64,
    },
    Unconfirmed {
        user_ids: Vec<String>,
    },
    Removed {
        #[serde(skip_serializing_if = "Option::is_none")]
        by: Option<String>,
    },
    Refused {
        subject: &'static str,
        reason: String,
    },
    CertificateInvalid {
        #[serde(skip_serializing_if = "Option::is_none")]
        user_id: Option<String>,
        reason: String,
    },
}

/// Somebody in the group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Member {
    user_id: String,
    leaf_index: u16,
    fingerprint: String,
    own: bool,
    /// Seconds since 1970; none if no authority certifies the member.
    #[serde(skip_serializing_if = "Option::is_none")]
    certified_until: Option<u64>,
}

impl From<RosterMember> for Member {
    fn from(member: RosterMember) -> Self {
        Self {
            user_id: member.user,
            leaf_index: member.leaf_index,
            fingerprint: member.fingerprint,
            own: member.own,
            certified_until: member.expires,
        }
    }
}

impl GroupEvent {
    /// Our own attempt was refused before anything was sent.
    pub(crate) fn own_refused(reason: String) -> Self {
        Self::Refused {
            subject: "own",
            reason,
        }
    }
}

impl From<Event> for GroupEvent {
    fn from(event: Event) -> Self {
        let members = |list: Vec<RosterMember>| list.into_iter().map(Member::from).collect();
        match event {
            Event::State(state) => Self::State {
                state: match state {
                    State::Idle => "idle",
                    State::Joining => "joining",
                    State::InGroup => "in-group",
                    State::Healing => "healing",
                    State::Removed => "removed",
                },
            },
            Event::Epoch {
                epoch,
                verification_code,
            } => Self::Epoch {
                epoch,
                verification_code,
            },
            Event::Roster {
                joined,
                left,
                by,
                members: all,
            } => Self::Roster {
                joined: members(joined),
                left: members(left),
                by,
                members: members(all),
            },
            Event::Confirmed { user, epoch } => Self::Confirmed {
                user_id: user,
                epoch,
            },
            Event::Split { user, epoch } => Self::Split {
                user_id: user,
                epoch,
            },
            Event::Unconfirmed { users } => Self::Unconfirmed { user_ids: users },
            Event::Removed { by } => Self::Removed { by },
            Event::CertificateInvalid { user, why } => Self::CertificateInvalid {
                user_id: user,
                reason: why.to_string(),
            },
            Event::Refused { what, why } => Self::Refused {
                subject: match what {
                    Refused::Commit => "commit",
                    Refused::Welcome => "welcome",
                    Refused::Group => "group",
                    Refused::KeyPackage => "key-package",
                    Refused::Own => "own",
                },
                reason: why,
            },
        }
    }
}
