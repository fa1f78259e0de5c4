//! The way to one subscriber: how fast, which layers, with how much repair.
//!
//! A congestion controller of its own learns from the subscriber's reports what its path bears.
//! Within that rate the [`LayerChooser`] picks layers, repair packets are made for what this path
//! loses, and the queue goes out evenly. A subscriber who never reports is not controlled here;
//! then QUIC's or TCP's own window bounds it.

use std::{collections::BTreeMap, time::Duration};

use smrtc_engine::{
    FrameId, LayerId, StreamId, TrackId,
    cc::{CongestionConfig, CongestionController, Controller, Probing, SentPacket},
    fec::{PathLoss, audio_redundancy, repair_packets},
    send::RetransmissionGate,
    time::{Bitrate, Instant},
    wire::{
        feedback::Feedback,
        media::{FrameHeader, MAX_FRAGMENTS},
    },
};

use super::{
    Bucket, Class, Datagram, Limits, Need, Queue, layers::LayerChooser, per_second,
    protection::WholeFrame, rates::Point,
};

/// The gateway, as the sender of its own repair packets: no participant has this number.
const HOP: u32 = 0;
/// Kept packets looked at for one NACK: as many as the longest frame has.
const MAX_PACKETS_PER_NACK: u64 = MAX_FRAGMENTS as u64;
/// How often layers are chosen anew.
const TICK: Duration = Duration::from_millis(100);
/// How far ahead of the pacing rate packets may go: an ordinary frame leaves at once.
const BURST: Duration = Duration::from_millis(10);
/// A frame that has waited so long is no burst: more comes than the path bears, and it is better
/// kept here, where it can be left out.
const BACKLOG: Duration = Duration::from_millis(100);
/// However much audio is sent, video gets its turn after this time.
const MAX_DEBT: Duration = Duration::from_millis(500);
/// Leaves 5 % headroom: layers that fill the path exactly make a queue.
const USABLE: f64 = 0.95;
/// Largest share of the rate that is kept free for retransmissions.
const MOST_RETRANSMITTED: f64 = 0.5;
/// Size of one redundant frame of audio, as a share of its packet without redundancy.
const REDUNDANT_FRAME: f64 = 0.8;
/// Between two requests for the key frame at which to change layers.
const ASK_AGAIN: Duration = Duration::from_millis(500);

/// See the module's documentation.
#[derive(Debug)]
pub struct Subscriber {
    /// The datagrams that wait for its link.
    pub queue: Queue,
    congestion: Box<dyn CongestionController>,
    reports: bool,
    even_at: Instant,
    next_tick: Instant,
    chooser: LayerChooser,
    tracks: BTreeMap<TrackId, Forwarded>,
    path_loss: PathLoss,
    hop_seq: u16,
    probing: Probing,
    retransmissions: Bucket,
    nacks: Bucket,
    retransmission_gate: RetransmissionGate,
    retransmitted_bytes: f64,
    retransmitted_at: Instant,
    /// Round-trip time of the downlink, as far as its transport knows it.
    pub rtt: Duration,
}

/// The part of a track that is being forwarded.
#[derive(Clone, Copy, Debug, Default)]
struct Forwarded {
    /// The spatial layer; changes when a key frame of another comes.
    spatial: Option<u8>,
    asked: Option<Instant>,
}

/// A key frame to ask a publisher for, and why.
pub type KeyFrameWanted = (StreamId, Need);

impl Subscriber {
    /// One of whom nothing is known.
    #[must_use]
    pub fn new(limits: Limits, now: Instant) -> Self {
        Self {
            queue: Queue::new(limits.queue_bytes),
            congestion: Controller::default().build(CongestionConfig::default()),
            reports: false,
            even_at: now,
            next_tick: now,
            chooser: LayerChooser::default(),
            tracks: BTreeMap::new(),
            path_loss: PathLoss::new(now),
            hop_seq: 0,
            probing: Probing::default(),
            // Half a second at once: the NACKs for a lost key frame.
            retransmissions: Bucket::new(
                limits.retransmissions,
                limits.retransmissions.as_bps() / 16,
                now,
            ),
            nacks: Bucket::new(per_second(limits.nack_packets), MAX_PACKETS_PER_NACK, now),
            retransmission_gate: RetransmissionGate::new(),
            retransmitted_bytes: 0.0,
            retransmitted_at: now,
            rtt: Duration::ZERO,
        }
    }

    /// Begins anew, for another session: another path.
    pub fn restart(&mut self, limits: Limits, now: Instant) {
        let drops = self.queue.drops();
        *self = Self::new(limits, now);
        self.queue.restore_drops(drops);
    }

    /// Takes in a report.
    pub fn on_feedback(&mut self, now: Instant, feedback: &Feedback<'_>) {
        self.reports = true;
        self.congestion.on_feedback(now, feedback);
        let path = self.congestion.path();
        let rtt = path.rtt.unwrap_or(self.rtt);
        self.path_loss
            .update(now, path.random_loss, path.burst, rtt);
    }

    /// The rate that the path bears, if it is known.
    #[must_use]
    pub fn target(&self) -> Option<Bitrate> {
        self.reports.then(|| self.congestion.target_bitrate())
    }

    /// How often a track was given other layers.
    #[must_use]
    pub fn switches(&self) -> u64 {
        self.chooser.switches()
    }

    /// Takes the next datagram that may go now.
    pub fn pop(&mut self, now: Instant) -> Option<Datagram> {
        let held_back = self.reports && now + BURST < self.even_at;
        let backlog = self.chooser.is_short() || self.queue.oldest_video(now) > BACKLOG;
        let datagram = if held_back {
            self.queue.pop_urgent()
        } else {
            self.queue.pop(now)
        }?;
        if let Some(packet) = sent_packet(&datagram) {
            self.congestion.on_sent(now, packet);
            let paced = if backlog {
                self.congestion.target_bitrate()
            } else {
                self.congestion.pacing().rate
            };
            let rate = paced.max(self.probing.rate().unwrap_or(paced));
            if packet.sender == HOP
                && let Some(probe) = self.probing.on_sent(now, packet.bytes)
            {
                self.congestion.on_probe(probe);
            }
            let time = rate.time_for(packet.bytes as u64);
            self.even_at = (self.even_at.max(now) + time).min(now + MAX_DEBT);
        }
        Some(datagram)
    }

    /// When [`Self::pop`] has something that it holds back now.
    #[must_use]
    pub fn next_send(&self) -> Instant {
        if self.queue.is_empty() || !self.reports {
            Instant::FAR_FUTURE
        } else {
            self.even_at - BURST
        }
    }

    /// The spatial layer that a track is forwarded in, or begins with.
    #[must_use]
    pub fn spatial(&self, track: TrackId) -> u8 {
        let forwarded = self.tracks.get(&track);
        forwarded.and_then(|track| track.spatial).unwrap_or(0)
    }

    /// Whether [`Self::tick`] is due.
    #[must_use]
    pub fn is_due(&self, now: Instant) -> bool {
        now >= self.next_tick
    }

    /// Chooses layers anew. `audio` is what its audio takes, `tracks` what its video can be had
    /// for. Returns the key frames to ask for.
    pub fn tick(
        &mut self,
        now: Instant,
        audio: Bitrate,
        tracks: &BTreeMap<TrackId, Vec<Point>>,
    ) -> Vec<KeyFrameWanted> {
        self.next_tick = now + TICK;
        let audio = audio * (1.0 + REDUNDANT_FRAME * self.audio_redundancy() as f64);
        self.congestion.on_timeout(now);
        self.tracks.retain(|key, _| tracks.contains_key(key));
        let on_path =
            |points: &Vec<Point>| points.iter().map(|point| self.on_path(*point)).collect();
        let measured: BTreeMap<_, _> = tracks
            .iter()
            .filter(|(_, points)| !points.is_empty())
            .map(|(key, points)| (*key, on_path(points)))
            .collect();
        let budget = self.video_budget(now, audio);
        let mut forwarded = self.tracks.iter();
        let given_up = forwarded.any(|(track, forwarded)| {
            let spatial = forwarded.spatial;
            spatial.is_some_and(|spatial| self.queue.is_broken(track.stream(spatial)))
        });
        self.chooser.choose(now, budget, &measured, given_up);
        self.decide_on_probe(now, audio);
        let mut wanted = Vec::new();
        self.queue
            .retain_streams(|stream| tracks.contains_key(&stream.track_id()));
        for key in tracks.keys() {
            let forwarded = self.tracks.entry(*key).or_default();
            let Some(LayerId { spatial, .. }) = self.chooser.chosen(*key) else {
                continue;
            };
            let stream = key.stream(spatial);
            if forwarded.spatial.is_none_or(|now_at| now_at == spatial) {
                forwarded.spatial = Some(spatial);
                forwarded.asked = None;
                if self.queue.is_broken(stream) {
                    wanted.push((stream, Need::Narrow));
                }
            } else if forwarded.asked.is_none_or(|at| now - at >= ASK_AGAIN) {
                forwarded.asked = Some(now);
                wanted.push((stream, Need::Urgent));
            }
        }
        wanted
    }

    /// What a point takes on this path, with its repair packets: of a frame in few packets, more of
    /// each.
    fn on_path(&self, point: Point) -> Point {
        let fragments = point.fragments.max(1);
        let repairs = repair_packets(fragments, self.path_loss.protection(false));
        Point {
            rate: point.rate * (1.0 + f64::from(repairs) / f64::from(fragments)),
            ..point
        }
    }

    /// What is left of the rate for video and its repair packets: without audio, and without
    /// what retransmissions took lately.
    fn video_budget(&mut self, now: Instant, audio: Bitrate) -> Bitrate {
        let Some(target) = self.target() else {
            return Bitrate::from_bps(u64::MAX / 4);
        };
        let rest = (target * USABLE).saturating_sub(audio);
        let retransmitted = self.retransmission_rate(now).min(rest * MOST_RETRANSMITTED);
        rest.saturating_sub(retransmitted)
    }

    /// Where the controller cannot know that the path bears a higher layer, because nothing is sent
    /// that would show it, a trial is made.
    fn decide_on_probe(&mut self, now: Instant, audio: Bitrate) {
        let probed = self.congestion.take_probed();
        if self.probing.outcome(now, probed) == Some(false) {
            self.chooser.probe_failed(now);
        }
        let Some(video) = self.chooser.probe_for(now).filter(|_| self.reports) else {
            return;
        };
        let wanted = (video + audio) * (1.0 / USABLE);
        if self.probing.is_idle() && wanted > self.congestion.target_bitrate() {
            self.probing.begin(now, wanted);
        }
    }

    /// At the next tick a track gets the layers that the rate allows, without the wait before a
    /// step up: the user asked for other ones.
    pub fn choose_anew(&mut self, track: TrackId) {
        self.chooser.remove(track);
    }

    /// Whether a packet of this frame is to be forwarded, now that it is there. `max` is what was
    /// subscribed to; a spatial layer above it that was forwarded before goes on until a key frame
    /// of the one to change to comes, so that the video does not stand still.
    pub fn wants(&mut self, header: &FrameHeader, max: LayerId) -> bool {
        header.media_kind.is_audio()
            || self.wants_layer(header, max) && self.queue.admits(&header.id(), header.key)
    }

    fn wants_layer(&mut self, header: &FrameHeader, max: LayerId) -> bool {
        let key = header.track_id();
        let chosen = self.chooser.chosen(key);
        let forwarded = self.tracks.entry(key).or_default();
        let Some(LayerId { spatial, temporal }) = chosen else {
            // Nothing is known yet of what there is: the base layer alone, so that frames of two
            // sizes never come at once.
            return header.spatial == *forwarded.spatial.get_or_insert(0)
                && header.temporal <= max.temporal;
        };
        if header.key && header.spatial == spatial && forwarded.spatial != Some(spatial) {
            let before = forwarded.spatial.replace(spatial);
            forwarded.asked = None;
            // Waiting packets of the old stream would only hold this frame up.
            if let Some(before) = before {
                self.queue.leave_stream(key.stream(before));
            }
        }
        let current = *forwarded.spatial.get_or_insert(spatial);
        // While a change is awaited all temporal layers of the old one go on, as far as they were
        // subscribed to.
        let temporal = if current == spatial {
            temporal
        } else {
            max.temporal
        };
        header.spatial == current && header.temporal <= temporal.min(max.temporal)
    }

    /// How many earlier frames a packet of audio needs on this path.
    #[must_use]
    pub fn audio_redundancy(&self) -> usize {
        audio_redundancy(self.path_loss.protection(false))
    }

    /// Why the subscriber asks for a key frame of a stream; `None` if one is on its way.
    #[must_use]
    pub fn key_frame_need(&self, stream: StreamId) -> Option<Need> {
        if self.queue.has_key_frame(stream) {
            None
        } else if self.queue.is_broken(stream) {
            Some(Need::Narrow)
        } else {
            Some(Need::Urgent)
        }
    }

    /// Whether frames of this layer go to the subscriber now: what else it asks for again was not
    /// lost.
    #[must_use]
    pub fn forwards(&self, stream: StreamId) -> bool {
        let forwarded = self.tracks.get(&stream.track_id());
        forwarded
            .and_then(|forwarded| forwarded.spatial)
            .is_none_or(|spatial| spatial == stream.spatial)
    }

    /// How many kept packets may be looked at for a NACK that has come now.
    pub fn nack_allowance(&mut self, now: Instant) -> usize {
        self.nacks.available(now) as usize
    }

    /// So many were looked at.
    pub fn charge_nack(&mut self, now: Instant, packets: usize) {
        self.nacks.take(now, packets as u64);
    }

    /// Whether a packet may be sent again now, and counts it.
    pub fn admit_retransmission(
        &mut self,
        now: Instant,
        frame: FrameId,
        fragment: u16,
        bytes: usize,
    ) -> bool {
        let rtt = self.congestion.path().rtt.unwrap_or(self.rtt);
        let admitted = self.retransmission_gate.admit(now, rtt, frame, fragment)
            && self.retransmissions.take(now, bytes as u64);
        if admitted {
            self.retransmission_rate(now);
            self.retransmitted_bytes += bytes as f64;
        }
        admitted
    }

    /// What retransmissions took in about the last second.
    fn retransmission_rate(&mut self, now: Instant) -> Bitrate {
        let elapsed = (now - self.retransmitted_at).as_secs_f64();
        self.retransmitted_at = now;
        self.retransmitted_bytes *= (-elapsed).exp();
        Bitrate::from_bps((self.retransmitted_bytes * 8.0) as u64)
    }

    /// Queues the repair packets that a frame needs on this path, and says how many.
    pub fn protect(
        &mut self,
        now: Instant,
        class: Class,
        key: bool,
        frame: &mut WholeFrame,
    ) -> u64 {
        let fragments = frame.fragments();
        let needed = repair_packets(fragments, self.path_loss.protection(key));
        let loss = self.congestion.path().random_loss;
        let burst = self.probing.packets(frame.packet_bytes(), loss);
        let count = needed.max(burst.unwrap_or(0)).min(frame.max_repairs());
        if burst.is_some() {
            self.probing.queued(count);
        }
        for index in 0..count {
            self.hop_seq = self.hop_seq.wrapping_add(1);
            let datagram = frame.repair(index, count, self.hop_seq);
            self.queue.push(now, class, datagram);
        }
        count.into()
    }

    /// Whether [`Self::protect`] would make anything of any frame.
    #[must_use]
    pub fn needs_protection(&self) -> bool {
        self.path_loss.is_noticed() || self.probing.packets(1, 0.0).is_some()
    }
}

/// What the controller is to know of a datagram: nothing unless it is media or repair, which the
/// subscriber reports.
fn sent_packet(datagram: &Datagram) -> Option<SentPacket> {
    use smrtc_engine::wire::{Kind, kind};
    let bytes = datagram.payload();
    let is_hop = match kind(bytes).ok()? {
        Kind::Media => false,
        // See `wire::repair`: bit 0 of the flags says that the number is ours.
        Kind::Repair => bytes[1] & 1 != 0,
        _ => return None,
    };
    let sender = u32::from_be_bytes(bytes.get(12..16)?.try_into().ok()?);
    Some(SentPacket {
        sender: if is_hop { HOP } else { sender },
        transport_seq: u16::from_be_bytes([*bytes.get(2)?, *bytes.get(3)?]),
        bytes: bytes.len(),
    })
}

#[cfg(test)]
mod tests;
