//! The way of video and audio into the engine.
//!
//! A frame is copied once, by the host, from its encoder into a [`FrameBuffer`], which leaves
//! room for the SFrame header. There it is encrypted in place. The engine cuts the result into
//! packets, each copied behind a header of its own.

use smrtc_engine::send::FrameParams;
use smrtc_engine::time::{Instant, MediaTime};

use super::{Session, UplinkEvent, UplinkHalf};
use crate::FrameBuffer;
use crate::sealing;

impl UplinkHalf {
    /// Whether a frame of `track` that was captured now is worth encoding. Ask once for each
    /// frame: asking counts.
    pub fn wants_frame(&mut self, now: Instant, track: u8) -> bool {
        self.engine_mut()
            .is_some_and(|uplink| uplink.wants_frame(now, track))
    }

    /// The same for one size of a track that is sent in several; `spatial` counts from 0, the
    /// smallest.
    pub fn wants_layer_frame(&mut self, now: Instant, track: u8, spatial: u8) -> bool {
        self.engine_mut()
            .is_some_and(|uplink| uplink.wants_layer_frame(now, track, spatial))
    }

    /// Seals one encoded frame and sends it. False if there is no session or no key, or if the
    /// engine refused it, which [`UplinkEvent::NotSent`] tells.
    pub fn send_frame(
        &mut self,
        now: Instant,
        track: u8,
        params: FrameParams,
        frame: FrameBuffer,
    ) -> bool {
        self.now = now;
        let sent = self.seal(now, track, params, frame);
        self.drain();
        sent
    }

    /// Takes samples of the microphone and those that the loudspeaker played at the same time, 48
    /// kHz mono, nominally within ±1. `end` is when the last one was captured, on the media clock,
    /// in microseconds.
    pub fn push_audio(&mut self, now: Instant, track: u8, near: &[f32], far: &[f32], end_us: f64) {
        self.now = now;
        let second = self.samples_pushed / SAMPLES_PER_SECOND;
        self.samples_pushed += near.len() as u64;
        if self.samples_pushed / SAMPLES_PER_SECOND != second {
            self.tell_loss();
        }
        if let Some(capture) = &mut self.capture {
            capture.push(near, far);
        }
        while let Some(packet) = self.capture.as_mut().and_then(|c| c.poll_packet()) {
            let age_samples = self.samples_pushed.saturating_sub(packet.media_offset) as f64;
            let captured_us = (end_us - age_samples * MICROS_PER_SAMPLE).max(0.0) as u64;
            let params = FrameParams::audio(MediaTime::from_micros(captured_us));
            self.seal(now, track, params, packet.opus.into());
        }
        self.drain();
    }

    fn seal(&mut self, now: Instant, track: u8, params: FrameParams, frame: FrameBuffer) -> bool {
        // Before the group's first epoch there is no key, so nothing is sent.
        let Some(Session {
            sealer: Some(sealer),
            uplink: Some(uplink),
            ..
        }) = &mut self.session
        else {
            return false;
        };
        match sealing::seal(uplink, sealer, now, track, params, frame) {
            Ok(()) => true,
            Err(error) => {
                self.events.push_back(UplinkEvent::NotSent(error));
                false
            }
        }
    }

    /// Tells the encoder how much is lost in spite of redundancy. What the codec itself adds
    /// against loss takes from the audio, so it must not grow with loss that redundancy mends.
    fn tell_loss(&mut self) {
        let loss = self
            .engine_mut()
            .map(|uplink| uplink.audio_loss_after_redundancy());
        if let (Some(loss), Some(capture)) = (loss, &mut self.capture) {
            // libopus refuses only values out of its range, and the range is clamped.
            let _ = capture.set_expected_loss(loss as f32);
        }
    }
}

const SAMPLES_PER_SECOND: u64 = 48_000;
const MICROS_PER_SAMPLE: f64 = 1e6 / SAMPLES_PER_SECOND as f64;
