//! The downlink worker's object: receive → open → jitter buffer, and the playout of sound.
//!
//! A datagram is copied into Wasm memory once, by the call, and its payload once more to where the frame is put together.
//! There the frame is opened, there it waits in the jitter buffer, and there the browser's decoder reads it.
//!
//! Keys outlive sessions, and with them the replay windows: what was opened before a reconnection is not opened again.

mod group_keys;
#[cfg(test)]
mod joins;
mod opening;
#[cfg(test)]
mod tests;
mod video_out;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use smrtc_audio::{AudioReceiveStats, Playout, PlayoutConfig, SourceId};
use smrtc_e2ee::mls::MlsKeys;
use smrtc_e2ee::sframe::{KeyStore, KeyStoreLimits, Waiting, WaitingLimits};
use smrtc_engine::recv::{Downlink, DownlinkConfig, DownlinkEvent, DownlinkInput, DownlinkOutput};
use smrtc_engine::stats::DownlinkStats;
use smrtc_engine::time::{Instant, MediaTime};
use wasm_bindgen::prelude::*;
use zeroize::Zeroize;

use crate::error::CallError;
use crate::js;
use crate::keys::Keys;
use crate::outgoing::Outgoing;
use crate::sealing;
use crate::uplink::seed;
use opening::{CANNOT_DECRYPT, Held, SenderKeys};
pub use video_out::VideoOut;

/// Options of the constructor.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Config {
    suite: String,
    /// `mls` or `external`.
    key_source: String,
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

/// Receiving, opening, and the playout of sound. Times are microseconds of the worker's `performance.now`.
#[wasm_bindgen]
pub struct DownlinkEngine {
    keys: KeyStore<Keys>,
    /// Frames that came before their key.
    waiting: Waiting<Held>,
    /// As whom the gateway presents each participant; with group keys the group must agree.
    users: BTreeMap<u32, String>,
    playout: Playout,
    config: DownlinkConfig,
    downlink: Downlink,
    audio_tracks: BTreeMap<SourceId, (u32, u8)>,
    senders: BTreeMap<u32, SenderKeys>,
    timeout: Instant,
    datagrams: Outgoing,
    videos: VecDeque<VideoOut>,
    events: VecDeque<Event>,
}

#[wasm_bindgen]
impl DownlinkEngine {
    /// Takes the options, and the secret that the room shares, which is wiped after it was read; it is empty with group
    /// keys, which come by [`Self::key_message`].
    ///
    /// # Errors
    ///
    /// Throws if an option is malformed or the key has another length than 16 to 64 bytes.
    #[wasm_bindgen(constructor)]
    pub fn new(config: JsValue, mut key: Vec<u8>) -> Result<DownlinkEngine, JsValue> {
        let config: Config = js::from_object(config, "config")?;
        let keys = match &*config.key_source {
            "mls" => js::suite(&config.suite).map(|suite| Keys::Mls(MlsKeys::new(suite))),
            "external" => sealing::external_key(&config.suite, &key).map(Keys::External),
            _ => Err(CallError::Argument("keySource")),
        };
        key.zeroize();
        Ok(Self::over(keys?, &config))
    }

    /// Forgets tracks and what was learnt of the network; keeps keys and replay windows.
    #[wasm_bindgen(js_name = openSession)]
    pub fn open_session(&mut self) {
        self.downlink = Downlink::new(self.config, seed());
        self.waiting = Waiting::new(WaitingLimits::default());
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
        let now = js::instant(now_us);
        self.run_keys(now);
        self.feed(now, DownlinkInput::Timeout);
    }

    /// Takes the next datagram to send in hand; its length in bytes, 0 if there is none.
    #[wasm_bindgen(js_name = nextDatagram)]
    pub fn next_datagram(&mut self) -> usize {
        self.datagrams.advance()
    }

    /// Where the datagram in hand lies in Wasm memory, until the next is taken.
    #[wasm_bindgen(js_name = datagramAddress)]
    pub fn datagram_address(&self) -> usize {
        self.datagrams.address()
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
        let keys = self.keys_deadline().into_iter().map(Instant::from_micros);
        js::micros(keys.fold(self.timeout, Instant::min))
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
            let target = self.playout.target_delay(source).unwrap_or_default();
            let hold = self.downlink.sound_hold(now, sender, target);
            self.playout.set_sync_delay(source, hold);
        }
        self.drain(now);
    }

    /// Whether there is anybody to hear.
    #[wasm_bindgen(js_name = hasAudio)]
    pub fn has_audio(&self) -> bool {
        !self.audio_tracks.is_empty()
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
    fn over(keys: Keys, config: &Config) -> Self {
        let min_delay = Duration::from_micros(config.min_playout_delay_us as u64);
        let max_delay = Duration::from_micros(config.max_playout_delay_us as u64);
        let audio = PlayoutConfig::default();
        let mut downlink_config = DownlinkConfig::default();
        downlink_config.video.playout.max = max_delay;
        Self {
            keys: KeyStore::over(keys, KeyStoreLimits::default()),
            waiting: Waiting::new(WaitingLimits::default()),
            users: BTreeMap::new(),
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
            datagrams: Outgoing::default(),
            videos: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    fn feed(&mut self, now: Instant, input: DownlinkInput<'_>) {
        self.downlink.handle_input(now, input);
        self.drain(now);
    }

    fn drain(&mut self, now: Instant) {
        loop {
            match self.downlink.poll_output() {
                DownlinkOutput::Transmit(bytes) => self.datagrams.push(bytes),
                DownlinkOutput::Sealed { header, frame } => self.open(now, header, frame),
                DownlinkOutput::Audio {
                    header,
                    copies,
                    opus,
                } => {
                    let source = source(header.sender, header.track);
                    let opus = &opus[sealing::text_of(&opus)];
                    self.playout
                        .insert(source, now, header.frame_id, header.media_time, opus);
                    self.playout.expect_copies(source, now, copies);
                }
                DownlinkOutput::Video {
                    header,
                    frame,
                    render_at,
                } => self
                    .videos
                    .push_back(VideoOut::new(header, render_at, frame)),
                DownlinkOutput::Event(event) => self.on_event(event),
                DownlinkOutput::Timeout(at) => {
                    self.timeout = at;
                    break;
                }
                _ => {}
            }
        }
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

const BLOCK_US: u64 = 10_000;
