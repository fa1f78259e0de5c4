//! What one publisher sends, checked and remembered.

use std::{collections::BTreeMap, time::Duration};

use smrtc_engine::{
    StreamId,
    path::{FeedbackCollector, FeedbackConfig, Holes, NackConfig, NackTracker},
    send::{CacheConfig, PacketCache},
    time::Instant,
    wire::{
        keyframe::{self, KeyFrameEntry},
        media::{FrameHeader, MAX_FRAGMENTS, MediaKind, MediaPacket},
        nack::NackEntry,
        repair::RepairPacket,
    },
};

use super::audio_redundancy::AudioFrames;
use super::{Bucket, Class, Datagram, KeyFrameRequests, Limits, Need, Rates, WholeFrame};

/// A packet to be forwarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Its track.
    pub track: u8,
    /// Its spatial layer.
    pub spatial: u8,
    /// Its temporal layer.
    pub temporal: u8,
    /// Its class in the queue.
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
    #[error("duplicate")]
    Duplicate,
    /// A repair packet whose frame is here whole: the paths from here on get repair packets of
    /// their own.
    #[error("repair of a whole frame")]
    NotNeeded,
    /// The publisher sends more than [`Limits::ingest`].
    #[error("over the rate")]
    OverRate,
}

/// The gateway's end of one publisher's media: what came, what is missing, what may be asked for
/// again.
#[derive(Debug)]
pub struct Publisher {
    id: u32,
    ingest: Bucket,
    feedback: FeedbackCollector,
    nacks: NackTracker,
    cache: PacketCache<Datagram>,
    key_frames: KeyFrameRequests,
    rates: Rates,
    audio: BTreeMap<u8, AudioFrames>,
}

impl Publisher {
    /// The publisher with participant number `id`.
    #[must_use]
    pub fn new(id: u32, limits: Limits, now: Instant) -> Self {
        Self {
            id,
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
            cache: PacketCache::new(CacheConfig {
                max_bytes: limits.cache_bytes,
                ..CacheConfig::default()
            }),
            key_frames: KeyFrameRequests::default(),
            rates: Rates::default(),
            audio: BTreeMap::new(),
        }
    }

    /// Takes in one media packet; `datagram` is what `packet` was parsed from and `track` the live
    /// track it names, if any.
    ///
    /// # Errors
    ///
    /// See [`IngestError`]; the packet is dropped, and only [`IngestError::ForeignSender`] is a
    /// violation.
    pub fn ingest(
        &mut self,
        now: Instant,
        datagram: &Datagram,
        packet: &MediaPacket<'_>,
        track: Option<MediaKind>,
    ) -> Result<Accepted, IngestError> {
        let header = &packet.header;
        self.check(now, datagram, header, packet.transport_seq, track)?;
        let _ = self.nacks.on_packet(now, packet);
        let key = header.id();
        if self.cache.get(key, packet.fragment_index).is_some() {
            return Err(IngestError::Duplicate);
        }
        self.cache
            .insert(now, key, packet.fragment_index, datagram.clone());
        let bytes = datagram.payload().len();
        let (track, layer) = (header.track, header.layer_id());
        self.rates
            .on_packet(now, track, layer, bytes, packet.fragment_count);
        if header.media_kind.is_audio() && packet.fragment_count == 1 {
            let audio = self.audio.entry(header.track).or_default();
            audio.on_packet(packet, datagram);
        } else if header.key {
            self.key_frames.key_frame_came(now, header.stream_id());
        }
        Ok(accepted(header))
    }

    /// A packet of audio with `count` of the frames before it, if it has fewer.
    #[must_use]
    pub fn with_redundancy(
        &self,
        track: u8,
        datagram: &Datagram,
        count: usize,
    ) -> Option<Datagram> {
        self.audio.get(&track)?.with_redundancy(datagram, count)
    }

    /// Takes in one repair packet, as [`Self::ingest`] does a media packet.
    ///
    /// # Errors
    ///
    /// See [`IngestError`].
    pub fn ingest_repair(
        &mut self,
        now: Instant,
        datagram: &Datagram,
        packet: &RepairPacket<'_>,
        track: Option<MediaKind>,
    ) -> Result<Accepted, IngestError> {
        self.check(now, datagram, &packet.header, packet.transport_seq, track)?;
        let _ = self.nacks.on_repair(now, packet);
        if packet.hop || self.has_whole(&packet.header, packet.fragment_count) {
            return Err(IngestError::NotNeeded);
        }
        Ok(accepted(&packet.header))
    }

    fn check(
        &mut self,
        now: Instant,
        datagram: &Datagram,
        header: &FrameHeader,
        transport_seq: u16,
        track: Option<MediaKind>,
    ) -> Result<(), IngestError> {
        if header.sender != self.id {
            return Err(IngestError::ForeignSender);
        }
        // Before any other check: feedback is about the path, not about use.
        self.feedback.on_packet(now, self.id, transport_seq);
        if !self.ingest.take(now, datagram.payload().len() as u64) {
            return Err(IngestError::OverRate);
        }
        if track != Some(header.media_kind) {
            return Err(IngestError::NotPublished);
        }
        Ok(())
    }

    /// The measured rate of each of its layers.
    #[must_use]
    pub fn rates(&self) -> &Rates {
        &self.rates
    }

    /// The frame of `header` in its `fragment_count` packets, if all of them are here.
    #[must_use]
    pub fn whole_frame(&self, header: &FrameHeader, fragment_count: u16) -> Option<WholeFrame> {
        if !self.has_whole(header, fragment_count) {
            return None;
        }
        let whole = NackEntry::whole_frame(header.id());
        let fragments = self.answer(&whole, &mut usize::from(MAX_FRAGMENTS));
        let complete = (0..fragment_count).eq(fragments.iter().map(|(fragment, _)| *fragment));
        let fragments = fragments.into_iter().map(|(_, datagram)| datagram.clone());
        complete
            .then(|| WholeFrame::new(*header, fragments.collect()))
            .flatten()
    }

    fn has_whole(&self, header: &FrameHeader, fragment_count: u16) -> bool {
        let key = header.id();
        // Counted first: of a frame of which something is missing, no packet is looked for.
        self.cache.held(key) >= usize::from(fragment_count)
            && self
                .cache
                .get(key, fragment_count.saturating_sub(1))
                .is_some()
    }

    /// The kept packets that `entry` asks for, by fragment; see [`PacketCache::answer`] for `left`.
    pub fn answer(&self, entry: &NackEntry, left: &mut usize) -> Vec<(u16, &Datagram)> {
        self.cache.answer(entry, left)
    }

    /// Notes that a subscriber needs a key frame of a layer.
    pub fn request_key_frame(&mut self, stream: StreamId, need: Need) {
        self.key_frames.request(stream, need);
    }

    /// Forgets a track that ended.
    pub fn remove_track(&mut self, track: u8) {
        self.cache.remove_track(track);
        self.key_frames.remove_track(track);
        self.rates.remove_track(track);
        self.audio.remove(&track);
        self.nacks.remove_streams(|stream| stream.track == track);
    }

    /// Sets the round-trip time to the publisher, which spaces the NACKs.
    pub fn set_rtt(&mut self, rtt: Duration) {
        self.nacks.set_rtt(rtt);
    }

    /// The share, 0 to 1, of what the publisher sent lately that did not come.
    #[must_use]
    pub fn fraction_lost(&self) -> f64 {
        self.feedback.fraction_lost(self.id)
    }

    /// The datagrams that are due to the publisher: feedback, NACKs, key-frame requests.
    pub fn poll(&mut self, now: Instant) -> Vec<Vec<u8>> {
        let mut out = Vec::new();
        out.extend(std::iter::from_fn(|| self.feedback.poll(now)));
        out.extend(std::iter::from_fn(|| self.nacks.poll(now)));
        let due = self.key_frames.due(now);
        for streams in due.chunks(keyframe::MAX_ENTRIES) {
            let entries: Vec<_> = streams.iter().copied().map(KeyFrameEntry::from).collect();
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

/// The parts of a header that forwarding needs.
pub(crate) fn accepted(header: &FrameHeader) -> Accepted {
    let frame = header.id();
    let class = match header.media_kind {
        MediaKind::Audio => Class::Audio,
        _ if header.key => Class::KeyFrame(frame),
        _ if header.discardable => Class::Discardable(frame),
        _ => Class::DeltaFrame(frame),
    };
    Accepted {
        track: header.track,
        spatial: header.spatial,
        temporal: header.temporal,
        class,
    }
}
