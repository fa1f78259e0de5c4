//! Who else is in the room, as the gateway says. Who is in the group stands in the membership.

use std::collections::BTreeMap;

/// Everybody else in the room: user of each participant.
#[derive(Default)]
pub(super) struct Room(BTreeMap<u32, String>);

impl Room {
    /// We have come in, and find these.
    pub(super) fn enter(&mut self, peers: Vec<(u32, String)>) {
        self.0 = peers.into_iter().collect();
    }

    /// Somebody came in.
    pub(super) fn insert(&mut self, participant: u32, user: String) {
        self.0.insert(participant, user);
    }

    /// Somebody left.
    pub(super) fn remove(&mut self, participant: u32) {
        self.0.remove(&participant);
    }

    /// Whether we are alone.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The user of a participant.
    pub(super) fn user(&self, participant: u32) -> Option<&str> {
        self.0.get(&participant).map(String::as_str)
    }

    /// Whether a user is there.
    pub(super) fn has(&self, user: &str) -> bool {
        self.0.values().any(|peer| peer == user)
    }

    /// All of them, in the order of their numbers.
    pub(super) fn peers(&self) -> impl Iterator<Item = (u32, &str)> {
        self.0.iter().map(|(id, user)| (*id, user.as_str()))
    }
}
