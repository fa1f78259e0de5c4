//! A publisher and a subscriber, the whole way from capture to the moment a picture is shown.

use std::collections::BTreeSet;
use std::time::Duration;

use smrtc_engine::recv::{Downlink, DownlinkConfig, DownlinkEvent, DownlinkInput, DownlinkOutput};
use smrtc_engine::send::{
    FrameParams, TrackConfig, Uplink, UplinkConfig, UplinkEvent, UplinkInput, UplinkOutput,
};
use smrtc_engine::stats::{DownlinkStats, InboundStats};
use smrtc_engine::wire::media::{FrameHeader, MediaKind, MediaPacket};
use smrtc_engine::wire::repair::RepairPacket;
use smrtc_engine::{Bitrate, Instant, MediaTime, TrackId};

use super::pair::{AUDIO, SENDER, VIDEO};
use smrtc_sim::Rng;
use smrtc_sim::link::{Link, LinkConfig};

const AUDIO_INTERVAL: Duration = Duration::from_millis(20);
const VIDEO_INTERVAL: Duration = Duration::from_micros(33_333);
/// The sender's media clock when the call begins: it wraps after five seconds.
/// What was sent last has so long to come.
const SETTLING: Duration = Duration::from_secs(3);
const MEDIA_START: MediaTime = MediaTime::from_micros(MediaTime::MODULUS - 5_000_000);

pub(crate) struct Call {
    now: Instant,
    rng: Rng,
    uplink: Uplink,
    downlink: Downlink,
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
    audio_delay: Option<Duration>,
    /// Datagrams come twice, and long ago ones again.
    replays: Option<Vec<Vec<u8>>>,
    changes: Vec<(Instant, LinkConfig)>,
    jump: Option<(Instant, Duration)>,
    outcome: Played,
}

/// One picture.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Picture {
    pub(crate) header: FrameHeader,
    pub(crate) captured: Instant,
    pub(crate) released: Instant,
    pub(crate) render_at: Instant,
}

#[derive(Debug, Default)]
pub(crate) struct Played {
    pub(crate) pictures: Vec<Picture>,
    pub(crate) sounds: u64,
    pub(crate) captured: u32,
    pub(crate) key_frames_asked: Vec<Instant>,
    pub(crate) events: Vec<DownlinkEvent>,
    pub(crate) lost: u64,
    pub(crate) stats: DownlinkStats,
}

impl Call {
    /// A path of 20 ms each way without any fault, 1 Mbit/s of video.
    pub(crate) fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let mut uplink = Uplink::new(UplinkConfig::default(), SENDER, rng.next());
        let track = |kind, kbps| TrackConfig {
            kind,
            max_bitrate: Bitrate::from_kbps(kbps),
        };
        uplink.set_track(AUDIO, track(MediaKind::Audio, 32));
        uplink.set_track(VIDEO, track(MediaKind::Video, 1_000));
        let mut downlink = Downlink::new(DownlinkConfig::default(), rng.next());
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
            audio_delay: None,
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

    /// Audio is heard so long after its capture.
    pub(crate) fn audio_heard_after(mut self, delay: Duration) -> Self {
        self.audio_delay = Some(delay);
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
        self.subscriber_input(DownlinkInput::Datagram(&again));
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
                    self.subscriber_input(DownlinkInput::Datagram(&datagram));
                    self.replay(datagram);
                }
            }
            if self.now >= self.downlink_wakes {
                self.subscriber_input(DownlinkInput::Timeout);
            }
            while let Some(datagram) = self.back.receive(self.now) {
                self.publisher_input(UplinkInput::Datagram(&datagram));
            }
            let uplink_wakes = self.publisher_input(UplinkInput::Timeout);
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
            let due = [
                uplink_wakes,
                self.downlink_wakes,
                self.next_audio,
                self.next_video,
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
        self.outcome.stats = self.downlink.stats(self.now);
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
            self.frame(
                AUDIO,
                FrameParams {
                    reference_distance: 0,
                    ..self.params(true)
                },
                80,
            );
            if let Some(delay) = self.audio_delay {
                let media_time = self.media_now() - delay;
                self.subscriber_input(DownlinkInput::AudioPlayout {
                    sender: SENDER,
                    media_time,
                });
            }
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
            self.encoded += 1;
            self.frame(VIDEO, params, if key { bytes * 4 } else { bytes });
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

    fn frame(&mut self, track: u8, params: FrameParams, bytes: u64) {
        let header = self
            .uplink
            .begin_frame(track, params)
            .expect("the track is set");
        let sealed = header
            .frame_id
            .to_be_bytes()
            .into_iter()
            .cycle()
            .take(bytes as usize)
            .collect();
        self.publisher_input(UplinkInput::Frame { header, sealed });
    }

    fn publisher_input(&mut self, input: UplinkInput<'_>) -> Instant {
        self.uplink
            .handle_input(self.now, input)
            .expect("all inputs are good");
        loop {
            match self.uplink.poll_output() {
                UplinkOutput::Transmit(datagram) => self.forward.send(self.now, datagram),
                UplinkOutput::Event(UplinkEvent::TargetBitrate { video, .. }) => {
                    self.bitrate = video
                }
                UplinkOutput::Event(UplinkEvent::KeyFrameRequested { .. }) => {
                    self.key_wanted = true
                }
                UplinkOutput::Timeout(at) => return at,
            }
        }
    }

    fn subscriber_input(&mut self, input: DownlinkInput<'_>) {
        self.downlink.handle_input(self.now, input);
        loop {
            match self.downlink.poll_output() {
                DownlinkOutput::Transmit(datagram) => self.back.send(self.now, datagram),
                DownlinkOutput::Sealed { header, frame } => {
                    let whole = frame
                        .chunks(4)
                        .all(|piece| header.frame_id.to_be_bytes().starts_with(piece));
                    assert!(whole, "frame {} was put together wrongly", header.frame_id);
                    self.downlink.handle_input(
                        self.now,
                        DownlinkInput::Opened {
                            header,
                            plaintext: frame,
                        },
                    );
                }
                DownlinkOutput::Audio { .. } => self.outcome.sounds += 1,
                DownlinkOutput::Video {
                    header, render_at, ..
                } => {
                    let captured = Instant::ZERO
                        + Duration::from_micros(header.media_time.micros_since(MEDIA_START) as u64);
                    self.outcome.pictures.push(Picture {
                        header,
                        captured,
                        released: self.now,
                        render_at,
                    });
                }
                DownlinkOutput::Event(event) => {
                    if matches!(event, DownlinkEvent::KeyFrameRequested { .. }) {
                        self.outcome.key_frames_asked.push(self.now);
                    }
                    self.outcome.events.push(event);
                }
                DownlinkOutput::Timeout(at) => {
                    self.downlink_wakes = at;
                    return;
                }
                other => panic!("unknown output {other:?}"),
            }
        }
    }
}

impl Played {
    pub(crate) fn video(&self) -> &InboundStats {
        self.stats
            .inbound
            .iter()
            .find(|stats| stats.track == VIDEO)
            .expect("subscribed")
    }

    /// From capture to display, of the pictures captured in these seconds, ascending.
    pub(crate) fn delays(&self, seconds: std::ops::Range<u64>) -> Vec<Duration> {
        let pictures = self
            .pictures
            .iter()
            .filter(|picture| seconds.contains(&(picture.captured.as_micros() / 1_000_000)));
        let mut delays: Vec<_> = pictures
            .map(|picture| picture.render_at - picture.captured)
            .collect();
        delays.sort_unstable();
        delays
    }

    /// What must hold after every run, whatever the path.
    fn check_books(&self) {
        for stats in &self.stats.inbound {
            let accounted = stats.frames_delivered + stats.frames_dropped + stats.frames_pending;
            assert_eq!(stats.frames_seen, accounted, "{stats:#?}");
        }
        assert_eq!(self.video().frames_delivered, self.pictures.len() as u64);
        for pair in self.pictures.windows(2) {
            assert!(
                pair[0].render_at <= pair[1].render_at,
                "pictures are shown in order"
            );
            assert!(pair[1].header.frame_id > pair[0].header.frame_id);
            let reference = pair[1].header.frame_id - u32::from(pair[1].header.reference_distance);
            let known = pair[1].header.key
                || self
                    .pictures
                    .iter()
                    .any(|picture| picture.header.frame_id == reference);
            assert!(
                known,
                "frame {} was handed on without its reference",
                pair[1].header.frame_id
            );
        }
    }
}
