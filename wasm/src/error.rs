//! What a call from JavaScript throws: an `Error` with a sentence. What the network did wrong is
//! counted, not thrown.

use wasm_bindgen::JsValue;

/// Why a call could not be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CallError {
    /// No such suite.
    #[error("unknown cipher suite")]
    UnknownSuite,
    /// The half could not be made, or has no key.
    #[error(transparent)]
    Setup(#[from] smrtc_client::SetupError),
    /// A certificate or revocation list of the room's policy.
    #[error("certificate: {0}")]
    Certificate(#[from] smrtc_e2ee::mls::CertificateError),
    /// No randomness for a request to certify a key, or a self-test failed.
    #[error("no certificate request: {0}")]
    Request(smrtc_e2ee::mls::CipherError),
    /// The object passed in is not what the method takes.
    #[error("invalid argument: {0}")]
    Argument(&'static str),
    /// There is no session with the gateway.
    #[error("there is no session")]
    NoSession,
}

impl From<CallError> for JsValue {
    fn from(error: CallError) -> Self {
        js_sys::Error::new(&error.to_string()).into()
    }
}
