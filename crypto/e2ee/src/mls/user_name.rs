//! What the name of a user may be, as in a join token.

/// Longest user name in bytes of UTF-8.
pub const MAX_USER_BYTES: usize = 128;

/// Whether a join token could name this user.
pub(super) fn is_user(user: &str) -> bool {
    !user.is_empty() && user.len() <= MAX_USER_BYTES && !user.chars().any(char::is_control)
}
