//! The publisher of a call: the sending half of a participant, with encoders that make as many
//! bytes as real ones would.

use std::time::Duration;

use smrtc_client::{EncoderEvent, UplinkEvent, UplinkHalf};
use smrtc_engine::cc::Controller;
use smrtc_engine::send::{FrameParams, LayerConfig, TrackConfig, Uplink, UplinkConfig};
use smrtc_engine::stats::UplinkStats;
use smrtc_engine::wire::media::MediaKind;
use smrtc_engine::{Bitrate, Instant, MediaTime};

use crate::link_spec::at;
use crate::scenario::{ControllerSpec, EngineSpec, FlowSpec};
use crate::temporal::Pattern;
use crate::{Rng, Voice, halves};

pub(crate) const AUDIO: u8 = 0;
pub(crate) const VIDEO: u8 = 1;
const AUDIO_INTERVAL: Duration = Duration::from_millis(20);
/// A key frame is so many times as large as another.
const KEY_FACTOR: u64 = 4;
/// A publisher skips a frame while so much waits in its queue.
const SKIP_ABOVE: Duration = Duration::from_millis(80);

/// Captures, encodes and sends.
pub(crate) struct Publisher {
    spec: FlowSpec,
    stop: Instant,
    rng: Rng,
    uplink: UplinkHalf,
    next_audio: Instant,
    next_video: Instant,
    voice_packets: usize,
    /// Whether the next frame of each size is to be a key frame.
    key_wanted: Vec<bool>,
    last_frame: Vec<Option<Instant>>,
    patterns: Vec<Pattern>,
    /// Datagrams for the link.
    pub(crate) out: Vec<Vec<u8>>,
    /// Encoded frames: time and bytes.
    pub(crate) encoded: Vec<(Instant, u64)>,
}

impl Publisher {
    pub(crate) fn new(
        id: u32,
        spec: &FlowSpec,
        engine: &EngineSpec,
        end: f64,
        rng: &mut Rng,
    ) -> Self {
        let seed = rng.next();
        let frames = Rng::new(rng.next());
        let mut uplink = halves::uplink(id, uplink_config(engine), seed, rng);
        set_tracks(&mut uplink, spec);
        let start = at(spec.start);
        let has = |kbps: u64, offset: u64| {
            if kbps == 0 {
                Instant::FAR_FUTURE
            } else {
                start + Duration::from_millis(offset)
            }
        };
        Self {
            stop: at(spec.stop.unwrap_or(end)),
            spec: spec.clone(),
            rng: frames,
            uplink,
            next_audio: has(spec.audio_kbps, 1),
            next_video: has(spec.video_kbps, 3),
            voice_packets: 0,
            key_wanted: vec![true; spec.sizes.len().max(1)],
            last_frame: vec![None; spec.sizes.len().max(1)],
            patterns: vec![Pattern::new(spec.temporal_layers); spec.sizes.len().max(1)],
            out: Vec::new(),
            encoded: Vec::new(),
        }
    }

    pub(crate) fn on_datagram(&mut self, now: Instant, datagram: &[u8]) {
        self.uplink.datagram(now, datagram);
        self.drain();
    }

    /// Does what is due and says when it wants to be called again.
    pub(crate) fn step(&mut self, now: Instant, voice: &Voice) -> Instant {
        if now < at(self.spec.start) {
            return at(self.spec.start);
        }
        if now >= self.next_audio {
            self.next_audio += AUDIO_INTERVAL;
            if self.is_capturing(now) {
                let bitrate = self.track_bitrate(AUDIO);
                let opus = voice.packet(bitrate, self.voice_packets);
                self.voice_packets += 1;
                let params = FrameParams::audio(MediaTime::from_micros(now.as_micros()));
                let mut frame = self.uplink.frame_buffer(opus.len());
                frame.text_mut().copy_from_slice(opus);
                self.uplink.send_frame(now, AUDIO, params, frame);
                self.drain();
            }
        }
        if now >= self.next_video {
            self.next_video += Duration::from_secs_f64(1.0 / self.spec.fps);
            if self.is_capturing(now) && self.queue_delay() <= SKIP_ABOVE {
                self.capture(now);
            }
        }
        self.uplink.timeout(now);
        self.drain();
        let wakes = self.uplink.next_timeout();
        wakes.min(self.next_audio).min(self.next_video)
    }

    fn is_capturing(&self, now: Instant) -> bool {
        let paused = |&(from, to): &(f64, f64)| (at(from)..at(to)).contains(&now);
        now < self.stop && !self.spec.pauses.iter().any(paused)
    }

    fn capture(&mut self, now: Instant) {
        if self.spec.sizes.is_empty() {
            if self.uplink.wants_frame(now, VIDEO) {
                self.video_frame(now, 0, self.track_bitrate(VIDEO));
            }
            return;
        }
        for spatial in (0..).take(self.spec.sizes.len()) {
            if self.uplink.wants_layer_frame(now, VIDEO, spatial) {
                self.video_frame(now, spatial, self.layer_bitrate(spatial));
            } else if self.layer_bitrate(spatial) == Bitrate::ZERO {
                // A size that begins again does so with a key frame.
                self.key_wanted[usize::from(spatial)] = true;
            }
        }
    }

    fn video_frame(&mut self, now: Instant, spatial: u8, rate: Bitrate) {
        let camera = Duration::from_secs_f64(1.0 / self.spec.fps);
        // An encoder with rate control spends what frames left out did not take.
        let last = &mut self.last_frame[usize::from(spatial)];
        let interval = (now - last.replace(now).unwrap_or(now - camera)).clamp(camera, camera * 5);
        let mean = rate.bytes_in(interval);
        let key = std::mem::take(&mut self.key_wanted[usize::from(spatial)]);
        let place = self.patterns[usize::from(spatial)].next(key);
        let mean = (mean as f64 * place.share) as u64;
        let bytes = (mean * 3 / 4 + self.rng.below(mean / 2)).max(60);
        let bytes = if key { bytes * KEY_FACTOR } else { bytes };
        self.encoded.push((now, bytes));
        let mut frame = self.uplink.frame_buffer(bytes as usize);
        frame.text_mut().fill(spatial);
        let params = FrameParams {
            key,
            discardable: place.discardable,
            spatial,
            temporal: place.temporal,
            reference_distance: place.reference_distance,
            media_time: MediaTime::from_micros(now.as_micros()),
        };
        self.uplink.send_frame(now, VIDEO, params, frame);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(datagram) = self.uplink.poll_datagram() {
            self.out.push(datagram);
        }
        while let Some(event) = self.uplink.poll_event() {
            if let UplinkEvent::Encoder(EncoderEvent::KeyFrameRequested { spatial, .. }) = event
                && let Some(wanted) = self.key_wanted.get_mut(usize::from(spatial))
            {
                *wanted = true;
            }
        }
    }

    fn queue_delay(&self) -> Duration {
        self.engine().queue_delay()
    }

    fn track_bitrate(&self, track: u8) -> Bitrate {
        self.engine().track_bitrate(track)
    }

    fn layer_bitrate(&self, spatial: u8) -> Bitrate {
        self.engine().layer_bitrate(VIDEO, spatial)
    }

    fn engine(&self) -> &Uplink {
        self.uplink.engine().expect("Join was answered")
    }

    pub(crate) fn stats(&self, now: Instant) -> UplinkStats {
        self.engine().stats(now)
    }

    /// Target bitrate of the video encoder.
    pub(crate) fn encoder_kbps(&self) -> f64 {
        self.track_bitrate(VIDEO).as_bps() as f64 / 1e3
    }
}

fn set_tracks(uplink: &mut UplinkHalf, spec: &FlowSpec) {
    let tracks = [
        (AUDIO, MediaKind::Audio, spec.audio_kbps),
        (VIDEO, MediaKind::Video, spec.video_kbps),
    ];
    for (track, kind, kbps) in tracks.into_iter().filter(|&(_, _, kbps)| kbps > 0) {
        let max_bitrate = Bitrate::from_kbps(kbps);
        let config = TrackConfig { kind, max_bitrate };
        uplink.set_track(track, config).expect("Join was answered");
    }
    let layers = spec.sizes.iter().map(|size| LayerConfig {
        min_bitrate: Bitrate::from_kbps(size.min_kbps),
        max_bitrate: Bitrate::from_kbps(size.max_kbps),
    });
    let layers: Vec<_> = layers.collect();
    if !layers.is_empty() {
        uplink
            .set_layers(VIDEO, &layers)
            .expect("Join was answered");
    }
}

fn uplink_config(engine: &EngineSpec) -> UplinkConfig {
    let mut config = UplinkConfig::default();
    if let Some(kbps) = engine.max_kbps {
        config.congestion.max = Bitrate::from_kbps(kbps);
    }
    config.controller = match engine.controller {
        ControllerSpec::Delay => Controller::Delay,
        ControllerSpec::Bbr => Controller::Bbr,
    };
    config.protection.repair = engine.fec;
    config.protection.copies = engine.red;
    config
}
