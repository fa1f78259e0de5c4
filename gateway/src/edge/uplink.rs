use std::collections::BTreeMap;

use smrtc_engine::{Instant, LayerId, wire::media::MediaKind};

use crate::{
    forward::{Limits, Publisher, Queue},
    room::ParticipantId,
};

/// A participant as a publisher: its media, and who receives it.
#[derive(Debug)]
pub(super) struct Uplink {
    pub(super) participant: ParticipantId,
    pub(super) publisher: Publisher,
    pub(super) tracks: BTreeMap<u8, Published>,
    /// Datagrams for its session.
    pub(super) queue: Queue,
    /// The host is going to be told that the queue holds something.
    pub(super) is_ready: bool,
}

/// A live track.
#[derive(Debug)]
pub(super) struct Published {
    pub(super) kind: MediaKind,
    /// By participant, ascending.
    pub(super) receivers: Vec<Receiver>,
}

/// One who receives a track, and where its downlink is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Receiver {
    pub(super) participant: ParticipantId,
    pub(super) downlink: usize,
    /// The highest layer that it wants.
    pub(super) highest: LayerId,
}

impl Uplink {
    pub(super) fn new(participant: ParticipantId, limits: Limits, now: Instant) -> Self {
        Self {
            participant,
            publisher: Publisher::new(participant, limits, now),
            tracks: BTreeMap::new(),
            queue: Queue::new(limits.queue_bytes),
            is_ready: false,
        }
    }

    pub(super) fn add_track(&mut self, number: u8, kind: MediaKind) {
        let receivers = Vec::new();
        self.tracks.insert(number, Published { kind, receivers });
    }

    /// Ends a track. Returns who received it.
    pub(super) fn remove_track(&mut self, number: u8) -> Vec<Receiver> {
        self.publisher.remove_track(number);
        let track = self.tracks.remove(&number);
        track.map_or_else(Vec::new, |track| track.receivers)
    }

    /// What a track carries; `None` if it is not live.
    pub(super) fn kind(&self, number: u8) -> Option<MediaKind> {
        self.tracks.get(&number).map(|track| track.kind)
    }

    /// Whether a track is live and carries video.
    pub(super) fn is_video(&self, number: u8) -> bool {
        self.kind(number).is_some_and(|kind| !kind.is_audio())
    }

    pub(super) fn remove_receiver(&mut self, number: u8, downlink: usize) {
        if let Some(track) = self.tracks.get_mut(&number) {
            track.receivers.retain(|it| it.downlink != downlink);
        }
    }
}

impl Published {
    /// Adds a receiver, or changes the layers of one that is there.
    pub(super) fn set_receiver(&mut self, receiver: Receiver) {
        let place = self
            .receivers
            .binary_search_by_key(&receiver.participant, |it| it.participant);
        match place {
            Ok(at) => self.receivers[at] = receiver,
            Err(at) => self.receivers.insert(at, receiver),
        }
    }
}
