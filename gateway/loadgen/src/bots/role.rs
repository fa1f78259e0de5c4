//! Who a bot is, and what it is called.

/// Who a bot is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Role {
    /// The room, from 1.
    pub(crate) room: u32,
    /// Its number among the room's people, from 1.
    pub(crate) person: u32,
    /// Whether it publishes audio and video.
    pub(crate) publishes: bool,
    /// Whether its audio is speech, not silence.
    pub(crate) speaks: bool,
}

impl Role {
    /// The user that the join token names.
    pub(crate) fn user(self) -> String {
        user(self.room, self.person)
    }
}

/// The name of a bot. No two bots have the same, so that one in a wrong room is seen.
pub(crate) fn user(room: u32, person: u32) -> String {
    format!("{BOT}{room}-{person}")
}

/// What the names of bots begin with.
pub(crate) const BOT: &str = "bot-";
