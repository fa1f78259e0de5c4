//! The session of a publisher.
//!
//! ```text
//!  frame ─► Packetizer ─► Pacer ─► transport_seq ─► datagram
//!                                       └► PacketCache ◄─ NACK
//!  feedback ─► CongestionController ─► pacing rate, target bitrates
//! ```

mod incoming;
mod layer;
mod layer_probing;
mod overload_restart;
mod protection;
mod rate_meter;
mod redundancy;
mod simulcast;
mod types;

use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};

use self::layer::{Layer, Track};
use self::layer_probing::LayerProbing;
use self::overload_restart::OverloadRestart;
pub use self::protection::ProtectionConfig;
use self::protection::{FrameGate, Protection};
use self::rate_meter::RateMeter;
use self::redundancy::Redundancy;
use self::simulcast::LayerShare;
pub use self::types::{
    FrameParams, LayerConfig, TrackConfig, UplinkConfig, UplinkEvent, UplinkInput, UplinkOutput,
};
use super::pacer::{Class, Pacer, Queued};
use super::packet_cache::PacketCache;
use super::packetizer::Packetizer;
use super::retransmission_gate::RetransmissionGate;
use crate::cc::{CongestionController, Demand, SentPacket, allocate};
use crate::error::InputError;
use crate::ids::{StreamId, TrackId};
use crate::path::RttEstimator;
use crate::stats::{PathStats, TransportStats, UplinkStats, seconds};
use crate::time::{Bitrate, Instant};
use crate::wire;
use crate::wire::media::{self, FrameHeader};
use crate::wire::ping::Ping;
use crate::wire::redundancy::REDUNDANT_HEADER_BYTES;

/// What SFrame adds to a frame: a header of up to 17 bytes and a tag of 16, of which 1 + 8 + 3 + 16
/// is usual.
const SEAL_BYTES: u64 = 28;
const AUDIO_FRAMES_PER_SECOND: u64 = 50;
/// Audio with its copies takes no more of the rate than this, as long as its codec gets the least.
const AUDIO_SHARE: f64 = 0.25;
/// With this much, speech is still good.
const LEAST_AUDIO: Bitrate = Bitrate::from_kbps(16);
/// Changes of the rate smaller than this share are not worth reconfiguring an encoder.
const WORTH_TELLING: f64 = 0.03;

/// The session of a publisher.
#[derive(Debug)]
pub struct Uplink {
    participant: u32,
    now: Instant,
    tracks: BTreeMap<u8, Track>,
    layers: BTreeMap<StreamId, Layer>,
    congestion: Box<dyn CongestionController>,
    pacer: Pacer,
    cache: PacketCache,
    repeats: RetransmissionGate,
    repeated: RateMeter,
    protection: Protection,
    restart: OverloadRestart,
    trials: LayerProbing,
    rtt: RttEstimator,
    transport_seq: u16,
    urgent: VecDeque<Vec<u8>>,
    events: VecDeque<UplinkEvent>,
    announced: Option<(Bitrate, Bitrate)>,
    transport: TransportStats,
}

impl Uplink {
    /// The uplink of `participant`. `seed` sets the numbers of its pings apart from those of other
    /// sessions.
    pub fn new(config: UplinkConfig, participant: u32, seed: u64) -> Self {
        let congestion = config.controller.build(config.congestion);
        let pacer = Pacer::new(config.pacer, congestion.pacing().rate);
        Self {
            participant,
            now: Instant::ZERO,
            tracks: BTreeMap::new(),
            layers: BTreeMap::new(),
            congestion,
            pacer,
            cache: PacketCache::new(config.cache),
            repeats: RetransmissionGate::new(),
            repeated: RateMeter::default(),
            protection: Protection::new(config.protection),
            restart: OverloadRestart::default(),
            trials: LayerProbing::new(),
            rtt: RttEstimator::new(seed),
            transport_seq: 0,
            urgent: VecDeque::new(),
            events: VecDeque::new(),
            announced: None,
            transport: TransportStats::default(),
        }
    }

    /// Adds a track or changes what is known of it; its layers ([`Self::set_layers`]) stay. A new
    /// one counts its frames from 0.
    pub fn set_track(&mut self, track: u8, config: TrackConfig) {
        let older = self.tracks.remove(&track);
        self.tracks.insert(
            track,
            Track {
                config,
                bitrate: Bitrate::ZERO,
                gate: FrameGate::default(),
                shares: older.map_or_else(Vec::new, |older| older.shares),
                redundancy: Redundancy::default(),
            },
        );
        self.announced = None;
        self.allocate();
    }

    /// Sends a track of pictures in several sizes, spatial layer 0 (the smallest) first, each from
    /// an encoder of its own: the gateway forwards one of them to each subscriber. None for a
    /// single stream again. The track's `max_bitrate` bounds them together. Does nothing for an
    /// unknown track or for audio.
    pub fn set_layers(&mut self, track: u8, layers: &[LayerConfig]) {
        if let Some(track) = self.tracks.get_mut(&track)
            && !track.config.kind.is_audio()
        {
            track.shares = layers
                .iter()
                .take(usize::from(media::MAX_LAYER) + 1)
                .copied()
                .map(LayerShare::new)
                .collect();
            self.announced = None;
            self.allocate();
        }
    }

    /// Forgets a track; what of it waits is not sent.
    pub fn remove_track(&mut self, track: u8) {
        self.tracks.remove(&track);
        self.layers.retain(|stream, _| stream.track != track);
        self.pacer.remove_track(track);
        self.cache.remove_track(track);
        self.allocate();
    }

    /// Numbers the next frame of a track. Seal it with the header's metadata and hand it in.
    ///
    /// # Errors
    ///
    /// [`InputError::UnknownTrack`].
    pub fn begin_frame(
        &mut self,
        track: u8,
        params: FrameParams,
    ) -> Result<FrameHeader, InputError> {
        let kind = self
            .tracks
            .get(&track)
            .ok_or(InputError::UnknownTrack(track))?
            .config
            .kind;
        let stream = TrackId::new(self.participant, track).stream(params.spatial);
        let layer = self.layers.entry(stream).or_default();
        let frame_id = layer.next_frame_id;
        layer.next_frame_id = frame_id.wrapping_add(1);
        Ok(FrameHeader {
            key: params.key,
            discardable: params.discardable,
            reserved_flags: 0,
            media_kind: kind,
            track,
            spatial: params.spatial,
            temporal: params.temporal,
            sender: self.participant,
            frame_id,
            reference_distance: params.reference_distance,
            media_time: params.media_time,
        })
    }

    /// What the encoder of a track should produce; zero for an unknown track.
    pub fn track_bitrate(&self, track: u8) -> Bitrate {
        self.tracks
            .get(&track)
            .map_or(Bitrate::ZERO, |track| track.bitrate)
    }

    /// What the encoder of a layer should produce; zero if the layer is not to be sent now. A layer
    /// that begins needs a key frame first.
    pub fn layer_bitrate(&self, track: u8, spatial: u8) -> Bitrate {
        self.tracks
            .get(&track)
            .map_or(Bitrate::ZERO, |track| track.layer_bitrate(spatial))
    }

    /// What [`Self::wants_frame`] says, of one layer of a track in several sizes.
    pub fn wants_layer_frame(&mut self, now: Instant, track: u8, spatial: u8) -> bool {
        let protection = &self.protection;
        let shares = self.tracks.get_mut(&track).map(|track| &mut track.shares);
        shares
            .and_then(|shares| shares.get_mut(usize::from(spatial)))
            .is_some_and(|share| share.admit(now, protection))
    }

    /// Whether a picture of `track` captured now is worth encoding. Where loss or a narrow path
    /// leaves little for each picture, fewer are. Ask once for each picture captured; `true` counts
    /// it as taken.
    pub fn wants_frame(&mut self, now: Instant, track: u8) -> bool {
        let protection = &self.protection;
        self.tracks
            .get_mut(&track)
            .is_some_and(|track| track.gate.admit(now, track.bitrate, protection))
    }

    /// Share of the frames of audio, 0 to 1, that is lost with all their copies. For redundancy
    /// inside the codec, which copies make needless.
    pub fn audio_loss_after_redundancy(&self) -> f64 {
        let packets = 1 + self.protection.audio_redundancy() as i32;
        self.congestion.path().loss.powi(packets)
    }

    /// How long what waits to be sent will take. A capturer that sees more than two or three
    /// frames' time should leave a frame out before it is encoded.
    pub fn queue_delay(&self) -> Duration {
        self.pacer.queue_delay()
    }

    /// Applies one input; then drain [`Self::poll_output`] until it yields
    /// [`UplinkOutput::Timeout`]. Time does not go back: an earlier `now` counts as the latest
    /// there was.
    ///
    /// # Errors
    ///
    /// See [`InputError`]; the input had no effect and the session goes on.
    pub fn handle_input(&mut self, now: Instant, input: UplinkInput<'_>) -> Result<(), InputError> {
        self.now = self.now.max(now);
        let result = match input {
            UplinkInput::Datagram(bytes) => self.on_datagram(bytes),
            UplinkInput::Frame { header, sealed } => self.on_frame(header, &sealed),
            UplinkInput::Timeout => Ok(()),
        };
        self.on_time();
        result
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> UplinkOutput {
        if let Some(datagram) = self.urgent.pop_front().or_else(|| self.next_packet()) {
            self.transport.packets_sent += 1;
            self.transport.bytes_sent += datagram.len() as u64;
            return UplinkOutput::Transmit(datagram);
        }
        if let Some(event) = self.events.pop_front() {
            return UplinkOutput::Event(event);
        }
        let deadlines = [
            self.pacer.next_send(),
            self.congestion.next_timeout(),
            Some(self.rtt.next_timeout()),
        ];
        UplinkOutput::Timeout(
            deadlines
                .into_iter()
                .flatten()
                .min()
                .unwrap_or(Instant::FAR_FUTURE),
        )
    }

    /// What has been counted so far.
    pub fn stats(&self, now: Instant) -> UplinkStats {
        let path = self.congestion.path();
        let (total, samples) = self.rtt.total();
        UplinkStats {
            timestamp: now.as_micros() as f64 / 1e3,
            transport: TransportStats {
                current_round_trip_time: self.rtt.latest().or(path.rtt).map(seconds),
                total_round_trip_time: seconds(total),
                responses_received: samples,
                available_outgoing_bitrate: Some(self.congestion.target_bitrate().as_bps() as f64),
                ..self.transport
            },
            path: PathStats {
                packets_received: path.packets_received,
                packets_lost: path.packets_lost,
                random_loss: path.random_loss,
                burst: path.burst,
            },
            outbound: layer::stats(&self.tracks, &self.layers, path.loss),
        }
    }

    fn on_time(&mut self) {
        if let Some(token) = self.rtt.poll(self.now) {
            let mut ping = Vec::new();
            Ping { token }.encode(&mut ping);
            self.urgent.push_back(ping);
        }
        self.congestion.on_timeout(self.now);
        self.try_next_size();
        let (path, target) = (self.congestion.path(), self.congestion.target_bitrate());
        self.protection.on_path(self.now, &path, self.rtt.rtt());
        self.allocate();
        if self.restart.on_path(self.now, &path, target) {
            self.begin_anew();
        }
    }

    /// Of the rate of a track of pictures, so much is for its encoder.
    fn payload_share(&self) -> f64 {
        media::MAX_PAYLOAD_BYTES as f64
            / wire::MAX_DATAGRAM_BYTES as f64
            / (1.0 + self.protection.overhead())
    }

    fn on_frame(&mut self, header: FrameHeader, sealed: &[u8]) -> Result<(), InputError> {
        let track = self
            .tracks
            .get_mut(&header.track)
            .ok_or(InputError::UnknownTrack(header.track))?;
        let audio = track.config.kind.is_audio();
        let least = if audio {
            1
        } else {
            self.protection.least_fragments(sealed.len())
        };
        let packets = Packetizer::in_fragments(header, sealed, least)?;
        let layer = self.layers.entry(header.stream_id()).or_default();
        layer.on_frame(self.now, &header, sealed.len());
        if layer.awaiting_key && !header.key && !audio {
            layer.stats.frames_dropped += 1;
            return Ok(());
        }
        layer.awaiting_key = false;
        let class = match header.temporal {
            _ if audio => Class::Audio,
            0 if header.spatial == 0 => Class::Base,
            _ => Class::Enhancement,
        };
        let mut datagrams: Vec<Vec<u8>> = packets.collect();
        let repairs = match datagrams.as_mut_slice() {
            [datagram] if audio => {
                let copies = self.protection.audio_redundancy();
                let added = track.redundancy.add(&header, sealed, copies, datagram);
                layer.stats.fec_bytes_sent += added as u64;
                Vec::new()
            }
            _ if audio => Vec::new(),
            _ => self.repairs(&header, &datagrams),
        };
        let fragments = datagrams.len();
        for (index, datagram) in (0..).zip(datagrams.into_iter().chain(repairs)) {
            self.pacer.push(Queued {
                class,
                frame: header.id(),
                fragment: index,
                last: usize::from(index) + 1 == fragments,
                key: header.key,
                discardable: header.discardable,
                since: self.now,
                datagram,
            });
        }
        self.cut_queue();
        Ok(())
    }

    fn cut_queue(&mut self) {
        for dropped in self.pacer.cut() {
            let stream = dropped.frame.stream;
            let Some(layer) = self.layers.get_mut(&stream) else {
                continue;
            };
            layer.stats.frames_dropped += 1;
            if dropped.breaks_layer && !layer.awaiting_key {
                layer.awaiting_key = true;
                layer.note_key_frame_request(self.now);
                self.events
                    .push_back(UplinkEvent::key_frame_requested(stream));
            }
        }
    }

    /// Numbers the packet whose turn it is, and tells all who want to know that it goes out.
    fn next_packet(&mut self) -> Option<Vec<u8>> {
        let mut packet = self.pacer.pop(self.now)?;
        let transport_seq = self.transport_seq;
        self.transport_seq = transport_seq.wrapping_add(1);
        let repeat = media::is_rtx(&packet.datagram);
        media::set_transport_seq(&mut packet.datagram, transport_seq);
        let bytes = packet.datagram.len();
        self.congestion.on_sent(
            self.now,
            SentPacket {
                sender: self.participant,
                transport_seq,
                bytes,
            },
        );
        if let Some(layer) = self.layers.get_mut(&packet.frame.stream) {
            layer.on_sent(self.now, &packet, repeat);
        }
        if repeat {
            self.repeated.add(self.now, bytes as u64);
        } else if media::is_repair(&packet.datagram) {
            self.on_repair_sent(bytes);
        } else {
            self.cache.insert(
                self.now,
                packet.frame,
                packet.fragment,
                packet.datagram.clone(),
            );
        }
        Some(packet.datagram)
    }

    /// Divides the rate among the tracks, and tells if it changed by enough.
    fn allocate(&mut self) {
        let copies = self.protection.audio_redundancy() as u64;
        let copy_bytes = copies * (SEAL_BYTES + REDUNDANT_HEADER_BYTES as u64);
        let audio_overhead = Bitrate::from_bps(
            (media::HEADER_BYTES as u64 + SEAL_BYTES + copy_bytes) * 8 * AUDIO_FRAMES_PER_SECOND,
        );
        let audio_frames = (1 + copies) as f64;
        let payload_share = self.payload_share();
        let target = self.congestion.target_bitrate();
        // Repetitions take from the pictures, but never more than half.
        let available = target.saturating_sub(self.repeated.rate(self.now).min(target * 0.5));
        let demands: Vec<_> = self
            .tracks
            .values()
            .map(|Track { config, .. }| {
                let wire = if config.kind.is_audio() {
                    // Copies make the codec's rate many times as dear; before they crowd out the
                    // pictures, it sinks.
                    let most = (target * AUDIO_SHARE).saturating_sub(audio_overhead);
                    let codec = (most * (1.0 / audio_frames)).max(LEAST_AUDIO);
                    config.max_bitrate.min(codec) * audio_frames + audio_overhead
                } else {
                    config.max_bitrate * (1.0 / payload_share)
                };
                Demand {
                    kind: config.kind,
                    max: wire,
                }
            })
            .collect();
        let (mut audio, mut video) = (Bitrate::ZERO, Bitrate::ZERO);
        for (track, share) in self.tracks.values_mut().zip(allocate(available, &demands)) {
            if track.config.kind.is_audio() {
                track.bitrate = share.saturating_sub(audio_overhead) * (1.0 / audio_frames);
                audio = audio + track.bitrate;
            } else {
                track.bitrate = (share * payload_share).min(track.config.max_bitrate);
                video = video + track.bitrate;
                if simulcast::divide(self.now, track.bitrate, &mut track.shares) {
                    self.announced = None;
                }
            }
        }
        let changed = |old: Bitrate, new: Bitrate| {
            old.as_bps().abs_diff(new.as_bps()) as f64 > old.as_bps() as f64 * WORTH_TELLING
        };
        if self
            .announced
            .is_none_or(|(v, a)| changed(v, video) || changed(a, audio))
            && !self.tracks.is_empty()
        {
            self.announced = Some((video, audio));
            self.events
                .push_back(UplinkEvent::TargetBitrate { video, audio });
        }
    }
}

#[cfg(test)]
mod tests;
