//! The downlink worker's object: receive → open → jitter buffer, and the playout of sound.
//!
//! Keys outlive sessions, and with them the replay windows: what was opened before a reconnection is not opened again.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use smrtc_audio::{AudioReceiveStats, Playout, PlayoutConfig, SourceId};
use smrtc_e2ee::sframe::{KeyStore, OpenError};
use smrtc_engine::recv::{Downlink, DownlinkConfig, DownlinkEvent, DownlinkInput, DownlinkOutput};
use smrtc_engine::stats::DownlinkStats;
use smrtc_engine::time::{Instant, MediaTime};
use smrtc_engine::wire::media::FrameHeader;
use wasm_bindgen::prelude::*;
use zeroize::Zeroize;

use crate::js;
use crate::sealing;
use crate::uplink::seed;

/// Options of the constructor.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Config {
    suite: String,
    min_playout_delay_us: f64,
    max_playout_delay_us: f64,
}

/// What the downlink worker is told.
#[derive(Serialize)]
#[serde(
    tag = "kind",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase"
)]
enum Event {
    Decryption {
        sender: u32,
        state: &'static str,
        reason: String,
    },
    Log {
        level: &'static str,
        message: String,
    },
}

/// How opening goes for one sender.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct SenderKeys {
    sender: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<String>,
    state: &'static str,
    frames_opened: u64,
    frames_rejected: u64,
    #[serde(skip)]
    last_kid: Option<u64>,
    #[serde(skip)]
    last_error: Option<OpenError>,
}

/// What [`DownlinkEngine::stats`] hands out.
#[derive(Serialize)]
struct Stats<'a> {
    #[serde(flatten)]
    engine: DownlinkStats,
    audio: Vec<AudioStats>,
    senders: Vec<&'a SenderKeys>,
}

#[derive(Serialize)]
struct AudioStats {
    sender: u32,
    track: u8,
    #[serde(flatten)]
    stats: AudioReceiveStats,
}

/// A frame for a decoder. Its bytes stay in Wasm memory until it is freed.
#[wasm_bindgen]
pub struct VideoOut {
    header: FrameHeader,
    render_at: Instant,
    frame: Vec<u8>,
}

#[wasm_bindgen]
impl VideoOut {
    /// The participant who sent it.
    #[wasm_bindgen(getter)]
    pub fn sender(&self) -> u32 {
        self.header.sender
    }

    /// The sender's track.
    #[wasm_bindgen(getter)]
    pub fn track(&self) -> u8 {
        self.header.track
    }

    /// Whether it decodes by itself.
    #[wasm_bindgen(getter)]
    pub fn key(&self) -> bool {
        self.header.key
    }

    /// When it was captured, on the sender's clock.
    #[wasm_bindgen(getter, js_name = mediaTimeUs)]
    pub fn media_time_us(&self) -> f64 {
        self.header.media_time.as_micros() as f64
    }

    /// When to show it, on our clock.
    #[wasm_bindgen(getter, js_name = renderAtUs)]
    pub fn render_at_us(&self) -> f64 {
        js::micros(self.render_at)
    }

    /// Where its bytes begin in Wasm memory.
    #[wasm_bindgen(getter)]
    pub fn ptr(&self) -> usize {
        self.frame.as_ptr().addr()
    }

    /// How many there are.
    #[wasm_bindgen(getter, js_name = len)]
    pub fn byte_length(&self) -> usize {
        self.frame.len()
    }
}

/// Receiving, opening, and the playout of sound. Times are microseconds of the worker's `performance.now`.
#[wasm_bindgen]
pub struct DownlinkEngine {
    keys: KeyStore,
    playout: Playout,
    config: DownlinkConfig,
    downlink: Downlink,
    audio_tracks: BTreeMap<SourceId, (u32, u8)>,
    senders: BTreeMap<u32, SenderKeys>,
    timeout: Instant,
    datagrams: VecDeque<Vec<u8>>,
    videos: VecDeque<VideoOut>,
    events: VecDeque<Event>,
}

#[wasm_bindgen]
impl DownlinkEngine {
    /// Takes the options, and the secret that the room shares; `key` is wiped after it was read.
    ///
    /// # Errors
    ///
    /// Throws if an option is malformed or the key has another length than 16 to 64 bytes.
    #[wasm_bindgen(constructor)]
    pub fn new(config: JsValue, mut key: Vec<u8>) -> Result<DownlinkEngine, JsValue> {
        let config: Config = js::from_object(config, "config")?;
        let provider = sealing::external_key(&config.suite, &key);
        key.zeroize();
        let min_delay = Duration::from_micros(config.min_playout_delay_us as u64);
        let max_delay = Duration::from_micros(config.max_playout_delay_us as u64);
        let audio = PlayoutConfig::default();
        let mut downlink_config = DownlinkConfig::default();
        downlink_config.video.playout.max = max_delay;
        Ok(Self {
            keys: KeyStore::new(Box::new(provider?)),
            playout: Playout::new(PlayoutConfig {
                min_delay: audio.min_delay.max(min_delay),
                max_delay: audio.max_delay.max(max_delay),
                ..audio
            }),
            downlink: Downlink::new(downlink_config, seed()),
            config: downlink_config,
            audio_tracks: BTreeMap::new(),
            senders: BTreeMap::new(),
            timeout: Instant::FAR_FUTURE,
            datagrams: VecDeque::new(),
            videos: VecDeque::new(),
            events: VecDeque::new(),
        })
    }

    /// Forgets tracks and what was learnt of the network; keeps keys and replay windows.
    #[wasm_bindgen(js_name = openSession)]
    pub fn open_session(&mut self) {
        self.downlink = Downlink::new(self.config, seed());
        for (source, _) in std::mem::take(&mut self.audio_tracks) {
            self.playout.remove(source);
        }
        self.senders.clear();
        self.timeout = Instant::FAR_FUTURE;
        self.datagrams.clear();
        self.videos.clear();
        self.events.clear();
    }

    /// Takes a datagram.
    pub fn datagram(&mut self, now_us: f64, bytes: &[u8]) {
        self.feed(js::instant(now_us), DownlinkInput::Datagram(bytes));
    }

    /// The time of [`Self::next_timeout`] has come.
    pub fn timeout(&mut self, now_us: f64) {
        self.feed(js::instant(now_us), DownlinkInput::Timeout);
    }

    /// A datagram to send.
    #[wasm_bindgen(js_name = pollDatagram)]
    pub fn poll_datagram(&mut self) -> Option<Vec<u8>> {
        self.datagrams.pop_front()
    }

    /// A frame for a decoder, in decoding order.
    #[wasm_bindgen(js_name = pollVideo)]
    pub fn poll_video(&mut self) -> Option<VideoOut> {
        self.videos.pop_front()
    }

    /// Something that the worker should know, as a plain object; undefined if there is nothing.
    #[wasm_bindgen(js_name = pollEvent)]
    pub fn poll_event(&mut self) -> JsValue {
        self.events
            .pop_front()
            .map_or(JsValue::UNDEFINED, |event| js::to_object(&event))
    }

    /// When to call [`Self::timeout`]; infinity for never.
    #[wasm_bindgen(js_name = nextTimeout)]
    pub fn next_timeout(&self) -> f64 {
        js::micros(self.timeout)
    }

    /// Receives a track from now on.
    ///
    /// # Errors
    ///
    /// Throws for an unknown kind.
    #[wasm_bindgen(js_name = addTrack)]
    pub fn add_track(&mut self, sender: u32, track: u8, kind: &str) -> Result<(), JsValue> {
        let kind = js::media_kind(kind)?;
        self.downlink.add_track(sender, track, kind);
        if kind.is_audio() {
            self.audio_tracks
                .insert(source(sender, track), (sender, track));
        }
        Ok(())
    }

    /// Receives a track no longer.
    #[wasm_bindgen(js_name = removeTrack)]
    pub fn remove_track(&mut self, sender: u32, track: u8) {
        self.downlink.remove_track(sender, track);
        let source = source(sender, track);
        if self.audio_tracks.remove(&source).is_some() {
            self.playout.remove(source);
        }
    }

    /// A track's source pauses on purpose, or goes on: no freeze.
    #[wasm_bindgen(js_name = setPaused)]
    pub fn set_paused(&mut self, sender: u32, track: u8, paused: bool) {
        self.downlink.set_paused(sender, track, paused);
    }

    /// A frame was decoded.
    #[wasm_bindgen(js_name = videoDecoded)]
    pub fn video_decoded(&mut self, now_us: f64, sender: u32, track: u8) {
        self.downlink.handle_input(
            js::instant(now_us),
            DownlinkInput::VideoDecoded { sender, track },
        );
    }

    /// Forgets a participant.
    #[wasm_bindgen(js_name = removeSender)]
    pub fn remove_sender(&mut self, sender: u32) {
        self.downlink.remove_sender(sender);
        self.senders.remove(&sender);
        let playout = &mut self.playout;
        self.audio_tracks.retain(|&source, &mut (of, _)| {
            if of == sender {
                playout.remove(source);
            }
            of != sender
        });
    }

    /// The decoder of a track failed and waits for a key frame.
    #[wasm_bindgen(js_name = videoDecodeFailed)]
    pub fn video_decode_failed(&mut self, now_us: f64, sender: u32, track: u8) {
        self.feed(
            js::instant(now_us),
            DownlinkInput::VideoDecodeFailed { sender, track },
        );
    }

    /// Fills `out`, 480 samples of 48 kHz, with the mix of everybody; `plays_at_us` is when its first sample is heard.
    #[wasm_bindgen(js_name = renderAudio)]
    pub fn render_audio(&mut self, now_us: f64, out: &mut [f32], plays_at_us: f64) {
        let now = js::instant(now_us);
        self.playout.render(now, out);
        let ahead_us = (plays_at_us - now_us).max(0.0) as u64 + BLOCK_US;
        for (&source, &(sender, _)) in &self.audio_tracks {
            let Some(position) = self.playout.position(source) else {
                continue;
            };
            let heard_now = MediaTime::from_micros(position.as_micros().saturating_sub(ahead_us));
            self.downlink.handle_input(
                now,
                DownlinkInput::AudioPlayout {
                    sender,
                    media_time: heard_now,
                },
            );
        }
        self.drain(now);
    }

    /// How loud a track is mixed, 0 to 2; 1 is as it came.
    #[wasm_bindgen(js_name = setVolume)]
    pub fn set_volume(&mut self, sender: u32, track: u8, volume: f32) {
        self.playout.set_volume(source(sender, track), volume);
    }

    /// `DownlinkStats` of the engine, with `audio` and `senders` beside, as a plain object.
    pub fn stats(&self, now_us: f64) -> JsValue {
        let audio = self
            .audio_tracks
            .iter()
            .filter_map(|(&source, &(sender, track))| {
                Some(AudioStats {
                    sender,
                    track,
                    stats: self.playout.stats(source)?,
                })
            });
        js::to_object(&Stats {
            engine: self.downlink.stats(js::instant(now_us)),
            audio: audio.collect(),
            senders: self.senders.values().collect(),
        })
    }
}

impl DownlinkEngine {
    fn feed(&mut self, now: Instant, input: DownlinkInput<'_>) {
        self.downlink.handle_input(now, input);
        self.drain(now);
    }

    fn drain(&mut self, now: Instant) {
        loop {
            match self.downlink.poll_output() {
                DownlinkOutput::Transmit(bytes) => self.datagrams.push_back(bytes),
                DownlinkOutput::Sealed { header, frame } => self.open(now, header, frame),
                DownlinkOutput::Audio { header, opus } => self.playout.insert(
                    source(header.sender, header.track),
                    now,
                    header.frame_id,
                    header.media_time,
                    &opus,
                ),
                DownlinkOutput::Video {
                    header,
                    frame,
                    render_at,
                } => self.videos.push_back(VideoOut {
                    header,
                    render_at,
                    frame,
                }),
                DownlinkOutput::Event(event) => self.on_event(event),
                DownlinkOutput::Timeout(at) => {
                    self.timeout = at;
                    break;
                }
                _ => {}
            }
        }
    }

    fn open(&mut self, now: Instant, header: FrameHeader, frame: Vec<u8>) {
        let sender = header.sender;
        let input = match sealing::open(&mut self.keys, &header, frame) {
            Ok((kid, plaintext)) => {
                self.on_opened(sender, kid);
                DownlinkInput::Opened { header, plaintext }
            }
            Err(error) => {
                let keys = self.sender(sender);
                keys.frames_rejected += 1;
                keys.last_error = Some(error);
                let reason = sealing::open_failure(error);
                DownlinkInput::OpenFailed { header, reason }
            }
        };
        self.downlink.handle_input(now, input);
    }

    fn on_opened(&mut self, sender: u32, kid: u64) {
        let keys = self.sender(sender);
        keys.frames_opened += 1;
        if keys.last_kid != Some(kid) {
            keys.last_kid = Some(kid);
            keys.kid = Some(format!("{kid:016x}"));
        }
        if keys.state == WAITING {
            self.set_state(sender, "ok");
        }
    }

    fn sender(&mut self, sender: u32) -> &mut SenderKeys {
        self.senders.entry(sender).or_insert_with(|| SenderKeys {
            sender,
            state: WAITING,
            ..SenderKeys::default()
        })
    }

    /// The engine says when; the words for why are the opener's.
    fn set_state(&mut self, sender: u32, state: &'static str) {
        let keys = self.sender(sender);
        keys.state = state;
        let reason = match keys.last_error {
            Some(error) if state == CANNOT_DECRYPT => error.to_string(),
            _ => String::new(),
        };
        self.events.push_back(Event::Decryption {
            sender,
            state,
            reason,
        });
    }

    fn on_event(&mut self, event: DownlinkEvent) {
        let level = match event {
            DownlinkEvent::CannotDecrypt { sender } => {
                self.set_state(sender, CANNOT_DECRYPT);
                return;
            }
            DownlinkEvent::DecryptOk { sender } => {
                self.set_state(sender, "ok");
                return;
            }
            DownlinkEvent::FrameDropped { .. } => "trace",
            _ => "debug",
        };
        self.events.push_back(Event::Log {
            level,
            message: format!("{event:?}"),
        });
    }
}

/// A participant's track as a source of sound.
fn source(sender: u32, track: u8) -> SourceId {
    SourceId(u64::from(sender) << 8 | u64::from(track))
}

const WAITING: &str = "waiting";
const CANNOT_DECRYPT: &str = "cannot-decrypt";
const BLOCK_US: u64 = 10_000;
