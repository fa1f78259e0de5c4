//! A publisher with a camera and a microphone, a path, and who receives.

use std::time::Duration;

use smrtc_engine::send::{
    FrameParams, TrackConfig, Uplink, UplinkConfig, UplinkEvent, UplinkInput, UplinkOutput,
};
use smrtc_engine::stats::UplinkStats;
use smrtc_engine::wire::media::{FrameHeader, MediaKind};
use smrtc_engine::{Bitrate, Instant, MediaTime};

use super::receiver::Hop;
use smrtc_sim::Rng;
use smrtc_sim::link::{Link, LinkConfig};

pub(crate) const SENDER: u32 = 7;
pub(crate) const AUDIO: u8 = 0;
pub(crate) const VIDEO: u8 = 1;
const AUDIO_INTERVAL: Duration = Duration::from_millis(20);
const VIDEO_INTERVAL: Duration = Duration::from_micros(33_333);
const AUDIO_BYTES: u64 = 108;
/// A key frame is so many times as large as another.
const KEY_FACTOR: u64 = 4;
/// A publisher leaves a frame out while so much waits already.
const SKIP_ABOVE: Duration = Duration::from_millis(80);

/// A frame and when it was handed to the uplink, or when it was whole again.
pub(crate) type Timed = (FrameHeader, Instant);

pub(crate) struct Sim {
    now: Instant,
    rng: Rng,
    uplink: Uplink,
    up: Link,
    down: Link,
    hop: Hop,
    changes: Vec<(Instant, LinkConfig)>,
    next_audio: Instant,
    next_video: Instant,
    video_bitrate: Bitrate,
    key_wanted: bool,
    outcome: Outcome,
}

/// What there is to say after a run.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) sent: Vec<Timed>,
    pub(crate) delivered: Vec<Timed>,
    pub(crate) skipped: u64,
    pub(crate) key_frames_asked: u64,
    /// Of datagrams, in both directions, with their times.
    pub(crate) trace: u64,
    /// The target for video, each 100 ms.
    pub(crate) targets: Vec<(Instant, Bitrate)>,
    pub(crate) lost: u64,
    pub(crate) overflowed: u64,
    pub(crate) repeated: u64,
    pub(crate) stats: UplinkStats,
}

impl Sim {
    /// A path of 20 ms each way without any fault.
    pub(crate) fn pair(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let mut uplink = Uplink::new(UplinkConfig::default(), SENDER, rng.next());
        uplink.set_track(
            AUDIO,
            TrackConfig {
                kind: MediaKind::Audio,
                max_bitrate: Bitrate::from_kbps(32),
            },
        );
        Self {
            now: Instant::ZERO,
            up: Link::new(LinkConfig::default(), rng.next()),
            down: Link::new(LinkConfig::default(), rng.next()),
            hop: Hop::new(rng.next()),
            rng,
            uplink,
            changes: Vec::new(),
            next_audio: Instant::from_millis(1),
            next_video: Instant::from_millis(3),
            video_bitrate: Bitrate::ZERO,
            key_wanted: true,
            outcome: Outcome {
                trace: 0xcbf2_9ce4_8422_2325,
                ..Outcome::default()
            },
        }
        .max_video(Bitrate::from_kbps(2_000))
    }

    pub(crate) fn max_video(mut self, max_bitrate: Bitrate) -> Self {
        self.uplink.set_track(
            VIDEO,
            TrackConfig {
                kind: MediaKind::Video,
                max_bitrate,
            },
        );
        self
    }

    /// The way up, from the start on.
    pub(crate) fn up(mut self, config: LinkConfig) -> Self {
        self.up.config = config;
        self
    }

    /// The way down, all the time.
    pub(crate) fn down(mut self, config: LinkConfig) -> Self {
        self.down.config = config;
        self
    }

    /// The way up, from `seconds` on. In order of time.
    pub(crate) fn then_up(mut self, seconds: u64, config: LinkConfig) -> Self {
        self.changes
            .push((Instant::from_millis(seconds * 1_000), config));
        self
    }

    /// Runs, and lets what is under way arrive.
    pub(crate) fn run(mut self, time: Duration) -> Outcome {
        let end = self.now + time;
        let settled = end + Duration::from_secs(3);
        while self.now <= settled {
            while self.changes.first().is_some_and(|&(at, _)| at <= self.now) {
                self.up.config = self.changes.remove(0).1;
            }
            if self.now <= end {
                self.capture();
            }
            while let Some(datagram) = self.up.receive(self.now) {
                self.hop.on_datagram(self.now, &datagram);
            }
            while let Some(datagram) = self.hop.poll(self.now) {
                self.note(1, &datagram);
                self.down.send(self.now, datagram);
            }
            while let Some(datagram) = self.down.receive(self.now) {
                self.input(UplinkInput::Datagram(&datagram));
            }
            let wake = self.input(UplinkInput::Timeout);
            self.step_to(wake);
        }
        self.outcome.delivered = self
            .hop
            .assembled
            .iter()
            .map(|frame| (frame.header, frame.last_arrival))
            .collect();
        self.outcome.lost = self.up.lost;
        self.outcome.overflowed = self.up.overflowed;
        self.outcome.repeated = self.hop.repeated;
        self.outcome.stats = self.uplink.stats(self.now);
        self.outcome
    }

    fn step_to(&mut self, wake: Instant) {
        assert!(wake > self.now, "the uplink would spin at {:?}", self.now);
        let hop = self.hop.next_timeout();
        assert!(hop > self.now, "the receiver would spin at {:?}", self.now);
        let arrivals = [self.up.next_arrival(), self.down.next_arrival()];
        let due = [wake, hop, self.next_audio, self.next_video];
        let next = due
            .into_iter()
            .chain(arrivals.into_iter().flatten())
            .filter(|&at| at > self.now)
            .min();
        self.now = next.expect("audio goes on for ever");
    }

    fn capture(&mut self) {
        if self.now >= self.next_audio {
            self.next_audio += AUDIO_INTERVAL;
            self.frame(AUDIO, true, AUDIO_BYTES);
        }
        if self.now >= self.next_video {
            self.next_video += VIDEO_INTERVAL;
            if self.uplink.queue_delay() > SKIP_ABOVE {
                self.outcome.skipped += 1;
                return;
            }
            let key = std::mem::take(&mut self.key_wanted);
            let mean = self.video_bitrate.bytes_in(VIDEO_INTERVAL);
            let bytes = (mean * 3 / 4 + self.rng.below(mean / 2)).max(60);
            self.frame(VIDEO, key, if key { bytes * KEY_FACTOR } else { bytes });
        }
    }

    fn frame(&mut self, track: u8, key: bool, bytes: u64) {
        let reference_distance = u16::from(track == VIDEO && !key);
        let media_time = MediaTime::from_micros(self.now.as_micros());
        let params = FrameParams {
            key,
            discardable: false,
            spatial: 0,
            temporal: 0,
            reference_distance,
            media_time,
        };
        let header = self
            .uplink
            .begin_frame(track, params)
            .expect("the track is set");
        self.outcome.sent.push((header, self.now));
        self.input(UplinkInput::Frame {
            header,
            sealed: vec![track; bytes as usize],
        });
    }

    /// Hands something to the uplink and does all it wants; returns when it wants to be called
    /// again.
    fn input(&mut self, input: UplinkInput<'_>) -> Instant {
        self.uplink
            .handle_input(self.now, input)
            .expect("all inputs are good");
        loop {
            match self.uplink.poll_output() {
                UplinkOutput::Transmit(datagram) => {
                    self.note(0, &datagram);
                    self.up.send(self.now, datagram);
                }
                UplinkOutput::Event(UplinkEvent::TargetBitrate { video, .. }) => {
                    self.video_bitrate = video;
                    self.outcome.targets.push((self.now, video));
                }
                UplinkOutput::Event(UplinkEvent::KeyFrameRequested { .. }) => {
                    self.key_wanted = true;
                    self.outcome.key_frames_asked += 1;
                }
                UplinkOutput::Timeout(at) => return at,
            }
        }
    }

    /// FNV-1a over everything that goes out.
    fn note(&mut self, direction: u8, datagram: &[u8]) {
        let time = self.now.as_micros().to_be_bytes();
        for &byte in time.iter().chain([&direction]).chain(datagram) {
            self.outcome.trace =
                (self.outcome.trace ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

impl Outcome {
    /// Frames handed in and never whole at the other end.
    pub(crate) fn missing(&self, track: u8) -> Vec<u32> {
        let here: std::collections::BTreeSet<_> = self
            .delivered
            .iter()
            .filter(|(header, _)| header.track == track)
            .map(|(header, _)| header.frame_id)
            .collect();
        let sent = self
            .sent
            .iter()
            .filter(|(header, _)| header.track == track)
            .map(|(header, _)| header.frame_id);
        sent.filter(|id| !here.contains(id)).collect()
    }

    /// From hand-over to whole again, of the frames of `track` captured in these seconds,
    /// ascending.
    pub(crate) fn delays(&self, track: u8, seconds: std::ops::Range<u64>) -> Vec<Duration> {
        let of_interest = |header: &FrameHeader| {
            header.track == track && seconds.contains(&(header.media_time.as_micros() / 1_000_000))
        };
        let delay =
            |&(header, at): &Timed| at - Instant::from_micros(header.media_time.as_micros());
        let mut delays: Vec<_> = self
            .delivered
            .iter()
            .filter(|(header, _)| of_interest(header))
            .map(delay)
            .collect();
        delays.sort_unstable();
        delays
    }

    /// The target for video at the end of each second, in kbit/s.
    pub(crate) fn target_kbps(&self, second: u64) -> u64 {
        let end = Instant::from_millis((second + 1) * 1_000);
        self.targets
            .iter()
            .rev()
            .find(|&&(at, _)| at <= end)
            .map_or(0, |(_, rate)| rate.as_bps() / 1_000)
    }
}

/// The delay that the share `quantile` of `sorted` does not exceed.
pub(crate) fn quantile(sorted: &[Duration], quantile: f64) -> Duration {
    assert!(!sorted.is_empty(), "nothing came; the test proves nothing");
    sorted[((sorted.len() - 1) as f64 * quantile) as usize]
}
