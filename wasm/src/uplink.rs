//! The uplink worker's object: a shell over [`UplinkHalf`].
//!
//! Times are microseconds of the worker's `performance.now`.

mod options;

use smrtc_audio::AudioOptions;
use smrtc_client::{FrameBuffer, Randomness, UplinkHalf};
use smrtc_crypto::secret::Secret;
use smrtc_e2ee::OsRng;
use smrtc_engine::control::v1::{self, client_message};
use smrtc_engine::send::{FrameParams, LayerConfig, TrackConfig};
use smrtc_engine::time::{Bitrate, MediaTime};
use smrtc_engine::wire::media::MAX_LAYER;
use wasm_bindgen::prelude::*;
use zeroize::Zeroize;

use crate::error::CallError;
use crate::in_hand::InHand;
use crate::js;
use crate::messages::Event;
pub(crate) use options::Config;

/// Capture, sealing, sending and the control stream.
#[wasm_bindgen]
pub struct UplinkEngine {
    half: UplinkHalf,
    /// Where the browser puts the next video frame.
    video: FrameBuffer,
    datagram: InHand<Vec<u8>>,
    secret: InHand<Secret>,
}

#[wasm_bindgen]
impl UplinkEngine {
    /// Takes the options and a secret, which is wiped after it was read: the key that the room
    /// shares or, with group keys, the signature key that we are known by; empty for a new one.
    ///
    /// # Errors
    ///
    /// Throws if an option is malformed or the secret is none.
    #[wasm_bindgen(constructor)]
    pub fn new(
        #[wasm_bindgen(unchecked_param_type = "engine.UplinkConfig")] config: JsValue,
        mut secret: Vec<u8>,
    ) -> Result<UplinkEngine, JsValue> {
        let config: Config = js::from_object(config, "config")?;
        let options = config.into_options(&secret);
        secret.zeroize();
        let half =
            UplinkHalf::new(options?, Randomness::new(|| OsRng)).map_err(CallError::Setup)?;
        Ok(Self {
            half,
            video: FrameBuffer::default(),
            datagram: InHand::default(),
            secret: InHand::default(),
        })
    }

    /// Forgets the session before and takes a fresh sealing key, if there is one to take yet.
    ///
    /// # Errors
    ///
    /// Throws if there is no randomness for the key.
    #[wasm_bindgen(js_name = openSession)]
    pub fn open_session(&mut self, now_us: f64) -> Result<(), JsValue> {
        let opened = self.half.open_session(js::instant(now_us));
        Ok(opened.map_err(CallError::Setup)?)
    }

    /// Key id of the session's sealing key, 16 hexadecimal digits; empty if there is none.
    pub fn kid(&self) -> String {
        let kid = self.half.kid();
        kid.map_or(String::new(), |kid| format!("{:016x}", kid.0))
    }

    /// The epoch that we seal in; 0 for a key that has none.
    pub fn epoch(&self) -> f64 {
        self.half.epoch() as f64
    }

    /// Where keys come from.
    #[wasm_bindgen(js_name = keySource, unchecked_return_type = "engine.KeySourceName")]
    pub fn key_source(&self) -> String {
        self.half.keys().source().to_owned()
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
        let join = v1::Join {
            sdk_version,
            decode_codecs,
        };
        self.send(now_us, client_message::Body::Join(join))
    }

    /// Sends any other request; returns its number.
    ///
    /// # Errors
    ///
    /// Throws without a session, or if the object is no request.
    pub fn request(
        &mut self,
        now_us: f64,
        #[wasm_bindgen(unchecked_param_type = "engine.RequestBody")] body: JsValue,
    ) -> Result<u32, JsValue> {
        self.send(now_us, js::from_object(body, "request")?)
    }

    /// Takes a piece of the control stream.
    pub fn control(&mut self, now_us: f64, bytes: &[u8]) {
        self.half.control(js::instant(now_us), bytes);
    }

    /// Takes a datagram.
    pub fn datagram(&mut self, now_us: f64, bytes: &[u8]) {
        self.half.datagram(js::instant(now_us), bytes);
    }

    /// The time of [`Self::next_timeout`] has come.
    pub fn timeout(&mut self, now_us: f64) {
        self.half.timeout(js::instant(now_us));
    }

    /// When to call [`Self::timeout`]; infinity for never.
    #[wasm_bindgen(js_name = nextTimeout)]
    pub fn next_timeout(&self) -> f64 {
        js::micros(self.half.next_timeout())
    }

    /// Bytes for the control stream.
    #[wasm_bindgen(js_name = pollControl)]
    pub fn poll_control(&mut self) -> Option<Vec<u8>> {
        self.half.poll_control()
    }

    /// Takes the next datagram to send in hand; its length in bytes, 0 if there is none.
    #[wasm_bindgen(js_name = nextDatagram)]
    pub fn next_datagram(&mut self) -> usize {
        self.datagram.take(self.half.poll_datagram())
    }

    /// Where the datagram in hand lies in Wasm memory, until the next is taken.
    #[wasm_bindgen(js_name = datagramAddress)]
    pub fn datagram_address(&self) -> usize {
        self.datagram.address()
    }

    /// Something that the worker should know, as a plain object; undefined if there is nothing.
    #[wasm_bindgen(js_name = pollEvent, unchecked_return_type = "engine.UplinkEvent | undefined")]
    pub fn poll_event(&mut self) -> JsValue {
        while let Some(event) = self.half.poll_event() {
            if let Some(event) = Event::from_client(event) {
                return js::to_object(&event);
            }
        }
        JsValue::UNDEFINED
    }

    /// Takes the next message for the downlink worker in hand; its length in bytes, 0 if there is
    /// none. It is a secret.
    #[wasm_bindgen(js_name = nextKeyMessage)]
    pub fn next_key_message(&mut self) -> usize {
        let next = self.half.poll_key_message();
        self.secret.take(next.map(|message| message.to_bytes()))
    }

    /// Where the secret in hand lies in Wasm memory, until the next is taken, which wipes it.
    #[wasm_bindgen(js_name = keyMessageAddress)]
    pub fn key_message_address(&self) -> usize {
        self.secret.address()
    }

    /// Takes the signature key that we are known by in hand, as [`Self::next_key_message`] does. It
    /// is a secret.
    #[wasm_bindgen(js_name = takeIdentity)]
    pub fn take_identity(&mut self) -> usize {
        self.secret.take(self.half.identity().cloned())
    }

    /// Asks the group for new keys; nothing happens with an external key.
    #[wasm_bindgen(js_name = rotateKeys)]
    pub fn rotate_keys(&mut self, now_us: f64) {
        self.half.rotate_keys(js::instant(now_us));
    }

    /// Adds a track, or changes its greatest bitrate (bit/s). Only after Join was answered.
    ///
    /// # Errors
    ///
    /// Throws for an unknown kind, or before Join was answered.
    #[wasm_bindgen(js_name = addTrack)]
    pub fn add_track(&mut self, track: u8, kind: &str, max_bitrate: f64) -> Result<(), JsValue> {
        let config = TrackConfig {
            kind: js::media_kind(kind)?,
            max_bitrate: bitrate(max_bitrate),
        };
        let set = self.half.set_track(track, config);
        Ok(set.map_err(|_| CallError::NoSession)?)
    }

    /// Sends a video track in several sizes, the smallest first, or in one again if there are
    /// none. Each has two numbers in `bounds`, bit/s: with less than the first it is not sent, and
    /// its encoder is told of no more than the second. The track's own greatest bitrate bounds them
    /// together.
    ///
    /// # Errors
    ///
    /// Throws if the numbers are no pairs, there are more than 16 of those, or before Join was
    /// answered.
    #[wasm_bindgen(js_name = setLayers)]
    pub fn set_layers(&mut self, track: u8, bounds: &[f64]) -> Result<(), JsValue> {
        let (pairs, rest) = bounds.as_chunks::<2>();
        if !rest.is_empty() || pairs.len() > usize::from(MAX_LAYER) + 1 {
            return Err(CallError::Argument("bounds").into());
        }
        let layers: Vec<_> = pairs
            .iter()
            .map(|&[least, greatest]| LayerConfig {
                min_bitrate: bitrate(least),
                max_bitrate: bitrate(greatest),
            })
            .collect();
        let set = self.half.set_layers(track, &layers);
        Ok(set.map_err(|_| CallError::NoSession)?)
    }

    /// Forgets a track; what of it waits is not sent.
    #[wasm_bindgen(js_name = removeTrack)]
    pub fn remove_track(&mut self, track: u8) {
        self.half.remove_track(track);
    }

    /// Whether a frame of `track` that was captured now is worth encoding; asked once for each,
    /// for asking counts.
    #[wasm_bindgen(js_name = wantsFrame)]
    pub fn wants_frame(&mut self, now_us: f64, track: u8) -> bool {
        self.half.wants_frame(js::instant(now_us), track)
    }

    /// The same of one size of a track that is sent in several, `spatial` from 0, the smallest.
    #[wasm_bindgen(js_name = wantsLayerFrame)]
    pub fn wants_layer_frame(&mut self, now_us: f64, track: u8, spatial: u8) -> bool {
        self.half
            .wants_layer_frame(js::instant(now_us), track, spatial)
    }

    /// Address of `length` bytes in Wasm memory, for the frame of the next [`Self::seal_video`].
    #[wasm_bindgen(js_name = videoBuffer)]
    pub fn video_buffer(&mut self, length: usize) -> usize {
        self.video = self.half.frame_buffer(length);
        self.video.text_mut().as_ptr().addr()
    }

    /// Seals the frame in the buffer where it lies and sends it; false if there is no session.
    #[wasm_bindgen(js_name = sealVideo)]
    #[allow(
        clippy::too_many_arguments,
        reason = "an object would cost an allocation per frame at the border"
    )]
    pub fn seal_video(
        &mut self,
        now_us: f64,
        track: u8,
        spatial: u8,
        key: bool,
        discardable: bool,
        temporal: u8,
        reference_distance: u16,
        media_time_us: f64,
    ) -> bool {
        let params = FrameParams {
            key,
            discardable,
            spatial,
            temporal,
            reference_distance,
            media_time: MediaTime::from_micros(media_time_us.max(0.0) as u64),
        };
        let frame = std::mem::take(&mut self.video);
        self.half
            .send_frame(js::instant(now_us), track, params, frame)
    }

    /// Takes microphone and loudspeaker samples, 48 kHz mono, of the same time; `end_us` is when
    /// the last was captured.
    #[wasm_bindgen(js_name = pushAudio)]
    pub fn push_audio(&mut self, now_us: f64, track: u8, near: &[f32], far: &[f32], end_us: f64) {
        self.half
            .push_audio(js::instant(now_us), track, near, far, end_us);
    }

    /// Silences the microphone without a click; packets go on.
    #[wasm_bindgen(js_name = setAudioMuted)]
    pub fn set_audio_muted(&mut self, muted: bool) {
        self.half.set_audio_muted(muted);
    }

    /// Switches the stages of audio processing.
    #[wasm_bindgen(js_name = setAudioProcessing)]
    pub fn set_audio_processing(&mut self, echo: bool, noise: bool, gain: bool) {
        self.half
            .set_audio_processing(audio_options(echo, noise, gain));
    }

    /// Level of the microphone after processing, linear, 0 to 1.
    #[wasm_bindgen(js_name = audioLevel)]
    pub fn audio_level(&self) -> f64 {
        let capture = self.half.capture();
        capture.map_or(0.0, |capture| capture.stats().audio_level)
    }

    /// Where the microphone hears acoustic feedback, in Hz; undefined while it hears none.
    #[wasm_bindgen(js_name = howlingFrequency)]
    pub fn howling_frequency(&self) -> Option<f32> {
        self.half.capture()?.stats().howling_frequency
    }

    /// How long what waits to be sent will take, in microseconds.
    #[wasm_bindgen(js_name = queueDelay)]
    pub fn queue_delay(&self) -> f64 {
        let engine = self.half.engine();
        engine.map_or(0.0, |engine| engine.queue_delay().as_micros() as f64)
    }

    /// Statistics of sending; undefined before Join was answered.
    #[wasm_bindgen(unchecked_return_type = "engine.UplinkStats | undefined")]
    pub fn stats(&self, now_us: f64) -> JsValue {
        let stats = self.half.stats(js::instant(now_us));
        stats.map_or(JsValue::UNDEFINED, |stats| js::to_object(&stats))
    }
}

impl UplinkEngine {
    fn send(&mut self, now_us: f64, body: client_message::Body) -> Result<u32, JsValue> {
        let sent = self.half.request(js::instant(now_us), body);
        Ok(sent.map_err(|_| CallError::NoSession)?)
    }
}

fn bitrate(bps: f64) -> Bitrate {
    // What goes back to the page as a number must be one that JavaScript holds exactly.
    Bitrate::from_bps(bps.clamp(0.0, 1e12) as u64)
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
