//! The session of a publisher.
//!
//! ```text
//!  frame ─► Packetizer ─► Pacer ─► transport_seq ─► datagram
//!                           ▲           └► Retransmitter ◄─ NACK
//!                           └──────────────────┘
//!  feedback ─► CongestionController ─► pacing rate, RateAllocation ─► encoders
//!                   └► Protection, OverloadRestart, LayerProbing
//! ```
//!
//! Each part has its state to itself; here is only the order in which they are asked.

mod layer_probing;
mod outbox;
mod overload_restart;
mod protection;
mod rate_allocation;
mod rate_meter;
mod redundancy;
mod retransmitter;
mod simulcast;
mod tracks;
mod types;

use core::time::Duration;

use self::layer_probing::LayerProbing;
use self::outbox::Outbox;
use self::overload_restart::OverloadRestart;
use self::protection::Protection;
pub use self::protection::ProtectionConfig;
use self::rate_allocation::{Budget, RateAllocation, next_layer_rate};
use self::retransmitter::Retransmitter;
use self::tracks::Tracks;
pub use self::types::{
    FrameParams, LayerConfig, TrackConfig, UplinkConfig, UplinkEvent, UplinkInput, UplinkOutput,
};
use super::pacer::{Class, Pacer, Queued};
use super::packetizer::Packetizer;
use crate::cc::{CongestionController, SentPacket};
use crate::error::InputError;
use crate::path::RttEstimator;
use crate::stats::{PathStats, TransportStats, UplinkStats, seconds};
use crate::time::{Bitrate, Instant};
use crate::wire::feedback::Feedback;
use crate::wire::keyframe::KeyFrameRequest;
use crate::wire::media::{self, FrameHeader, MAX_FRAGMENTS};
use crate::wire::nack::Nack;
use crate::wire::ping::{Ping, Pong};
use crate::wire::{self, Kind};

/// Retransmissions beyond so many waiting are left to the next NACK.
const MAX_RETRANSMISSIONS_WAITING: usize = 512;

/// Kept packets looked at for one NACK: as many as the longest frame has. The rest is left to the
/// next one.
const MAX_PACKETS_PER_NACK: usize = MAX_FRAGMENTS as usize;

/// The session of a publisher.
#[derive(Debug)]
pub struct Uplink {
    participant: u32,
    now: Instant,
    tracks: Tracks,
    congestion: Box<dyn CongestionController>,
    allocation: RateAllocation,
    pacer: Pacer,
    transport_seq: u16,
    retransmitter: Retransmitter,
    protection: Protection,
    overload_restart: OverloadRestart,
    layer_probing: LayerProbing,
    rtt: RttEstimator,
    outbox: Outbox,
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
            tracks: Tracks::default(),
            congestion,
            allocation: RateAllocation::default(),
            pacer,
            transport_seq: 0,
            retransmitter: Retransmitter::new(config.cache),
            protection: Protection::new(config.protection),
            overload_restart: OverloadRestart::default(),
            layer_probing: LayerProbing::new(),
            rtt: RttEstimator::new(seed),
            outbox: Outbox::default(),
        }
    }

    /// Adds a track or changes what is known of it; its layers ([`Self::set_layers`]) stay. A new
    /// one counts its frames from 0.
    pub fn set_track(&mut self, track: u8, config: TrackConfig) {
        self.tracks.set(track, config);
        self.allocation.announce_again();
        self.allocate();
    }

    /// Sends a video track in several sizes, spatial layer 0 (the smallest) first, each from an
    /// encoder of its own: the gateway forwards one of them to each subscriber. None for a single
    /// stream again. The track's `max_bitrate` bounds them together. Does nothing for an unknown
    /// track or for audio.
    pub fn set_layers(&mut self, track: u8, layers: &[LayerConfig]) {
        if self.tracks.set_layers(track, layers) {
            self.allocation.announce_again();
            self.allocate();
        }
    }

    /// Forgets a track; what of it waits is not sent.
    pub fn remove_track(&mut self, track: u8) {
        self.tracks.remove(track);
        self.pacer.remove_track(track);
        self.retransmitter.remove_track(track);
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
        self.tracks.begin_frame(self.participant, track, params)
    }

    /// What the encoder of a track should produce; zero for an unknown track.
    pub fn track_bitrate(&self, track: u8) -> Bitrate {
        let track = self.tracks.get(track);
        track.map_or(Bitrate::ZERO, |track| track.bitrate)
    }

    /// What the encoder of a layer should produce; zero if the layer is not to be sent now. A layer
    /// that begins needs a key frame first.
    pub fn layer_bitrate(&self, track: u8, spatial: u8) -> Bitrate {
        let track = self.tracks.get(track);
        track.map_or(Bitrate::ZERO, |track| track.layer_bitrate(spatial))
    }

    /// What [`Self::wants_frame`] says, of one layer of a track in several sizes.
    pub fn wants_layer_frame(&mut self, now: Instant, track: u8, spatial: u8) -> bool {
        let protection = &self.protection;
        let track = self.tracks.get_mut(track);
        track
            .and_then(|track| track.shares.get_mut(usize::from(spatial)))
            .is_some_and(|share| share.admit(now, protection))
    }

    /// Whether a frame of video `track` captured now is worth encoding. Where loss or a narrow path
    /// leaves little for each frame, fewer are. Ask once for each frame captured; `true` counts it
    /// as taken.
    pub fn wants_frame(&mut self, now: Instant, track: u8) -> bool {
        let protection = &self.protection;
        self.tracks
            .get_mut(track)
            .is_some_and(|track| track.gate.admit(now, track.bitrate, protection))
    }

    /// Share of the frames of audio, 0 to 1, that is lost with all their redundancy: what
    /// redundancy inside the codec could still mend.
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
            UplinkInput::Datagram(bytes) => {
                let result = self.on_datagram(bytes);
                self.outbox.count_received(bytes.len(), &result);
                result
            }
            UplinkInput::Frame { header, sealed } => self.on_frame(header, &sealed),
            UplinkInput::Timeout => Ok(()),
        };
        self.on_time();
        result
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> UplinkOutput {
        if let Some(datagram) = self.outbox.pop_urgent().or_else(|| self.next_packet()) {
            self.outbox.count_sent(datagram.len());
            return UplinkOutput::Transmit(datagram);
        }
        if let Some(event) = self.outbox.pop_event() {
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
                ..self.outbox.counters
            },
            path: PathStats {
                packets_received: path.packets_received,
                packets_lost: path.packets_lost,
                random_loss: path.random_loss,
                burst: path.burst,
            },
            outbound: self.tracks.stats(path.loss),
        }
    }

    fn on_datagram(&mut self, bytes: &[u8]) -> Result<(), InputError> {
        match wire::kind(bytes)? {
            Kind::Feedback => self
                .congestion
                .on_feedback(self.now, &Feedback::parse(bytes)?),
            Kind::Nack => self.on_nack(&Nack::parse(bytes)?),
            Kind::KeyFrameRequest => {
                let request = KeyFrameRequest::parse(bytes)?;
                let (now, rtt) = (self.now, self.rtt.rtt());
                let tracks = &mut self.tracks;
                let events = tracks.on_key_frame_request(now, rtt, self.participant, &request);
                self.outbox.tell(events);
            }
            Kind::Ping => self.outbox.pong(Ping::parse(bytes)?.token),
            Kind::Pong => self.rtt.on_pong(self.now, Pong::parse(bytes)?.token),
            kind @ (Kind::Media | Kind::Repair) => {
                return Err(InputError::UnexpectedKind(kind.byte()));
            }
        }
        Ok(())
    }

    fn on_nack(&mut self, nack: &Nack<'_>) {
        let (now, rtt) = (self.now, self.rtt.rtt());
        let mut left = MAX_PACKETS_PER_NACK;
        let own = |entry: &wire::nack::NackEntry| entry.sender == self.participant;
        for entry in nack.distinct().filter(own) {
            let Some(track) = self.tracks.get(entry.track) else {
                continue;
            };
            let class = if track.is_audio() {
                Class::Audio
            } else {
                Class::Retransmission
            };
            let waiting = self.pacer.waiting(Class::Retransmission);
            let room = MAX_RETRANSMISSIONS_WAITING.saturating_sub(waiting);
            let answer = self
                .retransmitter
                .answer(now, rtt, &entry, class, room, &mut left);
            if let Some(stream) = self.tracks.stream_mut(entry.stream_id()) {
                stream.stats.nack_count += answer.kept;
            }
            for packet in answer.packets {
                self.pacer.push(packet);
            }
        }
    }

    fn on_frame(&mut self, header: FrameHeader, sealed: &[u8]) -> Result<(), InputError> {
        let unknown = InputError::UnknownTrack(header.track);
        // A header from before a return to the room has the number of then.
        if header.sender != self.participant {
            return Err(unknown);
        }
        let audio = self.tracks.get(header.track).ok_or(unknown)?.is_audio();
        let least = if audio {
            1
        } else {
            self.protection.least_fragments(sealed.len())
        };
        let packets = Packetizer::in_fragments(header, sealed, least)?;
        let (track, stream) = self.tracks.of_frame(&header).ok_or(unknown)?;
        if !stream.admit_frame(self.now, &header, audio, sealed.len()) {
            return Ok(());
        }
        let mut datagrams: Vec<Vec<u8>> = packets.collect();
        let mut repairs = Vec::new();
        if !audio {
            repairs = self.repairs(&header, &datagrams);
        } else if let [datagram] = datagrams.as_mut_slice() {
            let count = self.protection.audio_redundancy();
            let added = track.redundancy.add(&header, sealed, count, datagram);
            stream.stats.fec_bytes_sent += added as u64;
        }
        self.queue(&header, audio, datagrams, repairs);
        Ok(())
    }

    /// Queues the packets of a frame, and throws out what no longer fits.
    fn queue(
        &mut self,
        header: &FrameHeader,
        audio: bool,
        datagrams: Vec<Vec<u8>>,
        repairs: Vec<Vec<u8>>,
    ) {
        let class = match (header.spatial, header.temporal) {
            _ if audio => Class::Audio,
            (0, 0) => Class::Base,
            _ => Class::Enhancement,
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
        for dropped in self.pacer.cut() {
            self.outbox.tell(self.tracks.on_dropped(self.now, dropped));
        }
    }

    /// The repair packets of a video frame, more of them if a burst waits for one.
    fn repairs(&mut self, header: &FrameHeader, datagrams: &[Vec<u8>]) -> Vec<Vec<u8>> {
        let bytes = datagrams.first().map_or(0, Vec::len);
        let loss = self.congestion.path().random_loss;
        let burst = self.layer_probing.burst(bytes, loss);
        let repairs = self
            .protection
            .repairs(header, datagrams, burst.unwrap_or(0));
        if burst.is_some() && !repairs.is_empty() {
            let packets = u16::try_from(repairs.len()).unwrap_or(u16::MAX);
            self.layer_probing.queued(packets);
        }
        repairs
    }

    /// Numbers the packet whose turn it is, and notes that it goes out.
    fn next_packet(&mut self) -> Option<Vec<u8>> {
        let mut packet = self.pacer.pop(self.now)?;
        let transport_seq = self.transport_seq;
        self.transport_seq = transport_seq.wrapping_add(1);
        let retransmission = media::is_rtx(&packet.datagram);
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
        if let Some(stream) = self.tracks.stream_mut(packet.frame.stream) {
            stream.on_sent(self.now, &packet, retransmission);
        }
        if retransmission {
            self.retransmitter.on_sent(self.now, bytes);
        } else if media::is_repair(&packet.datagram) {
            if let Some(probe) = self.layer_probing.on_repair_sent(self.now, bytes) {
                self.congestion.on_probe(probe);
                self.pace();
            }
        } else {
            self.retransmitter.keep(self.now, &packet);
        }
        Some(packet.datagram)
    }

    fn on_time(&mut self) {
        if let Some(token) = self.rtt.poll(self.now) {
            self.outbox.ping(token);
        }
        self.congestion.on_timeout(self.now);
        self.probe_next_layer();
        let (path, target) = (self.congestion.path(), self.congestion.target_bitrate());
        self.protection.on_path(self.now, &path, self.rtt.rtt());
        self.allocate();
        if self.overload_restart.on_path(self.now, &path, target) {
            self.restart_video();
        }
    }

    fn probe_next_layer(&mut self) {
        let target = self.congestion.target_bitrate();
        let wanted = next_layer_rate(target, &self.protection, &self.tracks);
        let probed = self.congestion.take_probed();
        self.layer_probing.on_time(self.now, wanted, target, probed);
        self.pace();
    }

    fn pace(&mut self) {
        let rate = self.congestion.pacing().rate;
        self.pacer.set_rate(self.layer_probing.pacing_rate(rate));
    }

    /// Divides the rate among the tracks, and tells if it changed by enough.
    fn allocate(&mut self) {
        let budget = Budget {
            target: self.congestion.target_bitrate(),
            retransmissions: self.retransmitter.rate(self.now),
        };
        let event = self
            .allocation
            .divide(self.now, budget, &self.protection, &mut self.tracks);
        self.outbox.tell(event);
    }

    /// Leaves all video frames so far behind and asks for key frames.
    fn restart_video(&mut self) {
        let (pacer, retransmitter) = (&mut self.pacer, &mut self.retransmitter);
        let events = self.tracks.restart_video(self.now, |track| {
            retransmitter.remove_track(track);
            pacer.remove_track(track)
        });
        self.outbox.tell(events);
    }
}

#[cfg(test)]
mod tests;
