//! The downlink worker's object: a shell over [`DownlinkHalf`].
//!
//! Times are microseconds of the worker's `performance.now`.

mod video_out;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use smrtc_client::{
    Decryption, DownlinkEvent, DownlinkHalf, DownlinkOptions, KeyMessage, Keys, OpeningState,
    Randomness,
};
use smrtc_e2ee::OsRng;
use smrtc_engine::TrackId;
use smrtc_engine::recv::DownlinkEvent as EngineEvent;
use wasm_bindgen::prelude::*;
use zeroize::Zeroize;

use crate::error::CallError;
use crate::in_hand::InHand;
use crate::js;
use crate::messages::LogLevel;
pub use video_out::VideoOut;

/// Options of the constructor.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS), ts(rename = "DownlinkConfig"))]
pub(crate) struct Config {
    suite: String,
    key_source: KeySourceName,
    min_playout_delay_us: f64,
    max_playout_delay_us: f64,
}

/// Where keys come from.
#[derive(Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub(crate) enum KeySourceName {
    Mls,
    External,
}

/// Something that the downlink worker should know.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(rename = "DownlinkEvent"))]
#[serde(
    tag = "kind",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase"
)]
pub(crate) enum Event {
    /// Frames of a sender open from now on, or do so no longer.
    Decryption {
        sender: u32,
        state: OpeningState,
        reason: String,
    },
    /// A line for the log.
    Log { level: LogLevel, message: String },
}

impl From<DownlinkEvent> for Event {
    fn from(event: DownlinkEvent) -> Self {
        match event {
            DownlinkEvent::Decryption(Decryption {
                sender,
                opens,
                error,
            }) => Self::Decryption {
                sender,
                state: OpeningState::of(opens),
                reason: error.map_or(String::new(), |error| error.to_string()),
            },
            DownlinkEvent::Engine(event) => Self::Log {
                level: match event {
                    EngineEvent::FrameDropped { .. } => LogLevel::Trace,
                    _ => LogLevel::Debug,
                },
                message: format!("{event:?}"),
            },
        }
    }
}

/// Receiving, opening, and the playout of audio.
#[wasm_bindgen]
pub struct DownlinkEngine {
    half: DownlinkHalf,
    datagram: InHand<Vec<u8>>,
}

#[wasm_bindgen]
impl DownlinkEngine {
    /// Takes the options, and the secret that the room shares, which is wiped after it was read; it
    /// is empty with group keys, which come by [`Self::key_message`].
    ///
    /// # Errors
    ///
    /// Throws if an option is malformed or the key has another length than 16 to 64 bytes.
    #[wasm_bindgen(constructor)]
    pub fn new(
        #[wasm_bindgen(unchecked_param_type = "engine.DownlinkConfig")] config: JsValue,
        mut key: Vec<u8>,
    ) -> Result<DownlinkEngine, JsValue> {
        let config: Config = js::from_object(config, "config")?;
        let keys = js::suite(&config.suite).and_then(|suite| match config.key_source {
            KeySourceName::Mls => Ok(Keys::group(suite)),
            KeySourceName::External => Keys::external(suite, &key).map_err(CallError::Setup),
        });
        key.zeroize();
        let options = DownlinkOptions::with_playout_delay(
            Duration::from_micros(config.min_playout_delay_us as u64),
            Duration::from_micros(config.max_playout_delay_us as u64),
        );
        Ok(Self {
            half: DownlinkHalf::new(keys?, options, Randomness::new(|| OsRng)),
            datagram: InHand::default(),
        })
    }

    /// Forgets tracks and what was learnt of the network; keeps keys and replay windows.
    #[wasm_bindgen(js_name = openSession)]
    pub fn open_session(&mut self) {
        self.half.open_session();
    }

    /// Takes a message of the uplink worker's; `bytes` are wiped after they were read.
    ///
    /// # Errors
    ///
    /// Throws if it is none.
    #[wasm_bindgen(js_name = keyMessage)]
    pub fn key_message(&mut self, now_us: f64, mut bytes: Vec<u8>) -> Result<(), JsValue> {
        let message = KeyMessage::from_bytes(&bytes);
        bytes.zeroize();
        let message = message.ok_or(CallError::Argument("key message"))?;
        self.half.key_message(js::instant(now_us), message);
        Ok(())
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

    /// A frame for a decoder, in decoding order.
    #[wasm_bindgen(js_name = pollVideo)]
    pub fn poll_video(&mut self) -> Option<VideoOut> {
        self.half.poll_video().map(VideoOut::from)
    }

    /// Something that the worker should know, as a plain object; undefined if there is nothing.
    #[wasm_bindgen(js_name = pollEvent, unchecked_return_type = "engine.DownlinkEvent | undefined")]
    pub fn poll_event(&mut self) -> JsValue {
        let event = self.half.poll_event().map(Event::from);
        event.map_or(JsValue::UNDEFINED, |event| js::to_object(&event))
    }

    /// Receives a track from now on.
    ///
    /// # Errors
    ///
    /// Throws for an unknown kind.
    #[wasm_bindgen(js_name = addTrack)]
    pub fn add_track(&mut self, sender: u32, track: u8, kind: &str) -> Result<(), JsValue> {
        self.half
            .add_track(TrackId::new(sender, track), js::media_kind(kind)?);
        Ok(())
    }

    /// Receives a track no longer.
    #[wasm_bindgen(js_name = removeTrack)]
    pub fn remove_track(&mut self, sender: u32, track: u8) {
        self.half.remove_track(TrackId::new(sender, track));
    }

    /// A track's source pauses on purpose, or goes on: no freeze.
    #[wasm_bindgen(js_name = setPaused)]
    pub fn set_paused(&mut self, sender: u32, track: u8, paused: bool) {
        self.half.set_paused(TrackId::new(sender, track), paused);
    }

    /// A frame was decoded.
    #[wasm_bindgen(js_name = videoDecoded)]
    pub fn video_decoded(&mut self, now_us: f64, sender: u32, track: u8) {
        self.half
            .video_decoded(js::instant(now_us), TrackId::new(sender, track));
    }

    /// The decoder of a track failed and waits for a key frame.
    #[wasm_bindgen(js_name = videoDecodeFailed)]
    pub fn video_decode_failed(&mut self, now_us: f64, sender: u32, track: u8) {
        self.half
            .video_decode_failed(js::instant(now_us), TrackId::new(sender, track));
    }

    /// Forgets a participant.
    #[wasm_bindgen(js_name = removeSender)]
    pub fn remove_sender(&mut self, sender: u32) {
        self.half.remove_sender(sender);
    }

    /// Fills `out`, 480 samples of 48 kHz, with the mix of everybody; `plays_at_us` is when its
    /// first sample is heard.
    #[wasm_bindgen(js_name = renderAudio)]
    pub fn render_audio(&mut self, now_us: f64, out: &mut [f32], plays_at_us: f64) {
        self.half
            .render_audio(js::instant(now_us), out, js::instant(plays_at_us));
    }

    /// Whether there is anybody to hear.
    #[wasm_bindgen(js_name = hasAudio)]
    pub fn has_audio(&self) -> bool {
        self.half.has_audio()
    }

    /// How loud a track is mixed, 0 to 2; 1 is as it came.
    #[wasm_bindgen(js_name = setVolume)]
    pub fn set_volume(&mut self, sender: u32, track: u8, volume: f32) {
        self.half.set_volume(TrackId::new(sender, track), volume);
    }

    /// Statistics of receiving.
    #[wasm_bindgen(unchecked_return_type = "engine.DownlinkStats")]
    pub fn stats(&self, now_us: f64) -> JsValue {
        js::to_object(&self.half.stats(js::instant(now_us)))
    }
}
