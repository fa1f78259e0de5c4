//! The engine's judgement of a direction, for the worker that has the numbers.

use std::time::Duration;

use smrtc_engine::quality::{QualityMeter, Report};
use wasm_bindgen::prelude::*;

use crate::js;

/// Follows one direction.
#[wasm_bindgen]
#[derive(Default)]
pub struct Quality(QualityMeter);

#[wasm_bindgen]
impl Quality {
    /// One that knows nothing yet.
    #[wasm_bindgen(constructor)]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes what is known now and rates the direction. A `delay_us` below 0 is unknown; `good` and
    /// `bad` are totals of packets or samples; `burst` is from 1.
    #[wasm_bindgen(unchecked_return_type = "engine.Quality")]
    pub fn update(
        &mut self,
        now_us: f64,
        delay_us: f64,
        good: f64,
        bad: f64,
        burst: f64,
    ) -> JsValue {
        let report = Report {
            delay: (delay_us >= 0.0).then(|| Duration::from_micros(delay_us as u64)),
            good: good.max(0.0) as u64,
            bad: bad.max(0.0) as u64,
            burst,
        };
        js::to_object(&self.0.update(js::instant(now_us), report))
    }
}
