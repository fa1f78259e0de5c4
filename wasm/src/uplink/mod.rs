//! The uplink worker's object: capture → seal → send, and the control stream.
//!
//! Capture outlives sessions, so that the echo canceller keeps what it has learnt when the connection is lost. A
//! session's engine exists from the answer to Join, which names the participant.

mod group;
mod key_messages;
mod media;
mod options;
mod session;

use std::collections::{BTreeMap, VecDeque};

use smrtc_audio::{AudioOptions, Capture, CaptureConfig};
use smrtc_crypto::secret::Secret;
use smrtc_e2ee::{KeyProvider, OsRng, Rng};
use smrtc_engine::control::v1::{self, client_message};
use smrtc_engine::send::{LayerConfig, TrackConfig, Uplink, UplinkInput};
use smrtc_engine::signal::SignalInput;
use smrtc_engine::time::{Bitrate, Instant};
use smrtc_engine::wire::media::MAX_LAYER;
use wasm_bindgen::prelude::*;
use zeroize::Zeroize;

use crate::error::CallError;
use crate::js;
use crate::keys::Keys;
use crate::messages::{self, Event};
use crate::outgoing::Outgoing;
use crate::sealing::Unsealed;
use group::Group;
use options::{Config, key_source};
use session::Session;

/// Capture, sealing, sending and the control stream. Times are microseconds of the worker's `performance.now`.
#[wasm_bindgen]
pub struct UplinkEngine {
    keys: Keys,
    /// With group keys only.
    group: Option<Box<Group>>,
    /// Of the last call that told it.
    now: Instant,
    /// What is on its way to the downlink worker.
    key_message: Secret,
    capture: Capture,
    samples_pushed: u64,
    /// Where the browser puts the next video frame.
    video: Unsealed,
    session: Option<Session>,
    /// In how many sizes each track of pictures is sent, to ask the engine for the bitrate of each.
    layers: BTreeMap<u8, u8>,
    control: VecDeque<Vec<u8>>,
    datagrams: Outgoing,
    events: VecDeque<Event>,
}

#[wasm_bindgen]
impl UplinkEngine {
    /// Takes the options and a secret, which is wiped after it was read: the key that the room shares or, with group keys,
    /// the signature key that we are known by; empty for a new one.
    ///
    /// # Errors
    ///
    /// Throws if an option is malformed or the secret is none.
    #[wasm_bindgen(constructor)]
    pub fn new(config: JsValue, mut secret: Vec<u8>) -> Result<UplinkEngine, JsValue> {
        let config: Config = js::from_object(config, "config")?;
        let source = key_source(&config, &secret);
        secret.zeroize();
        let (keys, group) = source?;
        let capture = Capture::new(CaptureConfig {
            audio: audio_options(
                config.echo_cancellation,
                config.noise_suppression,
                config.auto_gain_control,
            ),
            ..CaptureConfig::default()
        })
        .map_err(|_| CallError::Audio)?;
        Ok(Self {
            keys,
            group,
            now: Instant::ZERO,
            key_message: Secret::zeroed(0),
            capture,
            samples_pushed: 0,
            video: Unsealed::default(),
            session: None,
            layers: BTreeMap::new(),
            control: VecDeque::new(),
            datagrams: Outgoing::default(),
            events: VecDeque::new(),
        })
    }

    /// Forgets the session before and takes a fresh sealing key, if there is one to take yet: a key and counter never
    /// meet twice.
    ///
    /// # Errors
    ///
    /// Throws if there is no randomness for the key.
    #[wasm_bindgen(js_name = openSession)]
    pub fn open_session(&mut self, now_us: f64) -> Result<(), JsValue> {
        self.now = js::instant(now_us);
        self.session = None;
        self.layers.clear();
        self.control.clear();
        self.datagrams.clear();
        self.events.clear();
        if let Some(group) = &mut self.group {
            group.disconnected(self.now);
        }
        let mut session = Session::new();
        session.follow(&mut self.keys)?;
        self.session = Some(session);
        Ok(())
    }

    /// Key id of the session's sealing key, 16 hexadecimal digits; empty if there is none.
    pub fn kid(&self) -> String {
        self.session
            .as_ref()
            .and_then(|session| session.sealer.as_ref())
            .map_or(String::new(), |sealer| format!("{:016x}", sealer.kid().0))
    }

    /// The epoch that we seal in; 0 for a key that has none.
    pub fn epoch(&self) -> f64 {
        self.keys.epoch() as f64
    }

    /// `mls` or `external`.
    #[wasm_bindgen(js_name = keySource)]
    pub fn key_source(&self) -> String {
        self.keys.source().to_owned()
    }

    /// Asks to enter the room; returns the request's number.
    ///
    /// # Errors
    ///
    /// Throws without a session.
    pub fn join(
        &mut self,
        now_us: f64,
        sdk_version: String,
        decode_codecs: Vec<String>,
    ) -> Result<u32, JsValue> {
        self.send_request(
            now_us,
            client_message::Body::Join(v1::Join {
                sdk_version,
                decode_codecs,
            }),
        )
    }

    /// Sends any other request; returns its number.
    ///
    /// # Errors
    ///
    /// Throws without a session, or if the object is no request.
    pub fn request(&mut self, now_us: f64, body: JsValue) -> Result<u32, JsValue> {
        let request: messages::Request = js::from_object(body, "request")?;
        self.send_request(now_us, request.into())
    }

    /// Takes a piece of the control stream.
    pub fn control(&mut self, now_us: f64, bytes: &[u8]) {
        self.now = js::instant(now_us);
        let Some(session) = &mut self.session else {
            return;
        };
        let result = session
            .signal
            .handle_input(self.now, SignalInput::Bytes(bytes));
        if let Err(error) = result {
            self.log("warn", format!("control stream: {error}"));
        }
        self.drain();
    }

    /// Takes a datagram.
    pub fn datagram(&mut self, now_us: f64, bytes: &[u8]) {
        self.feed(now_us, UplinkInput::Datagram(bytes));
    }

    /// The time of [`Self::next_timeout`] has come.
    pub fn timeout(&mut self, now_us: f64) {
        self.now = js::instant(now_us);
        if let Some(group) = &mut self.group {
            group.timeout(self.now);
        }
        if let Some(session) = &mut self.session {
            // Only what arrives can be malformed.
            let _ = session
                .signal
                .handle_input(js::instant(now_us), SignalInput::Timeout);
        }
        self.feed(now_us, UplinkInput::Timeout);
    }

    /// Bytes for the control stream.
    #[wasm_bindgen(js_name = pollControl)]
    pub fn poll_control(&mut self) -> Option<Vec<u8>> {
        self.control.pop_front()
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
        let group = self.group.as_ref().and_then(|group| group.deadline());
        let keys = [group, self.keys.deadline()];
        let keys = keys.into_iter().flatten().map(Instant::from_micros);
        self.session.as_ref().map_or(f64::INFINITY, |session| {
            js::micros(keys.fold(session.next_timeout(), Instant::min))
        })
    }

    /// Adds a track, or changes its greatest bitrate (bit/s). Only after Join was answered.
    ///
    /// # Errors
    ///
    /// Throws for an unknown kind, or before Join was answered.
    #[wasm_bindgen(js_name = addTrack)]
    pub fn add_track(&mut self, track: u8, kind: &str, max_bitrate: f64) -> Result<(), JsValue> {
        let kind = js::media_kind(kind)?;
        let max_bitrate = Bitrate::from_bps(max_bitrate.max(0.0) as u64);
        let uplink = self.uplink().ok_or(CallError::NoSession)?;
        uplink.set_track(track, TrackConfig { kind, max_bitrate });
        if !kind.is_audio() {
            self.layers.entry(track).or_insert(1);
        }
        self.drain();
        Ok(())
    }

    /// Sends a track of pictures in several sizes, the smallest first, or in one again if there are none. Each has two numbers in `bounds`,
    /// bit/s: with less than the first it is not sent, and its encoder is told of no more than the second. The track's own greatest
    /// bitrate bounds them together.
    ///
    /// # Errors
    ///
    /// Throws if the numbers are no pairs, there are more than 16 of those, or before Join was answered.
    #[wasm_bindgen(js_name = setLayers)]
    pub fn set_layers(&mut self, track: u8, bounds: &[f64]) -> Result<(), JsValue> {
        let (pairs, rest) = bounds.as_chunks::<2>();
        let count = u8::try_from(pairs.len()).unwrap_or(u8::MAX);
        if !rest.is_empty() || count > MAX_LAYER + 1 {
            return Err(CallError::Argument("bounds").into());
        }
        let bitrate = |bps: f64| Bitrate::from_bps(bps.max(0.0) as u64);
        let layers: Vec<_> = pairs
            .iter()
            .map(|&[least, greatest]| LayerConfig {
                min_bitrate: bitrate(least),
                max_bitrate: bitrate(greatest),
            })
            .collect();
        let uplink = self.uplink().ok_or(CallError::NoSession)?;
        uplink.set_layers(track, &layers);
        self.layers.insert(track, count.max(1));
        self.drain();
        Ok(())
    }

    /// Forgets a track; what of it waits is not sent.
    #[wasm_bindgen(js_name = removeTrack)]
    pub fn remove_track(&mut self, track: u8) {
        self.layers.remove(&track);
        if let Some(uplink) = self.uplink() {
            uplink.remove_track(track);
        }
        self.drain();
    }

    /// Silences the microphone without a click; packets go on.
    #[wasm_bindgen(js_name = setAudioMuted)]
    pub fn set_audio_muted(&mut self, muted: bool) {
        self.capture.set_muted(muted);
    }

    /// Switches the stages of audio processing.
    #[wasm_bindgen(js_name = setAudioProcessing)]
    pub fn set_audio_processing(&mut self, echo: bool, noise: bool, gain: bool) {
        self.capture.set_options(audio_options(echo, noise, gain));
    }

    /// Level of the microphone after processing, linear, 0 to 1.
    #[wasm_bindgen(js_name = audioLevel)]
    pub fn audio_level(&self) -> f64 {
        self.capture.stats().audio_level
    }

    /// Where the microphone hears acoustic feedback, in Hz; undefined while it hears none.
    #[wasm_bindgen(js_name = howlingFrequency)]
    pub fn howling_frequency(&self) -> Option<f32> {
        self.capture.stats().howling_frequency
    }

    /// How long what waits to be sent will take, in microseconds.
    #[wasm_bindgen(js_name = queueDelay)]
    pub fn queue_delay(&self) -> f64 {
        self.session
            .as_ref()
            .and_then(|session| session.uplink.as_ref())
            .map_or(0.0, |uplink| uplink.queue_delay().as_micros() as f64)
    }

    /// `UplinkStats` of the engine as a plain object; undefined before Join was answered.
    pub fn stats(&self, now_us: f64) -> JsValue {
        self.session
            .as_ref()
            .and_then(|session| session.uplink.as_ref())
            .map_or(JsValue::UNDEFINED, |uplink| {
                js::to_object(&uplink.stats(js::instant(now_us)))
            })
    }
}

impl UplinkEngine {
    fn uplink(&mut self) -> Option<&mut Uplink> {
        self.session.as_mut()?.uplink.as_mut()
    }

    fn send_request(&mut self, now_us: f64, body: client_message::Body) -> Result<u32, JsValue> {
        self.now = js::instant(now_us);
        let session = self.session.as_mut().ok_or(CallError::NoSession)?;
        let id = session.signal.request(self.now, body);
        self.drain();
        Ok(id)
    }

    fn feed(&mut self, now_us: f64, input: UplinkInput<'_>) {
        self.now = js::instant(now_us);
        if let Some(uplink) = self.uplink() {
            // What cannot be parsed is counted by the engine; there is nobody to tell.
            let _ = uplink.handle_input(js::instant(now_us), input);
        }
        self.drain();
    }

    /// Redundancy inside the codec takes from the sound itself: only for what is lost with all its copies.
    fn tell_loss(&mut self) {
        let loss = self.uplink().map(|uplink| uplink.audio_loss_after_copies());
        if let Some(loss) = loss {
            // libopus refuses only what is out of its range, and the range is clamped.
            let _ = self.capture.set_expected_loss(loss as f32);
        }
    }

    fn log(&mut self, level: &'static str, message: String) {
        self.events.push_back(Event::Log { level, message });
    }
}

fn audio_options(echo: bool, noise: bool, gain: bool) -> AudioOptions {
    if !(echo || noise || gain) {
        return AudioOptions::OFF;
    }
    AudioOptions {
        echo_cancellation: echo,
        noise_suppression: noise,
        auto_gain_control: gain,
        ..AudioOptions::default()
    }
}

/// Tells pings of different sessions apart; no secret hangs on it, so a constant does where there is no randomness.
pub(crate) fn seed() -> u64 {
    let mut bytes = [0; 8];
    let _ = OsRng.fill(&mut bytes);
    u64::from_be_bytes(bytes)
}
