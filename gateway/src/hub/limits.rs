use crate::{delivery, edge, forward, room};

/// Bounds of a node.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Rooms; default 10,000.
    pub rooms: usize,
    /// Of each room.
    pub room: room::Limits,
    /// Of each room's group keys.
    pub delivery: delivery::Limits,
    /// Of each participant's media.
    pub media: forward::Limits,
    /// Malformed datagrams in ten seconds from one session before it is closed; default 100.
    pub malformed_datagrams: u32,
    /// Requests in ten seconds from one session before it is closed; default 500.
    pub requests: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            rooms: 10_000,
            room: room::Limits::default(),
            delivery: delivery::Limits::default(),
            media: forward::Limits::default(),
            malformed_datagrams: 100,
            requests: 500,
        }
    }
}

impl Limits {
    /// What an edge needs of them.
    pub(super) fn of_edge(&self) -> edge::Limits {
        edge::Limits {
            media: self.media,
            subscriptions: self.room.subscriptions,
            malformed_datagrams: self.malformed_datagrams,
            requests: self.requests,
        }
    }
}
