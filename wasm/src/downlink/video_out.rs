//! What JavaScript gets of a frame: where its bytes lie, and when to show it.

use smrtc_client::VideoFrame;
use wasm_bindgen::prelude::*;

use crate::js;

/// A frame for a decoder. Its bytes stay in Wasm memory until it is freed.
#[wasm_bindgen]
pub struct VideoOut(VideoFrame);

impl From<VideoFrame> for VideoOut {
    fn from(frame: VideoFrame) -> Self {
        Self(frame)
    }
}

#[wasm_bindgen]
impl VideoOut {
    /// The participant who sent it.
    #[wasm_bindgen(getter)]
    pub fn sender(&self) -> u32 {
        self.0.header.sender
    }

    /// The sender's track.
    #[wasm_bindgen(getter)]
    pub fn track(&self) -> u8 {
        self.0.header.track
    }

    /// Whether it decodes by itself.
    #[wasm_bindgen(getter)]
    pub fn key(&self) -> bool {
        self.0.header.key
    }

    /// When it was captured, on the sender's clock.
    #[wasm_bindgen(getter, js_name = mediaTimeUs)]
    pub fn media_time_us(&self) -> f64 {
        self.0.header.media_time.as_micros() as f64
    }

    /// When to show it, on our clock.
    #[wasm_bindgen(getter, js_name = renderAtUs)]
    pub fn render_at_us(&self) -> f64 {
        js::micros(self.0.render_at)
    }

    /// Where its bytes begin in Wasm memory.
    #[wasm_bindgen(getter)]
    pub fn ptr(&self) -> usize {
        self.0.text().as_ptr().addr()
    }

    /// How many there are.
    #[wasm_bindgen(getter, js_name = len)]
    pub fn byte_length(&self) -> usize {
        self.0.text().len()
    }
}
