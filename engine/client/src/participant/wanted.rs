//! What the application wants, in this session and in each to come.

use std::collections::{BTreeMap, BTreeSet};

use smrtc_engine::control::v1;
use smrtc_engine::send::TrackConfig;

/// Published tracks and subscriptions; they outlive the sessions in which they are asked for.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    /// By number.
    published: BTreeMap<u8, (v1::Track, TrackConfig)>,
    /// By user, since the number of a participant changes with each session.
    subscribed: BTreeSet<(String, u8)>,
}

impl Wanted {
    pub(super) fn publish(&mut self, number: u8, track: v1::Track, config: TrackConfig) {
        self.published.insert(number, (track, config));
    }

    /// Whether the track was published.
    pub(super) fn unpublish(&mut self, number: u8) -> bool {
        self.published.remove(&number).is_some()
    }

    /// Numbers of the published tracks.
    pub(super) fn published(&self) -> Vec<u8> {
        self.published.keys().copied().collect()
    }

    /// A published track.
    pub(super) fn track(&self, number: u8) -> Option<(v1::Track, TrackConfig)> {
        self.published.get(&number).cloned()
    }

    pub(super) fn subscribe(&mut self, user: String, track: u8) {
        self.subscribed.insert((user, track));
    }

    pub(super) fn is_subscribed(&self, user: String, track: u8) -> bool {
        self.subscribed.contains(&(user, track))
    }
}
