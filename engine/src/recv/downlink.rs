//! The whole receiving side of a subscriber.
//!
//! `handle_input`, then drain `poll_output` until it says `Timeout`. What each stage does is in its
//! own file; here is only the order in which they run.

mod frames;
mod io;
mod opening_frames;
mod statistics;
mod track;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

pub use io::{DownlinkEvent, DownlinkInput, DownlinkOutput};

use self::opening_frames::OpeningFrames;
use self::track::{Participant, Track};
use super::video_track::VideoConfig;
use super::{Reassembler, ReassemblerConfig};
use crate::ids::{StreamId, TrackId};
use crate::path::{FeedbackCollector, FeedbackConfig, NackConfig, NackTracker, RttEstimator};
use crate::stats::TransportStats;
use crate::time::Instant;
use crate::wire::media::{MediaKind, MediaPacket};
use crate::wire::ping::{Ping, Pong};
use crate::wire::repair::RepairPacket;
use crate::wire::{self, Kind, WireError, keyframe};

/// Settings of a [`Downlink`]; each stage documents its own.
#[derive(Clone, Copy, Debug, Default)]
pub struct DownlinkConfig {
    /// Reports of arrivals.
    pub feedback: FeedbackConfig,
    /// Requests for packets.
    pub nack: NackConfig,
    /// Assembly of frames.
    pub reassembler: ReassemblerConfig,
    /// Order and time of video frames.
    pub video: VideoConfig,
}

/// Receives the tracks that were added to it.
#[derive(Debug)]
pub struct Downlink {
    config: DownlinkConfig,
    feedback: FeedbackCollector,
    nack: NackTracker,
    reassembler: Reassembler,
    rtt: RttEstimator,
    tracks: BTreeMap<TrackId, Track>,
    participants: BTreeMap<u32, Participant>,
    opening: OpeningFrames,
    outputs: VecDeque<DownlinkOutput>,
    transport: TransportStats,
    /// The latest time it was told.
    now: Instant,
}

impl Downlink {
    /// One without tracks. `seed` is only for telling sessions apart.
    pub fn new(config: DownlinkConfig, seed: u64) -> Self {
        Self {
            config,
            feedback: FeedbackCollector::new(config.feedback),
            nack: NackTracker::new(config.nack),
            reassembler: Reassembler::new(config.reassembler),
            rtt: RttEstimator::new(seed),
            tracks: BTreeMap::new(),
            participants: BTreeMap::new(),
            opening: OpeningFrames::default(),
            outputs: VecDeque::new(),
            transport: TransportStats::default(),
            now: Instant::ZERO,
        }
    }

    /// Begins to receive a track, anew if it is known. Packets of tracks that were not added are
    /// dropped: add it before subscribing.
    pub fn add_track(&mut self, id: TrackId, kind: MediaKind) {
        self.remove_track(id);
        self.participants.entry(id.sender).or_default();
        self.tracks
            .insert(id, Track::new(id, kind, self.config.video));
    }

    /// Stops receiving a track. Its counts are gone with it.
    pub fn remove_track(&mut self, id: TrackId) {
        if self.tracks.remove(&id).is_none() {
            return;
        }
        let gone = |stream: &StreamId| stream.track_id() == id;
        self.reassembler.remove_streams(gone);
        self.nack.remove_streams(gone);
        self.opening.remove_streams(gone);
        self.count_given_up();
    }

    /// Stops receiving a participant.
    pub fn remove_sender(&mut self, sender: u32) {
        let tracks: Vec<TrackId> = self.tracks_of(sender).map(|(id, _)| id).collect();
        for track in tracks {
            self.remove_track(track);
        }
        self.participants.remove(&sender);
        self.feedback.remove_sender(sender);
    }

    /// Tells that a track's source pauses on purpose (muted) or goes on, so that a pause is no
    /// freeze.
    pub fn set_paused(&mut self, id: TrackId, paused: bool) {
        if let Some(track) = self.tracks.get_mut(&id) {
            track.paused = paused;
            if let Some(video) = &mut track.video {
                video.freeze.pause();
            }
        }
    }

    /// Applies one input; then drain [`Self::poll_output`] until it yields `Timeout`. Whatever
    /// cannot be used is counted and dropped. Time does not go back: an earlier `now` counts as the
    /// latest there was.
    pub fn handle_input(&mut self, now: Instant, input: DownlinkInput<'_>) {
        self.now = self.now.max(now);
        let now = self.now;
        match input {
            DownlinkInput::Datagram(datagram) => self.on_datagram(now, datagram),
            DownlinkInput::Opened { header, plaintext } => self.on_opened(now, header, plaintext),
            DownlinkInput::OpenFailed { header, reason } => {
                self.on_open_failed(now, header, reason)
            }
            DownlinkInput::VideoDecoded { track } => {
                if let Some(track) = self.tracks.get_mut(&track) {
                    track.counters.frames_decoded += 1;
                }
            }
            DownlinkInput::VideoDecodeFailed { track } => self.on_decode_failed(now, track),
            DownlinkInput::AudioPlayout { sender, media_time } => {
                if let Some(participant) = self.participants.get_mut(&sender) {
                    participant.clock.on_audio_position(now, media_time);
                }
            }
            DownlinkInput::Timeout => self.on_timeout(now),
        }
    }

    /// The least delay that the jitter buffer for the audio of `sender` is to aim at for the sake
    /// of lip sync; it aims at `target` now. Ask several times a second, with each report of what
    /// is heard.
    pub fn audio_sync_delay(&mut self, now: Instant, sender: u32, target: Duration) -> Duration {
        let videos = self
            .tracks_of(sender)
            .filter_map(|(_, track)| track.video.as_ref());
        let lag = videos
            .filter_map(|video| video.sync().recent_audio_lag_micros(now))
            .min();
        let Some(participant) = self.participants.get_mut(&sender) else {
            return Duration::ZERO;
        };
        participant
            .audio_delay
            .update(now, &self.config.video.sync, lag, target)
    }

    /// What to do next.
    pub fn poll_output(&mut self) -> DownlinkOutput {
        let output = self
            .outputs
            .pop_front()
            .unwrap_or_else(|| DownlinkOutput::Timeout(self.next_timeout()));
        if let DownlinkOutput::Transmit(datagram) = &output {
            self.transport.packets_sent += 1;
            self.transport.bytes_sent += datagram.len() as u64;
        }
        output
    }

    fn on_datagram(&mut self, now: Instant, datagram: &[u8]) {
        self.transport.packets_received += 1;
        self.transport.bytes_received += datagram.len() as u64;
        if self.try_datagram(now, datagram).is_err() {
            self.transport.malformed_packets_received += 1;
        }
    }

    fn try_datagram(&mut self, now: Instant, datagram: &[u8]) -> Result<(), WireError> {
        match wire::kind(datagram)? {
            Kind::Media => {
                let (packet, copies) = MediaPacket::parse_with_redundancy(datagram)?;
                if { copies }.next().is_some() {
                    self.nack.on_redundancy(now, &packet.header);
                }
                self.on_media(now, &packet, copies);
                self.on_redundancy(now, &packet, copies);
            }
            Kind::Repair => self.on_repair(now, &RepairPacket::parse(datagram)?),
            Kind::Ping => {
                let mut pong = Vec::new();
                Pong {
                    token: Ping::parse(datagram)?.token,
                }
                .encode(&mut pong);
                self.outputs.push_back(DownlinkOutput::Transmit(pong));
            }
            Kind::Pong => {
                self.rtt.on_pong(now, Pong::parse(datagram)?.token);
                self.nack.set_rtt(self.rtt.rtt());
            }
            // A gateway has nothing to report, ask or want of a subscriber.
            Kind::Feedback | Kind::Nack | Kind::KeyFrameRequest => {
                self.transport.unexpected_packets_received += 1
            }
        }
        Ok(())
    }

    fn on_timeout(&mut self, now: Instant) {
        self.reassembler.expire(now);
        self.count_given_up();
        let tracks: Vec<TrackId> = self.tracks.keys().copied().collect();
        for track in tracks {
            self.drive_video(now, track);
        }
        while let Some(report) = self.feedback.poll(now) {
            self.outputs.push_back(DownlinkOutput::Transmit(report));
        }
        while let Some(request) = self.nack.poll(now) {
            self.outputs.push_back(DownlinkOutput::Transmit(request));
        }
        if let Some(token) = self.rtt.poll(now) {
            let mut ping = Vec::new();
            Ping { token }.encode(&mut ping);
            self.outputs.push_back(DownlinkOutput::Transmit(ping));
        }
    }

    fn next_timeout(&self) -> Instant {
        let stages = [
            Some(self.rtt.next_timeout()),
            self.feedback.next_timeout(),
            self.nack.next_timeout(),
            self.reassembler.next_timeout(),
            self.tracks
                .iter()
                .filter_map(|(&key, track)| self.track_timeout(key, track))
                .min(),
        ];
        stages
            .into_iter()
            .flatten()
            .min()
            .unwrap_or(Instant::FAR_FUTURE)
    }

    /// The tracks of one participant.
    fn tracks_of(&self, sender: u32) -> impl Iterator<Item = (TrackId, &Track)> {
        self.tracks
            .range(TrackId::new(sender, 0)..=TrackId::new(sender, u8::MAX))
            .map(|(&id, track)| (id, track))
    }

    fn track_timeout(&self, id: TrackId, track: &Track) -> Option<Instant> {
        let expected = |spatial| self.expected(id.stream(spatial));
        track
            .video
            .as_ref()?
            .next_timeout(self.rtt.rtt(), self.may_request(id.sender), &expected)
    }

    /// Key frames that cannot be opened are not worth asking for.
    fn may_request(&self, sender: u32) -> bool {
        self.participants
            .get(&sender)
            .is_some_and(|participant| !participant.decrypt.cannot_decrypt())
    }

    /// The frames of a stream that have begun to come.
    fn expected(&self, id: StreamId) -> Vec<u32> {
        let opening = self.opening.of_stream(id);
        self.reassembler.unfinished(id).chain(opening).collect()
    }

    fn request_key_frame(&mut self, stream: StreamId) {
        let mut request = Vec::new();
        keyframe::encode(&[stream.into()], &mut request);
        self.outputs.push_back(DownlinkOutput::Transmit(request));
        let event = DownlinkEvent::KeyFrameRequested { stream };
        self.outputs.push_back(DownlinkOutput::Event(event));
        if let Some(track) = self.tracks.get_mut(&stream.track_id()) {
            track.counters.pli_count += 1;
        }
    }
}

#[cfg(test)]
mod tests;
