//! What one publisher sends, checked and remembered.

use std::{collections::BTreeMap, time::Duration};

use smrtc_engine::{
    control::v1,
    recv::{FeedbackCollector, FeedbackConfig, Holes, NackConfig, NackTracker},
    time::Instant,
    wire::{
        keyframe::{self, KeyFrameEntry},
        media::{MediaKind, MediaPacket},
        nack::NackEntry,
    },
};

use super::{Bucket, Class, Datagram, FrameKey, KeyFrameRequests, Limits, PacketCache, Position};

/// A packet to be forwarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Its track.
    pub track: u8,
    /// Its spatial layer.
    pub spatial: u8,
    /// Its temporal layer.
    pub temporal: u8,
    /// How dear it is.
    pub class: Class,
}

/// Why a packet was not forwarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IngestError {
    /// It names another sender than the session's participant.
    #[error("foreign sender")]
    ForeignSender,
    /// No such track is published, or its kind is another. Happens around Publish and Unpublish.
    #[error("track not published")]
    NotPublished,
    /// It came before.
    #[error("repetition")]
    Repetition,
    /// The publisher sends more than [`Limits::ingest`].
    #[error("over the rate")]
    OverRate,
}

/// The gateway's end of one publisher's media: what came, what is missing, what may be asked for again.
#[derive(Debug)]
pub struct Publisher {
    id: u32,
    limits: Limits,
    ingest: Bucket,
    feedback: FeedbackCollector,
    nacks: NackTracker,
    caches: BTreeMap<u8, PacketCache>,
    key_frames: KeyFrameRequests,
}

impl Publisher {
    /// The publisher with participant number `id`.
    #[must_use]
    pub fn new(id: u32, limits: Limits, now: Instant) -> Self {
        Self {
            id,
            limits,
            // A quarter of a second at once: a key frame after a stall.
            ingest: Bucket::new(limits.ingest, limits.ingest.as_bps() / 32, now),
            feedback: FeedbackCollector::new(FeedbackConfig {
                senders: 1,
                ..FeedbackConfig::default()
            }),
            nacks: NackTracker::new(NackConfig {
                video_holes: Holes::Lost,
                ..NackConfig::default()
            }),
            caches: BTreeMap::new(),
            key_frames: KeyFrameRequests::default(),
        }
    }

    /// Takes in one media packet; `datagram` is what `packet` was parsed from and `track` the live track it names, if any.
    ///
    /// # Errors
    ///
    /// See [`IngestError`]; the packet is dropped, and only [`IngestError::ForeignSender`] is a violation.
    pub fn ingest(
        &mut self,
        now: Instant,
        datagram: &Datagram,
        packet: &MediaPacket<'_>,
        track: Option<&v1::Track>,
    ) -> Result<Accepted, IngestError> {
        let header = &packet.header;
        if header.sender != self.id {
            return Err(IngestError::ForeignSender);
        }
        // Before any other check: feedback is about the path, not about use.
        self.feedback.on_packet(now, self.id, packet.transport_seq);
        if !self.ingest.take(now, datagram.payload().len() as u64) {
            return Err(IngestError::OverRate);
        }
        if track.is_none_or(|track| track.kind != wire_kind(header.media_kind) as i32) {
            return Err(IngestError::NotPublished);
        }
        let _ = self.nacks.on_packet(now, packet);
        let position = Position {
            spatial: header.spatial,
            frame_id: header.frame_id,
            fragment: packet.fragment_index,
        };
        let cache = self
            .caches
            .entry(header.track)
            .or_insert_with(|| PacketCache::new(self.limits.cache_bytes));
        if !cache.insert(now, position, datagram.clone()) {
            return Err(IngestError::Repetition);
        }
        if header.key {
            self.key_frames
                .key_frame_came((header.track, header.spatial));
        }
        Ok(accepted(packet))
    }

    /// The kept packets that `entry` asks for.
    pub fn repetitions(&self, entry: &NackEntry) -> Vec<Datagram> {
        let Some(cache) = self.caches.get(&entry.track) else {
            return Vec::new();
        };
        if entry.is_whole_frame() {
            return cache
                .frame(entry.spatial, entry.frame_id)
                .cloned()
                .collect();
        }
        entry
            .fragments()
            .filter_map(|fragment| {
                cache.get(Position {
                    spatial: entry.spatial,
                    frame_id: entry.frame_id,
                    fragment,
                })
            })
            .cloned()
            .collect()
    }

    /// Notes that a subscriber needs a key frame of a layer.
    pub fn request_key_frame(&mut self, track: u8, spatial: u8) {
        self.key_frames.request((track, spatial));
    }

    /// Forgets a track that ended.
    pub fn remove_track(&mut self, track: u8) {
        self.caches.remove(&track);
        self.key_frames.remove_track(track);
        self.nacks.remove_streams(|stream| stream.track == track);
    }

    /// Sets the round-trip time to the publisher, which spaces the NACKs.
    pub fn set_rtt(&mut self, rtt: Duration) {
        self.nacks.set_rtt(rtt);
    }

    /// The datagrams that are due to the publisher: feedback, NACKs, key-frame requests.
    pub fn poll(&mut self, now: Instant) -> Vec<Vec<u8>> {
        let mut out = Vec::new();
        out.extend(std::iter::from_fn(|| self.feedback.poll(now)));
        out.extend(std::iter::from_fn(|| self.nacks.poll(now)));
        let due = self.key_frames.due(now);
        for layers in due.chunks(keyframe::MAX_ENTRIES) {
            let entries: Vec<_> = layers
                .iter()
                .map(|(track, spatial)| KeyFrameEntry {
                    sender: self.id,
                    track: *track,
                    spatial: *spatial,
                })
                .collect();
            let mut datagram = Vec::new();
            keyframe::encode(&entries, &mut datagram);
            out.push(datagram);
        }
        out
    }

    /// When [`Self::poll`] has something next.
    #[must_use]
    pub fn next_timeout(&self) -> Instant {
        [
            self.feedback.next_timeout(),
            self.nacks.next_timeout(),
            Some(self.key_frames.next_timeout()),
        ]
        .into_iter()
        .flatten()
        .min()
        .unwrap_or(Instant::FAR_FUTURE)
    }
}

/// What is to know of a packet for forwarding it.
pub(crate) fn accepted(packet: &MediaPacket<'_>) -> Accepted {
    let header = &packet.header;
    let frame = FrameKey {
        sender: header.sender,
        track: header.track,
        spatial: header.spatial,
        frame_id: header.frame_id,
    };
    let class = match (header.media_kind, header.key) {
        (MediaKind::Audio, _) => Class::Audio,
        (_, true) => Class::KeyFrame(frame),
        (_, false) => Class::Picture(frame),
    };
    Accepted {
        track: header.track,
        spatial: header.spatial,
        temporal: header.temporal,
        class,
    }
}

fn wire_kind(kind: MediaKind) -> v1::MediaKind {
    match kind {
        MediaKind::Audio => v1::MediaKind::Audio,
        MediaKind::Video => v1::MediaKind::Video,
        MediaKind::Screen => v1::MediaKind::Screen,
    }
}
