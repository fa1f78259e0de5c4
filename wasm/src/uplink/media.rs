//! The way of a picture and of sound into the uplink.
//!
//! A picture is copied once, by the browser, from its encoder to where it is sealed: [`UplinkEngine::video_buffer`] leaves
//! room for the SFrame header in front, [`UplinkEngine::seal_video`] encrypts in place, and the engine cuts the result into
//! packets, each copied behind a header of its own. JavaScript reads those where they lie.

use smrtc_engine::send::FrameParams;
use smrtc_engine::time::MediaTime;
use wasm_bindgen::prelude::*;

use super::{Session, UplinkEngine};
use crate::js;
use crate::messages::Event;
use crate::sealing::{self, Unsealed};

#[wasm_bindgen]
impl UplinkEngine {
    /// Whether a picture of `track` that was captured now is worth encoding; asked once for each, for asking counts.
    #[wasm_bindgen(js_name = wantsFrame)]
    pub fn wants_frame(&mut self, now_us: f64, track: u8) -> bool {
        self.uplink()
            .is_some_and(|uplink| uplink.wants_frame(js::instant(now_us), track))
    }

    /// The same of one size of a track that is sent in several, `spatial` from 0, the smallest.
    #[wasm_bindgen(js_name = wantsLayerFrame)]
    pub fn wants_layer_frame(&mut self, now_us: f64, track: u8, spatial: u8) -> bool {
        self.uplink()
            .is_some_and(|uplink| uplink.wants_layer_frame(js::instant(now_us), track, spatial))
    }

    /// Address of `length` bytes in Wasm memory, for the frame of the next [`Self::seal_video`].
    #[wasm_bindgen(js_name = videoBuffer)]
    pub fn video_buffer(&mut self, length: usize) -> usize {
        let sealer = self
            .session
            .as_ref()
            .and_then(|session| session.sealer.as_ref());
        self.video = Unsealed::with_length(sealer, length);
        self.video.text_address()
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
            media_time: media_time(media_time_us),
        };
        let frame = std::mem::take(&mut self.video);
        let sent = self.seal(now_us, track, params, frame);
        self.drain();
        sent
    }

    /// Takes microphone and loudspeaker samples, 48 kHz mono, of the same time; `end_us` is when the last was captured.
    #[wasm_bindgen(js_name = pushAudio)]
    pub fn push_audio(&mut self, now_us: f64, track: u8, near: &[f32], far: &[f32], end_us: f64) {
        self.capture.push(near, far);
        let second = self.samples_pushed / SAMPLES_PER_SECOND;
        self.samples_pushed += near.len() as u64;
        if self.samples_pushed / SAMPLES_PER_SECOND != second {
            self.tell_loss();
        }
        while let Some(packet) = self.capture.poll_packet() {
            let age_samples = self.samples_pushed.saturating_sub(packet.media_offset) as f64;
            let captured = media_time(end_us - age_samples * MICROS_PER_SAMPLE);
            let params = FrameParams::sound(captured);
            self.seal(now_us, track, params, packet.opus.into());
        }
        self.drain();
    }

    fn seal(&mut self, now_us: f64, track: u8, params: FrameParams, frame: Unsealed) -> bool {
        // Before the group's first epoch there is no key, so nothing is sent.
        let Some(Session {
            sealer: Some(sealer),
            uplink: Some(uplink),
            ..
        }) = &mut self.session
        else {
            return false;
        };
        match sealing::seal(uplink, sealer, js::instant(now_us), track, params, frame) {
            Ok(()) => true,
            Err(reason) => {
                self.events.push_back(Event::SealFailed { reason });
                false
            }
        }
    }
}

fn media_time(us: f64) -> MediaTime {
    MediaTime::from_micros(us.max(0.0) as u64)
}

const SAMPLES_PER_SECOND: u64 = 48_000;
const MICROS_PER_SAMPLE: f64 = 1e6 / SAMPLES_PER_SECOND as f64;
