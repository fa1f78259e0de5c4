//! What goes into a session and what comes out.

use std::fmt;

use crate::mls::{CertificateError, EpochKeys, GroupError, Identity, Policy};
use crate::sframe::CipherSuite;

/// The time, on two clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Microseconds of a clock that only goes forward, from an origin of the host's.
    pub micros: u64,
    /// Seconds since 1970, for lifetimes of credentials.
    pub unix_seconds: u64,
}

/// What a session is made of.
#[derive(Clone, Debug)]
pub struct SessionConfig {
    /// Who we are; its suite is the room's.
    pub identity: Identity,
    /// The suite of the frames; pinned in the group.
    pub sframe_suite: CipherSuite,
    /// The room's name; pinned in the group.
    pub room: String,
    /// Who may be in the group.
    pub policy: Policy,
    /// Timers.
    pub timing: Timing,
}

/// Timers of a session, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// How long a new member waits to be added before it joins by external commit; default 2 s.
    pub welcome_wait: u64,
    /// How long departures are collected before they are committed; default 200 ms.
    pub departure_batch: u64,
    /// How much later each next committer steps in; default 1.5 s.
    pub fallback: u64,
    /// How long a commit that we miss may be on its way; default 1 s.
    pub catch_up: u64,
    /// How long an answer of the delivery service may take; default 5 s.
    pub answer: u64,
    /// First pause after a failed attempt to join, doubled each time up to 5 s; default 200 ms.
    pub backoff: u64,
    /// Shortest time between two heartbeats; default 10 s. With many members it is 200 ms for each.
    pub heartbeat: u64,
    /// Age of an epoch at which its committer makes new keys; default 5 min.
    pub rotation: u64,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            welcome_wait: 2_000_000,
            departure_batch: 200_000,
            fallback: 1_500_000,
            catch_up: 1_000_000,
            answer: 5_000_000,
            backoff: 200_000,
            heartbeat: 10_000_000,
            rotation: 300_000_000,
        }
    }
}

/// The group as the delivery service has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupSnapshot {
    /// Its epoch.
    pub epoch: u64,
    /// GroupInfo, an `MLSMessage`.
    pub group_info: Vec<u8>,
    /// The ratchet tree of that epoch, if it was asked for and is there.
    pub ratchet_tree: Option<Vec<u8>>,
}

/// What happens to a session. Everything that comes from the gateway is taken for what a stranger
/// may have written.
#[derive(Clone, Debug)]
pub enum Input {
    /// We are in the room: at first, and again after each reconnect.
    Joined {
        /// Our number.
        participant_id: u32,
        /// Number and user of everybody else.
        peers: Vec<(u32, String)>,
    },
    /// Somebody came into the room.
    PeerJoined {
        /// Its number.
        participant_id: u32,
        /// Its user.
        user: String,
    },
    /// Somebody left the room, or was thrown out.
    PeerLeft {
        /// Its number.
        participant_id: u32,
    },
    /// Answer to [`Request::GetGroup`]; none if the room has no group.
    Group(Option<GroupSnapshot>),
    /// Answer to [`Request::Commit`].
    Outcome {
        /// Whether ours was the first of its epoch.
        accepted: bool,
        /// The group's epoch now.
        epoch: u64,
    },
    /// Somebody else's commit was accepted.
    Committed {
        /// The epoch that it ends.
        epoch: u64,
        /// Who sent it.
        participant_id: u32,
        /// The commit, an `MLSMessage`.
        commit: Vec<u8>,
        /// A new group has replaced the old one; there is no commit.
        created: bool,
    },
    /// Somebody added us.
    Welcome {
        /// The epoch that begins.
        epoch: u64,
        /// The Welcome, an `MLSMessage`.
        welcome: Vec<u8>,
        /// The tree of that epoch.
        ratchet_tree: Vec<u8>,
    },
    /// Answer to [`Request::Claim`]; none if there is none left.
    KeyPackage {
        /// Whose.
        participant_id: u32,
        /// An `MLSMessage`.
        key_package: Option<Vec<u8>>,
    },
    /// Somebody who is in the room waits to be added.
    AddWanted {
        /// Who.
        participant_id: u32,
    },
    /// Few of our KeyPackages are left.
    KeyPackagesLow,
    /// The delivery service wants the tree of this epoch.
    TreeWanted {
        /// The epoch.
        epoch: u64,
    },
    /// Somebody's heartbeat.
    Heartbeat {
        /// Who sent it, says the gateway.
        participant_id: u32,
        /// The bytes.
        heartbeat: Vec<u8>,
    },
    /// A request was answered with an error.
    Refused(RequestKind),
    /// The control stream is gone: no request under way will be answered.
    Disconnected,
    /// The application wants new keys now.
    Rotate,
    /// The deadline has passed.
    Timeout,
}

/// Which request was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestKind {
    /// [`Request::Commit`].
    Commit,
    /// [`Request::GetGroup`].
    GetGroup,
    /// [`Request::Claim`] of this participant.
    Claim(u32),
    /// Any other; there is nothing to do.
    Other,
}

/// A request for the delivery service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Stores one-time KeyPackages of ours.
    KeyPackages(Vec<Vec<u8>>),
    /// Asks for a KeyPackage of this participant.
    Claim(u32),
    /// Ends an epoch, or creates the group.
    Commit(CommitRequest),
    /// Asks for the group.
    GetGroup {
        /// With its ratchet tree.
        with_tree: bool,
    },
    /// The tree that was wanted.
    PutTree {
        /// Its epoch.
        epoch: u64,
        /// The tree.
        ratchet_tree: Vec<u8>,
    },
    /// For all others in the group.
    Heartbeat(Vec<u8>),
}

/// A commit with all that the delivery service keeps or passes on with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitRequest {
    /// The epoch that it ends; with `create`, that of the group to be replaced, or 2^64 − 1 if
    /// there should be none.
    pub epoch: u64,
    /// The commit; empty with `create`.
    pub commit: Vec<u8>,
    /// GroupInfo of the epoch that begins.
    pub group_info: Vec<u8>,
    /// Tree of the epoch that begins; empty if it is not offered.
    pub ratchet_tree: Vec<u8>,
    /// Participants added, each with its Welcome.
    pub welcomes: Vec<(u32, Vec<u8>)>,
    /// Whether it creates a group.
    pub create: bool,
}

/// What comes out of a session.
#[derive(Clone, Debug)]
pub enum Output {
    /// To the delivery service.
    Send(Request),
    /// To the media: a new epoch's keys.
    Keys(EpochKeys),
    /// To the media: wipe all keys; we are out, or the group was replaced.
    Stop,
    /// To the application.
    Event(Event),
}

/// Where a session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(rename = "GroupState"))]
pub enum State {
    /// Not in the room yet.
    Idle,
    /// On its way into the group.
    Joining,
    /// In the group: that of the delivery service, or, where members refuse that, the epoch in
    /// which most of them have stayed.
    InGroup,
    /// In the group, but behind it; on its way back.
    Healing,
    /// Taken out by a member; waits for the next [`Input::Joined`].
    Removed,
}

/// Somebody in the group. The list of these, and not the gateway's, is who can hear.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "camelCase"))]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct RosterMember {
    /// The leaf.
    pub leaf_index: u16,
    /// The user whom the credential names.
    pub user: String,
    /// The signature key, an uncompressed point.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub public_key: Vec<u8>,
    /// Nine groups of five digits for this identity and ours; the same in every call while both
    /// keep their keys.
    pub fingerprint: String,
    /// Whether it is us.
    pub own: bool,
    /// If an authority of the room's policy certifies that the key is the user's: until when, in
    /// seconds since 1970. If not, it is the gateway's word only.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub expires: Option<u64>,
}

impl fmt::Debug for RosterMember {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.leaf_index, self.user)
    }
}

/// What the application is told. With the feature `serde` it serializes to camelCase, with the
/// variant in `kind`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(
    feature = "serde",
    serde(
        tag = "kind",
        rename_all = "kebab-case",
        rename_all_fields = "camelCase"
    )
)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(rename = "GroupEvent"))]
pub enum Event {
    /// The state changed.
    State {
        /// The new one.
        state: State,
    },
    /// A new epoch began.
    Epoch {
        /// Its number.
        epoch: u64,
        /// Six groups of five digits to compare by voice; another in each epoch.
        verification_code: String,
    },
    /// Who is in the group changed.
    Roster {
        /// New, or with a new key.
        joined: Vec<RosterMember>,
        /// Gone, or with an old key.
        left: Vec<RosterMember>,
        /// Whose commit it was; none if somebody came in by itself.
        #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
        #[cfg_attr(feature = "typescript", ts(optional))]
        by: Option<String>,
        /// Everybody now.
        members: Vec<RosterMember>,
    },
    /// A signed heartbeat of this member agrees with our epoch.
    Confirmed {
        /// Who.
        user: String,
        /// Which epoch.
        epoch: u64,
    },
    /// A signed heartbeat of this member names other secrets for an epoch of ours: there are two
    /// groups.
    Split {
        /// Who.
        user: String,
        /// Which epoch.
        epoch: u64,
    },
    /// These members have been silent for three periods: commits or heartbeats may be withheld.
    /// Empty once all are heard again.
    Unconfirmed {
        /// Who.
        users: Vec<String>,
    },
    /// A member took us out.
    Removed {
        /// Whose commit it was.
        #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
        #[cfg_attr(feature = "typescript", ts(optional))]
        by: Option<String>,
    },
    /// The certificate of a member, or of somebody who would be one, is not valid; it is not let
    /// in, or is taken out. Of ours: we shall not get in. With [`CertificateError::Lost`] the
    /// member is in.
    CertificateInvalid {
        /// Whom it names, if it names anybody; nobody has verified that.
        #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
        #[cfg_attr(feature = "typescript", ts(optional))]
        user: Option<String>,
        /// What is wrong with it.
        #[cfg_attr(feature = "serde", serde(serialize_with = "as_text"))]
        #[cfg_attr(feature = "typescript", ts(as = "String"))]
        why: CertificateError,
    },
    /// Something that came was not accepted.
    Refused {
        /// What.
        what: Refused,
        /// Why, for the log; holds no secret.
        why: String,
    },
}

/// What was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[cfg_attr(
    feature = "typescript",
    derive(ts_rs::TS),
    ts(rename = "RefusedSubject")
)]
pub enum Refused {
    /// A commit: forged, changed, or of somebody whom the room does not admit.
    Commit,
    /// A Welcome.
    Welcome,
    /// The group that the delivery service offers, or what we asked of the service for it.
    Group,
    /// The KeyPackage of somebody who waits to be added.
    KeyPackage,
    /// Our own attempt: for want of randomness, by a failed self-test, or because the policy does
    /// not take our own credential.
    Own,
}

/// An error as its sentence.
#[cfg(feature = "serde")]
fn as_text<S: serde::Serializer>(
    error: &CertificateError,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_str(error)
}

impl Event {
    pub(super) fn refused(what: Refused, why: &GroupError) -> Self {
        Self::Refused {
            what,
            why: why.to_string(),
        }
    }
}
