//! The measurement for JavaScript.

use smrtc_e2ee::mls::Suite;
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = performance)]
    pub(crate) fn now() -> f64;
}

/// [`crate::costs`] as JSON. `suite` is the number of the cipher suite.
///
/// # Errors
///
/// A suite that there is not, and those of [`crate::costs`].
#[wasm_bindgen]
pub fn costs(suite: u16, sizes: &[u32], repeat: u32) -> Result<String, JsError> {
    let suite = Suite::try_from(suite)?;
    let costs = crate::costs(suite, sizes, repeat, |_| ())
        .map_err(|why| JsError::new(&format!("{why:#}")))?;
    Ok(serde_json::to_string(&costs)?)
}
