//! Conversions that both shells use.

use serde::Serialize;
use serde::de::DeserializeOwned;
use smrtc_e2ee::mls::Suite;
use smrtc_e2ee::sframe::CipherSuite;
use smrtc_engine::time::Instant;
use smrtc_engine::wire::media::MediaKind;
use wasm_bindgen::JsValue;

use crate::error::CallError;

/// Microseconds of `performance.now`, as JavaScript holds them: a double, exact far beyond any
/// session's life.
pub(crate) fn instant(now_us: f64) -> Instant {
    Instant::from_micros(now_us.max(0.0) as u64)
}

/// The reverse; `FAR_FUTURE` is infinity.
pub(crate) fn micros(instant: Instant) -> f64 {
    if instant == Instant::FAR_FUTURE {
        f64::INFINITY
    } else {
        instant.as_micros() as f64
    }
}

/// A plain object with camelCase names.
pub(crate) fn to_object<T: Serialize>(value: &T) -> JsValue {
    let serializer = serde_wasm_bindgen::Serializer::new().serialize_maps_as_objects(true);
    value.serialize(&serializer).unwrap_or(JsValue::UNDEFINED)
}

/// Reads a plain object.
pub(crate) fn from_object<T: DeserializeOwned>(
    value: JsValue,
    what: &'static str,
) -> Result<T, CallError> {
    serde_wasm_bindgen::from_value(value).map_err(|_| CallError::Argument(what))
}

/// A suite by its registered name.
pub(crate) fn suite(name: &str) -> Result<CipherSuite, CallError> {
    CipherSuite::ALL
        .into_iter()
        .find(|suite| suite.name() == name)
        .ok_or(CallError::UnknownSuite)
}

/// A suite of group keys by the name that the SDK uses.
pub(crate) fn mls_suite(name: &str) -> Result<Suite, CallError> {
    match name {
        "SM2_SM4_GCM_SM3" => Ok(Suite::Sm2Sm4GcmSm3),
        "SM2_PKE_SM4_GCM_SM3" => Ok(Suite::Sm2PkeSm4GcmSm3),
        "P256_AES_128_GCM_SHA256" => Ok(Suite::P256Aes128GcmSha256),
        _ => Err(CallError::UnknownSuite),
    }
}

/// A kind of media by the name that the SDK uses.
pub(crate) fn media_kind(name: &str) -> Result<MediaKind, CallError> {
    match name {
        "audio" => Ok(MediaKind::Audio),
        "video" => Ok(MediaKind::Video),
        "screen" => Ok(MediaKind::Screen),
        _ => Err(CallError::Argument("kind")),
    }
}
