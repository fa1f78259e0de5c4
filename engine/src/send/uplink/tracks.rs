//! What an uplink keeps of its tracks and of their streams.

use core::time::Duration;
use std::collections::BTreeMap;

use super::protection::FrameGate;
use super::redundancy::Redundancy;
use super::simulcast::LayerShare;
use super::types::{FrameParams, LayerConfig, TrackConfig, UplinkEvent};
use crate::error::InputError;
use crate::ids::{StreamId, TrackId};
use crate::send::pacer::{Dropped, Queued};
use crate::stats::{OutboundStats, seconds};
use crate::time::{Bitrate, Instant};
use crate::wire::keyframe::KeyFrameRequest;
use crate::wire::media::{FrameHeader, HEADER_BYTES, MAX_LAYER, is_repair};

/// Two requests for a key frame closer than this are one: encoders take a frame or two to answer.
const KEY_FRAME_INTERVAL: Duration = Duration::from_millis(300);

/// The tracks by number, and the stream of each of their spatial layers.
#[derive(Debug, Default)]
pub(super) struct Tracks {
    tracks: BTreeMap<u8, Track>,
    streams: BTreeMap<StreamId, OutboundStream>,
}

#[derive(Debug)]
pub(super) struct Track {
    pub(super) config: TrackConfig,
    /// What its encoders should produce together.
    pub(super) bitrate: Bitrate,
    pub(super) gate: FrameGate,
    /// The layers of a track in several sizes; empty for a single stream.
    pub(super) shares: Vec<LayerShare>,
    pub(super) redundancy: Redundancy,
}

/// The frames of one spatial layer.
#[derive(Debug, Default)]
pub(super) struct OutboundStream {
    next_frame_id: u32,
    /// A frame was thrown out, and those that follow are of no use up to a key frame.
    awaiting_key: bool,
    pub(super) stats: OutboundStats,
    last_key_frame: Option<Instant>,
    last_request: Option<Instant>,
}

impl Tracks {
    /// Adds a track or changes what is known of it; its layers stay.
    pub(super) fn set(&mut self, number: u8, config: TrackConfig) {
        let older = self.tracks.remove(&number);
        self.tracks.insert(
            number,
            Track {
                config,
                bitrate: Bitrate::ZERO,
                gate: FrameGate::default(),
                shares: older.map_or_else(Vec::new, |older| older.shares),
                redundancy: Redundancy::default(),
            },
        );
    }

    /// Sets the layers of a video track; whether there is such a track.
    pub(super) fn set_layers(&mut self, number: u8, layers: &[LayerConfig]) -> bool {
        let track = self.tracks.get_mut(&number);
        let Some(track) = track.filter(|track| !track.is_audio()) else {
            return false;
        };
        track.shares = layers
            .iter()
            .take(usize::from(MAX_LAYER) + 1)
            .copied()
            .map(LayerShare::new)
            .collect();
        true
    }

    /// Forgets a track and its streams.
    pub(super) fn remove(&mut self, number: u8) {
        self.tracks.remove(&number);
        self.streams.retain(|stream, _| stream.track != number);
    }

    pub(super) fn get(&self, number: u8) -> Option<&Track> {
        self.tracks.get(&number)
    }

    pub(super) fn get_mut(&mut self, number: u8) -> Option<&mut Track> {
        self.tracks.get_mut(&number)
    }

    /// All tracks, by number.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Track> {
        self.tracks.values()
    }

    /// All tracks, by number.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Track> {
        self.tracks.values_mut()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.tracks.is_empty()
    }

    /// The track and the stream of a frame; a stream begins with its first frame.
    pub(super) fn of_frame(
        &mut self,
        header: &FrameHeader,
    ) -> Option<(&mut Track, &mut OutboundStream)> {
        let track = self.tracks.get_mut(&header.track)?;
        Some((track, self.streams.entry(header.stream_id()).or_default()))
    }

    /// The stream, if a frame of it was begun.
    pub(super) fn stream_mut(&mut self, stream: StreamId) -> Option<&mut OutboundStream> {
        self.streams.get_mut(&stream)
    }

    /// Numbers the next frame of a stream of participant `sender`.
    pub(super) fn begin_frame(
        &mut self,
        sender: u32,
        number: u8,
        params: FrameParams,
    ) -> Result<FrameHeader, InputError> {
        let track = self
            .tracks
            .get(&number)
            .ok_or(InputError::UnknownTrack(number))?;
        let stream = TrackId::new(sender, number).stream(params.spatial);
        let stream = self.streams.entry(stream).or_default();
        let frame_id = stream.next_frame_id;
        stream.next_frame_id = frame_id.wrapping_add(1);
        Ok(FrameHeader {
            key: params.key,
            discardable: params.discardable,
            reserved_flags: 0,
            media_kind: track.config.kind,
            track: number,
            spatial: params.spatial,
            temporal: params.temporal,
            sender,
            frame_id,
            reference_distance: params.reference_distance,
            media_time: params.media_time,
        })
    }

    /// A frame was thrown out of the queue: the event that asks for a key frame, if what follows
    /// needs one.
    pub(super) fn on_dropped(&mut self, now: Instant, dropped: Dropped) -> Option<UplinkEvent> {
        let stream_id = dropped.frame.stream;
        let stream = self.streams.get_mut(&stream_id)?;
        stream.stats.frames_dropped += 1;
        if !dropped.breaks_layer || stream.awaiting_key {
            return None;
        }
        stream.await_key_frame(now);
        Some(UplinkEvent::key_frame_requested(stream_id))
    }

    /// Begins every video stream anew: the events that ask for their key frames. `discard` throws
    /// out what waits of a track and says how many frames that were.
    pub(super) fn restart_video(
        &mut self,
        now: Instant,
        mut discard: impl FnMut(u8) -> u64,
    ) -> Vec<UplinkEvent> {
        let mut events = Vec::new();
        for (&number, _) in self.tracks.iter().filter(|(_, track)| !track.is_audio()) {
            let mut dropped = discard(number);
            for (&id, stream) in &mut self.streams {
                if id.track != number || stream.stats.frames_encoded == 0 {
                    continue;
                }
                // Counted once, with the first stream of the track.
                stream.stats.frames_dropped += std::mem::take(&mut dropped);
                stream.await_key_frame(now);
                events.push(UplinkEvent::key_frame_requested(id));
            }
        }
        events
    }

    /// The gateway asks participant `sender` for key frames: the events for the encoders.
    pub(super) fn on_key_frame_request(
        &mut self,
        now: Instant,
        rtt: Duration,
        sender: u32,
        request: &KeyFrameRequest<'_>,
    ) -> Vec<UplinkEvent> {
        let mut events = Vec::new();
        for entry in request.distinct().filter(|entry| entry.sender == sender) {
            let Some(stream) = self.streams.get_mut(&entry.stream_id()) else {
                continue;
            };
            stream.stats.pli_count += 1;
            if stream.admit_key_frame_request(now, rtt) {
                events.push(UplinkEvent::key_frame_requested(entry.stream_id()));
            }
        }
        events
    }

    /// The statistics of every stream. `loss` is the path's; a track has none of its own.
    pub(super) fn stats(&self, loss: f64) -> Vec<OutboundStats> {
        let of = |(id, stream): (&StreamId, &OutboundStream)| {
            let track = self.tracks.get(&id.track)?;
            Some(OutboundStats {
                kind: if track.is_audio() { "audio" } else { "video" },
                track: id.track,
                spatial: id.spatial,
                target_bitrate: track.layer_bitrate(id.spatial).as_bps() as f64,
                fraction_lost: loss,
                ..stream.stats.clone()
            })
        };
        self.streams.iter().filter_map(of).collect()
    }
}

impl Track {
    pub(super) fn is_audio(&self) -> bool {
        self.config.kind.is_audio()
    }

    /// What the encoder of a layer should produce.
    pub(super) fn layer_bitrate(&self, spatial: u8) -> Bitrate {
        match self.shares.get(usize::from(spatial)) {
            Some(share) => share.bitrate,
            None if self.shares.is_empty() => self.bitrate,
            None => Bitrate::ZERO,
        }
    }
}

impl OutboundStream {
    /// Counts an encoded frame of `bytes`; whether it is worth sending. While a key frame is
    /// awaited no other video frame is: it refers to one that was thrown out. A frame of audio
    /// refers to none.
    pub(super) fn admit_frame(
        &mut self,
        now: Instant,
        header: &FrameHeader,
        audio: bool,
        bytes: usize,
    ) -> bool {
        self.stats.frames_encoded += 1;
        self.stats.bytes_encoded += bytes as u64;
        if header.key {
            self.stats.key_frames_encoded += 1;
            self.last_key_frame = Some(now);
        }
        if self.awaiting_key && !header.key && !audio {
            self.stats.frames_dropped += 1;
            return false;
        }
        self.awaiting_key = false;
        true
    }

    pub(super) fn on_sent(&mut self, now: Instant, packet: &Queued, retransmission: bool) {
        if is_repair(&packet.datagram) {
            self.stats.fec_packets_sent += 1;
            self.stats.fec_bytes_sent += packet.datagram.len() as u64;
            return;
        }
        let payload = (packet.datagram.len() - HEADER_BYTES) as u64;
        self.stats.packets_sent += 1;
        self.stats.bytes_sent += payload;
        self.stats.header_bytes_sent += HEADER_BYTES as u64;
        if retransmission {
            self.stats.retransmitted_packets_sent += 1;
            self.stats.retransmitted_bytes_sent += payload;
        } else {
            self.stats.total_packet_send_delay += seconds(now - packet.since);
            self.stats.frames_sent += u64::from(packet.last);
        }
    }

    /// The number that the next frame gets.
    #[cfg(test)]
    pub(super) fn next_frame_id(&self) -> u32 {
        self.next_frame_id
    }

    /// Whether a request is to be passed to the encoder. Not while an earlier one is being
    /// answered, and not when a key frame went out so lately that the one who asks cannot have seen
    /// it.
    fn admit_key_frame_request(&mut self, now: Instant, rtt: Duration) -> bool {
        let recent = |at: Option<Instant>, span| at.is_some_and(|at| now - at < span);
        if recent(self.last_request, KEY_FRAME_INTERVAL) || recent(self.last_key_frame, rtt) {
            return false;
        }
        self.last_request = Some(now);
        true
    }

    fn await_key_frame(&mut self, now: Instant) {
        self.awaiting_key = true;
        self.last_request = Some(now);
    }
}

#[cfg(test)]
mod tests;
