//! The two ends of a call: who captures and sends, and who receives, shows and plays.

use std::time::Duration;

use smrtc_audio::{Playout, PlayoutConfig, SourceId};
use smrtc_e2ee::sframe::{KeyStore, Sealer};
use smrtc_engine::cc::Controller;
use smrtc_engine::recv::{Downlink, DownlinkConfig, DownlinkInput, DownlinkOutput, OpenFailure};
use smrtc_engine::send::{
    FrameParams, LayerConfig, TrackConfig, Uplink, UplinkConfig, UplinkEvent, UplinkInput,
    UplinkOutput,
};
use smrtc_engine::wire::media::MediaKind;
use smrtc_engine::{Bitrate, Instant, MediaTime, TrackId};

use crate::measure::Measure;
use crate::scenario::{ControllerSpec, EngineSpec, FlowSpec};
use crate::temporal::Pattern;
use crate::{Rng, Voice, sealing};

pub(crate) const AUDIO: u8 = 0;
pub(crate) const VIDEO: u8 = 1;
const AUDIO_INTERVAL: Duration = Duration::from_millis(20);
/// A key frame is so many times as large as another.
const KEY_FACTOR: u64 = 4;
/// A publisher leaves a picture out while so much waits already.
const SKIP_ABOVE: Duration = Duration::from_millis(80);
const RENDER_INTERVAL: Duration = Duration::from_millis(10);
/// What a buffer that does not adapt holds.
const PLAIN_DELAY: Duration = Duration::from_millis(60);
const POSITION_INTERVAL: Duration = Duration::from_millis(100);

/// Captures, encodes in a manner of speaking, and sends.
pub(crate) struct Publisher {
    spec: FlowSpec,
    stop: Instant,
    rng: Rng,
    uplink: Uplink,
    sealer: Sealer,
    next_audio: Instant,
    next_video: Instant,
    voice_packets: usize,
    /// By size.
    key_wanted: Vec<bool>,
    last_picture: Vec<Option<Instant>>,
    patterns: Vec<Pattern>,
    /// Outputs to be put on the link.
    pub(crate) out: Vec<Vec<u8>>,
    /// What was encoded: (when, bytes).
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
        let mut uplink = Uplink::new(config, id, rng.next());
        let track = |kind, kbps| TrackConfig {
            kind,
            max_bitrate: Bitrate::from_kbps(kbps),
        };
        if spec.audio_kbps > 0 {
            uplink.set_track(AUDIO, track(MediaKind::Audio, spec.audio_kbps));
        }
        if spec.video_kbps > 0 {
            uplink.set_track(VIDEO, track(MediaKind::Video, spec.video_kbps));
        }
        let layers = spec.sizes.iter().map(|size| LayerConfig {
            min_bitrate: Bitrate::from_kbps(size.min_kbps),
            max_bitrate: Bitrate::from_kbps(size.max_kbps),
        });
        if !spec.sizes.is_empty() {
            uplink.set_layers(VIDEO, &layers.collect::<Vec<_>>());
        }
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
            rng: Rng::new(rng.next()),
            uplink,
            sealer: sealing::sealer(rng),
            next_audio: has(spec.audio_kbps, 1),
            next_video: has(spec.video_kbps, 3),
            voice_packets: 0,
            key_wanted: vec![true; spec.sizes.len().max(1)],
            last_picture: vec![None; spec.sizes.len().max(1)],
            patterns: vec![Pattern::new(spec.temporal_layers); spec.sizes.len().max(1)],
            out: Vec::new(),
            encoded: Vec::new(),
        }
    }

    pub(crate) fn on_datagram(&mut self, now: Instant, datagram: &[u8]) {
        // What cannot be used is counted by the uplink; here every datagram comes from a downlink
        // of ours.
        let _ = self
            .uplink
            .handle_input(now, UplinkInput::Datagram(datagram));
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
                let bitrate = self.uplink.track_bitrate(AUDIO);
                let opus = voice.packet(bitrate, self.voice_packets);
                self.voice_packets += 1;
                let params = FrameParams::audio(MediaTime::from_micros(now.as_micros()));
                self.frame(now, AUDIO, params, opus.to_vec());
            }
        }
        if now >= self.next_video {
            self.next_video += Duration::from_secs_f64(1.0 / self.spec.fps);
            if self.is_capturing(now) && self.uplink.queue_delay() <= SKIP_ABOVE {
                self.capture(now);
            }
        }
        let _ = self.uplink.handle_input(now, UplinkInput::Timeout);
        let wakes = self.drain();
        wakes.min(self.next_audio).min(self.next_video)
    }

    fn is_capturing(&self, now: Instant) -> bool {
        let paused = |&(from, to): &(f64, f64)| (at(from)..at(to)).contains(&now);
        now < self.stop && !self.spec.pauses.iter().any(paused)
    }

    fn capture(&mut self, now: Instant) {
        if self.spec.sizes.is_empty() {
            if self.uplink.wants_frame(now, VIDEO) {
                self.picture(now, 0, self.uplink.track_bitrate(VIDEO));
            }
            return;
        }
        for spatial in (0..).take(self.spec.sizes.len()) {
            if self.uplink.wants_layer_frame(now, VIDEO, spatial) {
                self.picture(now, spatial, self.uplink.layer_bitrate(VIDEO, spatial));
            } else if self.uplink.layer_bitrate(VIDEO, spatial) == Bitrate::ZERO {
                // A size that begins again does so with a key frame.
                self.key_wanted[usize::from(spatial)] = true;
            }
        }
    }

    fn picture(&mut self, now: Instant, spatial: u8, rate: Bitrate) {
        let camera = Duration::from_secs_f64(1.0 / self.spec.fps);
        // An encoder with rate control spends what pictures left out did not take.
        let last = &mut self.last_picture[usize::from(spatial)];
        let interval = (now - last.replace(now).unwrap_or(now - camera)).clamp(camera, camera * 5);
        let mean = rate.bytes_in(interval);
        let key = std::mem::take(&mut self.key_wanted[usize::from(spatial)]);
        let place = self.patterns[usize::from(spatial)].next(key);
        let mean = (mean as f64 * place.share) as u64;
        let bytes = (mean * 3 / 4 + self.rng.below(mean / 2)).max(60);
        let bytes = if key { bytes * KEY_FACTOR } else { bytes };
        self.encoded.push((now, bytes));
        let text = vec![spatial; bytes as usize];
        let params = FrameParams {
            key,
            discardable: place.discardable,
            spatial,
            temporal: place.temporal,
            reference_distance: place.reference_distance,
            media_time: MediaTime::from_micros(now.as_micros()),
        };
        self.frame(now, VIDEO, params, text);
    }

    fn frame(&mut self, now: Instant, track: u8, params: FrameParams, text: Vec<u8>) {
        let mut sealed = Vec::new();
        if let Ok(header) = self.uplink.begin_frame(track, params)
            && let Ok(()) = self.sealer.seal(&header.metadata(), &text, &mut sealed)
        {
            let input = UplinkInput::Frame { header, sealed };
            let _ = self.uplink.handle_input(now, input);
        }
        self.drain();
    }

    fn drain(&mut self) -> Instant {
        loop {
            match self.uplink.poll_output() {
                UplinkOutput::Transmit(datagram) => self.out.push(datagram),
                UplinkOutput::Event(UplinkEvent::KeyFrameRequested { spatial, .. }) => {
                    if let Some(wanted) = self.key_wanted.get_mut(usize::from(spatial)) {
                        *wanted = true;
                    }
                }
                UplinkOutput::Event(_) => {}
                UplinkOutput::Timeout(at) => return at,
            }
        }
    }

    pub(crate) fn stats(&self, now: Instant) -> smrtc_engine::stats::UplinkStats {
        self.uplink.stats(now)
    }

    /// What the video encoder is told to make now.
    pub(crate) fn encoder_kbps(&self) -> f64 {
        self.uplink.track_bitrate(VIDEO).as_bps() as f64 / 1e3
    }
}

/// Receives, shows and plays.
pub(crate) struct Subscriber {
    sender: u32,
    downlink: Downlink,
    keys: KeyStore,
    playout: Playout,
    wakes: Instant,
    next_render: Instant,
    next_position: Instant,
    pub(crate) out: Vec<Vec<u8>>,
    pub(crate) measure: Measure,
}

impl Subscriber {
    pub(crate) fn new(sender: u32, spec: &FlowSpec, engine: &EngineSpec, rng: &mut Rng) -> Self {
        let mut config = DownlinkConfig::default();
        if !engine.nack {
            config.nack.max_tries = 0;
        }
        let mut downlink = Downlink::new(config, rng.next());
        downlink.add_track(TrackId::new(sender, AUDIO), MediaKind::Audio);
        downlink.add_track(TrackId::new(sender, VIDEO), MediaKind::Video);
        Self {
            sender,
            downlink,
            keys: sealing::opener(),
            playout: Playout::new(playout_config(engine)),
            wakes: at(spec.start),
            next_render: at(spec.start),
            next_position: at(spec.start),
            out: Vec::new(),
            measure: Measure::default(),
        }
    }

    pub(crate) fn on_datagram(&mut self, now: Instant, datagram: &[u8]) {
        self.input(now, DownlinkInput::Datagram(datagram));
    }

    /// Does what is due and says when it wants to be called again.
    pub(crate) fn step(&mut self, now: Instant) -> Instant {
        if now >= self.wakes {
            self.input(now, DownlinkInput::Timeout);
        }
        let source = SourceId(0);
        while now >= self.next_render {
            self.next_render += RENDER_INTERVAL;
            let mut block = [0.0; 480];
            self.playout.render(now, &mut block);
        }
        if now >= self.next_position {
            self.next_position += POSITION_INTERVAL;
            if let Some(media_time) = self.playout.position(source) {
                let sender = self.sender;
                self.input(now, DownlinkInput::AudioPlayout { sender, media_time });
                let target = self.playout.target_delay(source).unwrap_or_default();
                let hold = self.downlink.audio_sync_delay(now, sender, target);
                self.playout.set_sync_delay(source, hold);
            }
        }
        self.wakes.min(self.next_render).min(self.next_position)
    }

    fn input(&mut self, now: Instant, input: DownlinkInput<'_>) {
        self.downlink.handle_input(now, input);
        loop {
            match self.downlink.poll_output() {
                DownlinkOutput::Transmit(datagram) => self.out.push(datagram),
                DownlinkOutput::Sealed { header, mut frame } => {
                    let opened = self.keys.open(&header.metadata(), &mut frame);
                    let input = match opened.map(|opened| opened.plaintext.to_vec()) {
                        Ok(plaintext) => DownlinkInput::Opened { header, plaintext },
                        Err(_) => DownlinkInput::OpenFailed {
                            header,
                            reason: OpenFailure::Authentication,
                        },
                    };
                    self.downlink.handle_input(now, input);
                }
                DownlinkOutput::Audio {
                    header,
                    copies,
                    opus,
                } => {
                    let (id, time) = (header.frame_id, header.media_time);
                    self.playout.insert(SourceId(0), now, id, time, &opus);
                    self.playout.expect_redundancy(SourceId(0), now, copies);
                }
                DownlinkOutput::Video {
                    header, render_at, ..
                } => {
                    let captured = Instant::from_micros(header.media_time.as_micros());
                    self.measure.on_picture(captured, render_at, header.spatial);
                }
                DownlinkOutput::Timeout(at) => {
                    self.wakes = at;
                    return;
                }
                _ => {}
            }
        }
    }

    pub(crate) fn stats(&self, now: Instant) -> smrtc_engine::stats::DownlinkStats {
        self.downlink.stats(now)
    }

    pub(crate) fn audio(&self) -> smrtc_audio::AudioReceiveStats {
        self.playout.stats(SourceId(0)).unwrap_or_default()
    }
}

/// A buffer of fixed length is what the adaptive one is compared with.
fn playout_config(engine: &EngineSpec) -> PlayoutConfig {
    if engine.neteq {
        PlayoutConfig::default()
    } else {
        PlayoutConfig {
            adaptive: false,
            start_delay: PLAIN_DELAY,
            ..PlayoutConfig::default()
        }
    }
}

/// The moment so many seconds after the start.
pub(crate) fn at(seconds: f64) -> Instant {
    Instant::ZERO + Duration::from_secs_f64(seconds.max(0.0))
}
