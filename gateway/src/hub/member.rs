use std::time::Duration;

use smrtc_engine::time::Instant;

use super::{Limits, Side};
use crate::{
    forward::{Drops, Publisher, Queue, Subscriber, Tolerance},
    room::ParticipantId,
};

/// Over which requests and malformed datagrams are counted.
const TOLERANCE_WINDOW: Duration = Duration::from_secs(10);

/// The media side of a participant.
#[derive(Debug)]
pub(super) struct Media {
    pub(super) publisher: Publisher,
    pub(super) subscriber: Subscriber,
    /// Its session knows when the subscriber has something to send next.
    pub(super) armed: bool,
    pub(super) requests: Tolerance,
    /// One for both sessions: whoever sends rubbish on either is not to be served on the other.
    pub(super) malformed: Tolerance,
    /// Counts attachments, so that the end of a replaced downlink does not detach its successor.
    pub(super) attachments: u64,
    pub(super) attached: bool,
    /// Further sessions that bring its media.
    pub(super) lanes: u32,
    ticket: [u8; 32],
    uplink: Queue,
}

impl Media {
    pub(super) fn new(id: ParticipantId, ticket: [u8; 32], limits: &Limits, now: Instant) -> Self {
        Self {
            publisher: Publisher::new(id, limits.media, now),
            subscriber: Subscriber::new(limits.media, now),
            armed: false,
            requests: Tolerance::new(limits.requests, TOLERANCE_WINDOW, now),
            malformed: Tolerance::new(limits.malformed_datagrams, TOLERANCE_WINDOW, now),
            attachments: 0,
            attached: false,
            lanes: 0,
            ticket,
            uplink: Queue::new(limits.media.queue_bytes),
        }
    }

    pub(super) fn queue(&mut self, side: Side) -> &mut Queue {
        match side {
            Side::Uplink => &mut self.uplink,
            Side::Downlink => &mut self.subscriber.queue,
        }
    }

    pub(super) fn ticket(&self) -> &[u8; 32] {
        &self.ticket
    }

    pub(super) fn drops(&self) -> Drops {
        self.subscriber.queue.drops()
    }
}
