use std::collections::BTreeMap;

use smrtc_engine::{Instant, TrackId};

use super::subscriptions::Subscription;
use crate::{
    forward::{Limits, Subscriber},
    room::ParticipantId,
};

/// A participant as a subscriber: what it receives, and the way to it.
#[derive(Debug)]
pub(super) struct Downlink {
    pub(super) participant: ParticipantId,
    pub(super) subscriber: Subscriber,
    pub(super) subscriptions: BTreeMap<TrackId, Subscription>,
    /// There is a session.
    pub(super) is_attached: bool,
    /// Counts attachments, so that the end of a replaced session does not detach its successor.
    pub(super) attachments: u64,
    /// The session knows when the subscriber has something to send next.
    pub(super) is_armed: bool,
    /// The host is going to be told that the queue holds something.
    pub(super) is_ready: bool,
}

impl Downlink {
    pub(super) fn new(participant: ParticipantId, limits: Limits, now: Instant) -> Self {
        Self {
            participant,
            subscriber: Subscriber::new(limits, now),
            subscriptions: BTreeMap::new(),
            is_attached: false,
            attachments: 0,
            is_armed: false,
            is_ready: false,
        }
    }
}
