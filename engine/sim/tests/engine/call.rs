//! A publisher and a subscriber, the whole way from capture to the moment a frame is shown: the
//! halves of participants, as in the simulator.

use std::collections::BTreeSet;
use std::time::Duration;

use smrtc_client::{
    DownlinkEvent, DownlinkHalf, DownlinkOptions, EncoderEvent, UplinkEvent, UplinkHalf,
};
use smrtc_engine::recv::DownlinkEvent as EngineEvent;
use smrtc_engine::send::{FrameParams, TrackConfig, UplinkConfig};
use smrtc_engine::wire::media::{MediaKind, MediaPacket};
use smrtc_engine::wire::repair::RepairPacket;
use smrtc_engine::{Bitrate, Instant, MediaTime, TrackId};

use super::pair::{AUDIO, SENDER, VIDEO};
use super::played::{Played, ShownFrame};
use smrtc_sim::link::{Link, LinkConfig};
use smrtc_sim::{Rng, Voice, halves};

const AUDIO_INTERVAL: Duration = Duration::from_millis(20);
const AUDIO_BLOCK: Duration = Duration::from_millis(10);
const VIDEO_INTERVAL: Duration = Duration::from_micros(33_333);
/// What was sent last has so long to come.
const SETTLING: Duration = Duration::from_secs(3);
/// The sender's media clock when the call begins: it wraps after five seconds.
const MEDIA_START: MediaTime = MediaTime::from_micros(MediaTime::MODULUS - 5_000_000);

pub(crate) struct Call {
    now: Instant,
    rng: Rng,
    uplink: UplinkHalf,
    downlink: DownlinkHalf,
    forward: Link,
    back: Link,
    downlink_wakes: Instant,
    next_audio: Instant,
    next_video: Instant,
    bitrate: Bitrate,
    key_wanted: bool,
    encoded: u32,
    /// Whole video frames, by number among all captured, that never get onto the path.
    swallowed: BTreeSet<u32>,
    /// Every second frame may be left out by who forwards, and is.
    layers_left_out: bool,
    /// Audio is played, and video is shown with it; else nobody listens.
    playout: Option<Audio>,
    /// Datagrams come twice, and long ago ones again.
    replays: Option<Vec<Vec<u8>>>,
    changes: Vec<(Instant, LinkConfig)>,
    jump: Option<(Instant, Duration)>,
    outcome: Played,
}

/// Real packets of audio, and when the next block of them is played.
struct Audio {
    voice: Voice,
    packets: usize,
    next_block: Instant,
}

impl Call {
    /// A path of 20 ms each way without any fault, 1 Mbit/s of video.
    pub(crate) fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let mut key_name = Rng::new(seed);
        let config = UplinkConfig::default();
        let mut uplink = halves::uplink(SENDER, config, rng.next(), &mut key_name);
        let track = |kind, kbps| TrackConfig {
            kind,
            max_bitrate: Bitrate::from_kbps(kbps),
        };
        for (number, track) in [
            (AUDIO, track(MediaKind::Audio, 32)),
            (VIDEO, track(MediaKind::Video, 1_000)),
        ] {
            uplink.set_track(number, track).expect("it has joined");
        }
        let mut downlink = halves::downlink(DownlinkOptions::default(), rng.next());
        downlink.add_track(TrackId::new(SENDER, AUDIO), MediaKind::Audio);
        downlink.add_track(TrackId::new(SENDER, VIDEO), MediaKind::Video);
        Self {
            now: Instant::ZERO,
            forward: Link::new(LinkConfig::default(), rng.next()),
            back: Link::new(LinkConfig::default(), rng.next()),
            rng,
            uplink,
            downlink,
            downlink_wakes: Instant::ZERO,
            next_audio: Instant::from_millis(1),
            next_video: Instant::from_millis(3),
            bitrate: Bitrate::ZERO,
            key_wanted: true,
            encoded: 0,
            swallowed: BTreeSet::new(),
            layers_left_out: false,
            playout: None,
            replays: None,
            changes: Vec::new(),
            jump: None,
            outcome: Played::default(),
        }
    }

    /// The path from publisher to subscriber.
    pub(crate) fn forward(mut self, config: LinkConfig) -> Self {
        self.forward.config = config;
        self
    }

    /// The path from publisher to subscriber, from `seconds` on. In order of time.
    pub(crate) fn then_forward(mut self, seconds: u64, config: LinkConfig) -> Self {
        self.changes
            .push((Instant::from_millis(seconds * 1_000), config));
        self
    }

    /// The path back.
    pub(crate) fn back(mut self, config: LinkConfig) -> Self {
        self.back.config = config;
        self
    }

    /// No packet of these frames ever gets through, however often it is sent.
    pub(crate) fn swallow(mut self, frames: impl IntoIterator<Item = u32>) -> Self {
        self.swallowed.extend(frames);
        self
    }

    /// Two temporal layers are sent, and the upper one is not forwarded.
    pub(crate) fn leave_out_upper_layer(mut self) -> Self {
        self.layers_left_out = true;
        self
    }

    /// Audio is played, and held back for at least so long.
    pub(crate) fn holding_audio(mut self, delay: Duration) -> Self {
        let options = DownlinkOptions::with_playout_delay(delay, Duration::from_millis(500));
        self.downlink = halves::downlink(options, self.rng.next());
        self.downlink
            .add_track(TrackId::new(SENDER, AUDIO), MediaKind::Audio);
        self.downlink
            .add_track(TrackId::new(SENDER, VIDEO), MediaKind::Video);
        self.playout = Some(Audio {
            voice: Voice::new(),
            packets: 0,
            next_block: Instant::ZERO,
        });
        self
    }

    /// Every tenth datagram comes twice, and as often one of those before it comes again.
    pub(crate) fn replaying(mut self) -> Self {
        self.replays = Some(Vec::new());
        self
    }

    /// The clock of both ends jumps.
    pub(crate) fn jumping(mut self, at: Instant, by: Duration) -> Self {
        self.jump = Some((at, by));
        self
    }

    fn replay(&mut self, datagram: Vec<u8>) {
        let Some(kept) = &mut self.replays else {
            return;
        };
        let chance = self.rng.below(10);
        if kept.len() < 500 {
            kept.push(datagram.clone());
        } else {
            let place = self.rng.below(500) as usize;
            kept[place].clone_from(&datagram);
        }
        let again = match chance {
            0 => datagram,
            1 => kept[self.rng.below(kept.len() as u64) as usize].clone(),
            _ => return,
        };
        self.downlink.datagram(self.now, &again);
        self.drain_downlink();
    }

    pub(crate) fn run(mut self, time: Duration) -> Played {
        let mut end = self.now + time;
        while self.now <= end + SETTLING {
            if let Some((_, by)) = self.jump.take_if(|(at, _)| *at <= self.now) {
                self.now += by;
                end += by;
                (self.next_audio, self.next_video) = (self.now, self.now);
            }
            while self.changes.first().is_some_and(|&(at, _)| at <= self.now) {
                self.forward.config = self.changes.remove(0).1;
            }
            if self.now <= end {
                self.capture();
            }
            while let Some(datagram) = self.forward.receive(self.now) {
                if self.passes(&datagram) {
                    self.downlink.datagram(self.now, &datagram);
                    self.drain_downlink();
                    self.replay(datagram);
                }
            }
            if self.now >= self.downlink_wakes {
                self.downlink.timeout(self.now);
            }
            self.play();
            self.drain_downlink();
            while let Some(datagram) = self.back.receive(self.now) {
                self.uplink.datagram(self.now, &datagram);
                self.drain_uplink();
            }
            self.uplink.timeout(self.now);
            self.drain_uplink();
            let uplink_wakes = self.uplink.next_timeout();
            assert!(
                uplink_wakes > self.now,
                "the uplink would spin at {:?}",
                self.now
            );
            assert!(
                self.downlink_wakes > self.now,
                "the downlink would spin at {:?}",
                self.now
            );
            let arrivals = [self.forward.next_arrival(), self.back.next_arrival()]
                .into_iter()
                .flatten();
            let block = self.playout.as_ref().map(|audio| audio.next_block);
            let due = [
                uplink_wakes,
                self.downlink_wakes,
                self.next_audio,
                self.next_video,
                block.unwrap_or(Instant::FAR_FUTURE),
            ];
            let next = due
                .into_iter()
                .chain(arrivals)
                .filter(|&at| at > self.now)
                .min();
            self.now = next.expect("audio goes on for ever");
        }
        self.outcome.lost = self.forward.lost;
        self.outcome.captured = self.encoded;
        self.outcome.stats = self.downlink.stats(self.now).engine;
        self.outcome.check_books();
        self.outcome
    }

    fn passes(&self, datagram: &[u8]) -> bool {
        let media = MediaPacket::parse(datagram).map(|packet| packet.header);
        let repair = RepairPacket::parse(datagram).map(|packet| packet.header);
        let Ok(header) = media.or(repair) else {
            return true;
        };
        let left_out = self.layers_left_out && header.temporal > 0;
        header.track != VIDEO || !left_out && !self.swallowed.contains(&header.frame_id)
    }

    fn capture(&mut self) {
        if self.now >= self.next_audio {
            self.next_audio += AUDIO_INTERVAL;
            let packet = match &mut self.playout {
                Some(Audio { voice, packets, .. }) => {
                    *packets += 1;
                    voice.packet(Bitrate::from_kbps(32), *packets).to_vec()
                }
                None => vec![0; 80],
            };
            let params = FrameParams::audio(self.media_now());
            self.frame(AUDIO, params, packet);
        }
        if self.now >= self.next_video {
            self.next_video += VIDEO_INTERVAL;
            let key = std::mem::take(&mut self.key_wanted);
            let mean = self.bitrate.bytes_in(VIDEO_INTERVAL);
            let bytes = (mean * 3 / 4 + self.rng.below(mean / 2)).max(60);
            // The upper layer refers to the frame before, the lower one to its own last frame.
            let upper = self.encoded % 2 == 1 && self.layers_left_out && !key;
            let lower_distance = if self.layers_left_out && self.encoded.is_multiple_of(2) {
                2
            } else {
                1
            };
            let params = FrameParams {
                temporal: u8::from(upper),
                discardable: upper,
                reference_distance: if key { 0 } else { lower_distance },
                ..self.params(key)
            };
            let bytes = if key { bytes * 4 } else { bytes };
            let number = self.encoded.to_be_bytes().into_iter().cycle();
            self.encoded += 1;
            self.frame(VIDEO, params, number.take(bytes as usize).collect());
        }
    }

    fn play(&mut self) {
        if let Some(audio) = &mut self.playout
            && audio.next_block <= self.now
        {
            audio.next_block = self.now + AUDIO_BLOCK;
            self.downlink
                .render_audio(self.now, &mut [0.0; 480], self.now);
        }
    }

    fn media_now(&self) -> MediaTime {
        MEDIA_START + (self.now - Instant::ZERO)
    }

    fn params(&self, key: bool) -> FrameParams {
        FrameParams {
            key,
            discardable: false,
            spatial: 0,
            temporal: 0,
            reference_distance: 1,
            media_time: self.media_now(),
        }
    }

    fn frame(&mut self, track: u8, params: FrameParams, frame: Vec<u8>) {
        let sent = self
            .uplink
            .send_frame(self.now, track, params, frame.into());
        assert!(sent, "the track is set, and there is a key");
        self.drain_uplink();
    }

    fn drain_uplink(&mut self) {
        while let Some(datagram) = self.uplink.poll_datagram() {
            self.forward.send(self.now, datagram);
        }
        while let Some(event) = self.uplink.poll_event() {
            match event {
                UplinkEvent::Encoder(EncoderEvent::TargetBitrate { layers, .. }) => {
                    // Audio is published a moment before.
                    if let Some(video) = layers.iter().find(|layer| layer.track == VIDEO) {
                        self.bitrate = video.bitrate;
                    }
                }
                UplinkEvent::Encoder(EncoderEvent::KeyFrameRequested { .. }) => {
                    self.key_wanted = true;
                }
                UplinkEvent::Reply { .. } => {}
                other => panic!("not in this call: {other:?}"),
            }
        }
    }

    fn drain_downlink(&mut self) {
        while let Some(datagram) = self.downlink.poll_datagram() {
            self.back.send(self.now, datagram);
        }
        while let Some(frame) = self.downlink.poll_video() {
            let header = frame.header;
            let number = header.frame_id.to_be_bytes();
            let mut pieces = frame.text().chunks(4);
            assert!(
                pieces.all(|piece| number.starts_with(piece)),
                "frame {} was put together wrongly",
                header.frame_id
            );
            let captured = header.media_time.micros_since(MEDIA_START) as u64;
            self.outcome.frames.push(ShownFrame {
                header,
                captured: Instant::from_micros(captured),
                released: self.now,
                render_at: frame.render_at,
            });
        }
        while let Some(event) = self.downlink.poll_event() {
            if let DownlinkEvent::Engine(EngineEvent::KeyFrameRequested { .. }) = event {
                self.outcome.key_frames_asked.push(self.now);
            }
        }
        self.downlink_wakes = self.downlink.next_timeout();
    }
}
