//! What the uplink knows of a track and of each of its spatial layers.

use core::time::Duration;
use std::collections::BTreeMap;

use super::TrackConfig;
use super::protection::FrameGate;
use super::redundancy::Redundancy;
use super::simulcast::LayerShare;
use crate::ids::StreamId;
use crate::send::pacer::Queued;
use crate::stats::{OutboundStats, seconds};
use crate::time::{Bitrate, Instant};
use crate::wire::media::{FrameHeader, HEADER_BYTES, is_repair};

/// Two requests for a key frame closer than this are one: encoders take a frame or two to answer.
const KEY_FRAME_INTERVAL: Duration = Duration::from_millis(300);

#[derive(Debug)]
pub(super) struct Track {
    pub(super) config: TrackConfig,
    pub(super) bitrate: Bitrate,
    pub(super) gate: FrameGate,
    /// Of a track in several sizes; empty for one of a single stream.
    pub(super) shares: Vec<LayerShare>,
    pub(super) redundancy: Redundancy,
}

impl Track {
    /// What the encoder of a layer should produce.
    pub(super) fn layer_bitrate(&self, spatial: u8) -> Bitrate {
        match self.shares.get(usize::from(spatial)) {
            Some(share) => share.bitrate,
            None if self.shares.is_empty() => self.bitrate,
            None => Bitrate::ZERO,
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Layer {
    pub(super) next_frame_id: u32,
    /// A frame was thrown out, and those that follow are of no use up to a key frame.
    pub(super) awaiting_key: bool,
    pub(super) stats: OutboundStats,
    last_key_frame: Option<Instant>,
    last_request: Option<Instant>,
}

impl Layer {
    pub(super) fn on_frame(&mut self, now: Instant, header: &FrameHeader, bytes: usize) {
        self.stats.frames_encoded += 1;
        self.stats.bytes_encoded += bytes as u64;
        if header.key {
            self.stats.key_frames_encoded += 1;
            self.last_key_frame = Some(now);
        }
    }

    pub(super) fn on_sent(&mut self, now: Instant, packet: &Queued, repeat: bool) {
        if is_repair(&packet.datagram) {
            self.stats.fec_packets_sent += 1;
            self.stats.fec_bytes_sent += packet.datagram.len() as u64;
            return;
        }
        let payload = (packet.datagram.len() - HEADER_BYTES) as u64;
        self.stats.packets_sent += 1;
        self.stats.bytes_sent += payload;
        self.stats.header_bytes_sent += HEADER_BYTES as u64;
        if repeat {
            self.stats.retransmitted_packets_sent += 1;
            self.stats.retransmitted_bytes_sent += payload;
        } else {
            self.stats.total_packet_send_delay += seconds(now - packet.since);
            self.stats.frames_sent += u64::from(packet.last);
        }
    }

    /// Whether a request is to be passed to the encoder. Not while an earlier one is being
    /// answered, and not when a key frame went out so lately that the one who asks cannot have seen
    /// it.
    pub(super) fn admit_key_frame_request(&mut self, now: Instant, rtt: Duration) -> bool {
        let recent = |at: Option<Instant>, span| at.is_some_and(|at| now - at < span);
        if recent(self.last_request, KEY_FRAME_INTERVAL) || recent(self.last_key_frame, rtt) {
            return false;
        }
        self.note_key_frame_request(now);
        true
    }

    pub(super) fn note_key_frame_request(&mut self, now: Instant) {
        self.last_request = Some(now);
    }
}

/// The statistics of every layer. `loss` is the path's; a track has none of its own.
pub(super) fn stats(
    tracks: &BTreeMap<u8, Track>,
    layers: &BTreeMap<StreamId, Layer>,
    loss: f64,
) -> Vec<OutboundStats> {
    let of = |(stream, layer): (&StreamId, &Layer)| {
        let track = tracks.get(&stream.track)?;
        Some(OutboundStats {
            kind: if track.config.kind.is_audio() {
                "audio"
            } else {
                "video"
            },
            track: stream.track,
            spatial: stream.spatial,
            target_bitrate: track.layer_bitrate(stream.spatial).as_bps() as f64,
            fraction_lost: loss,
            ..layer.stats.clone()
        })
    };
    layers.iter().filter_map(of).collect()
}
