//! What JavaScript gets of a picture: where its bytes lie, and when to show it.

use std::ops::Range;

use smrtc_engine::time::Instant;
use smrtc_engine::wire::media::FrameHeader;
use wasm_bindgen::prelude::*;

use crate::js;
use crate::sealing;

/// A frame for a decoder. Its bytes stay in Wasm memory until it is freed.
#[wasm_bindgen]
pub struct VideoOut {
    header: FrameHeader,
    render_at: Instant,
    /// As it was opened: SFrame's header and tag are still around the text.
    opened: Vec<u8>,
    text: Range<usize>,
}

impl VideoOut {
    pub(super) fn new(header: FrameHeader, render_at: Instant, opened: Vec<u8>) -> Self {
        Self {
            header,
            render_at,
            text: sealing::text_of(&opened),
            opened,
        }
    }
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
        self.opened[self.text.clone()].as_ptr().addr()
    }

    /// How many there are.
    #[wasm_bindgen(getter, js_name = len)]
    pub fn byte_length(&self) -> usize {
        self.text.len()
    }
}
