use smrtc_engine::control::v1::{Error, ErrorCode};

/// Why a request to a room failed. The room is as it was before.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A message without a body that we know.
    #[error("the message is unknown to this gateway")]
    UnknownMessage,
    /// A field holds what it must not; the sentence names it.
    #[error("{0}")]
    InvalidArgument(&'static str),
    /// Any request before Join.
    #[error("join first")]
    NotJoined,
    /// A second Join on one session.
    #[error("joined already")]
    AlreadyJoined,
    /// The role does not permit it.
    #[error("the role does not permit it")]
    NotAllowed,
    /// A new group is to take the place of one that is there, and is not to yet (SPEC.md §7.9).
    #[error("the group lives: too few have failed to join it")]
    GroupLives,
    /// The track does not exist, or not any more.
    #[error("no such track")]
    NoSuchTrack,
    /// Something is longer than it may be.
    #[error("{0} is too long")]
    TooLong(&'static str),
    /// One of [`super::Limits`] is reached.
    #[error("a limit is reached: {0}")]
    LimitReached(&'static str),
}

impl Refusal {
    /// The code for the wire.
    #[must_use]
    pub fn code(self) -> ErrorCode {
        match self {
            Self::UnknownMessage => ErrorCode::UnknownMessage,
            Self::InvalidArgument(_) | Self::TooLong(_) => ErrorCode::InvalidArgument,
            Self::NotJoined => ErrorCode::NotJoined,
            Self::AlreadyJoined => ErrorCode::AlreadyJoined,
            Self::NotAllowed | Self::GroupLives => ErrorCode::NotAllowed,
            Self::NoSuchTrack => ErrorCode::NoSuchTrack,
            Self::LimitReached(_) => ErrorCode::LimitReached,
        }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self {
            code: refusal.code().into(),
            message: refusal.to_string(),
        }
    }
}
