//! What a call from JavaScript throws: an `Error` with a sentence. What the network did wrong is counted, not thrown.

use wasm_bindgen::JsValue;

/// Why a call could not be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CallError {
    /// No such suite.
    #[error("unknown cipher suite")]
    UnknownSuite,
    /// The shared secret has another length.
    #[error("the key must have 16 to 64 bytes")]
    KeyLength,
    /// No randomness, or the provider has no key.
    #[error("no sealing key: {0}")]
    SenderKey(#[from] smrtc_e2ee::SenderKeyError),
    /// A certificate or revocation list of the room's policy.
    #[error("certificate: {0}")]
    Certificate(#[from] smrtc_e2ee::mls::CertificateError),
    /// No randomness for a request to certify a key, or a self-test failed.
    #[error("no certificate request: {0}")]
    Request(smrtc_e2ee::mls::CipherError),
    /// libopus or the processing did not start.
    #[error("the audio encoder did not start")]
    Audio,
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
