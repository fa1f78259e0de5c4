//! The implementation of this project: `smrtc-crypto` and `smrtc-e2ee`.

mod frames;
mod hashes;
mod modes;
mod seals;
mod sm2;

use crate::implementation::{Answer, Implementation, ImplementationError};
use crate::request::Request;

/// Which of the three builds for browsers this is.
const WASM_FEATURES: &str = if !cfg!(target_family = "wasm") {
    ""
} else if cfg!(target_feature = "relaxed-simd") {
    " relaxed-simd"
} else if cfg!(target_feature = "simd128") {
    " simd128"
} else {
    " scalar"
};

/// Ours, on one back end of SM4.
#[derive(Clone, Debug)]
pub struct Ours {
    backend: &'static str,
}

/// This machine does not run a back end of that name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no back end `{name}` on this machine; there are {}", available.join(", "))]
pub struct UnknownBackend {
    name: String,
    available: &'static [&'static str],
}

impl Ours {
    /// The back ends of this build that this machine runs, the one that is used by itself first.
    pub fn backends() -> &'static [&'static str] {
        smrtc_crypto::aead::sm4_backends()
    }

    /// On the back end that is used by itself.
    pub fn new() -> Self {
        Self {
            backend: Self::backends()[0],
        }
    }

    /// On the back end of this name.
    ///
    /// # Errors
    ///
    /// [`UnknownBackend`] if this machine has none of that name.
    pub fn with_backend(name: &str) -> Result<Self, UnknownBackend> {
        let available = Self::backends();
        available
            .iter()
            .find(|backend| **backend == name)
            .map(|backend| Self { backend })
            .ok_or_else(|| UnknownBackend {
                name: name.to_owned(),
                available,
            })
    }

    fn is_default(&self) -> bool {
        self.backend == Self::backends()[0]
    }
}

impl Default for Ours {
    fn default() -> Self {
        Self::new()
    }
}

impl Implementation for Ours {
    fn name(&self) -> String {
        format!("smrtc {}", env!("CARGO_PKG_VERSION"))
    }

    fn build(&self) -> String {
        let profile = if cfg!(debug_assertions) {
            "debug"
        } else {
            "release"
        };
        let system = match std::env::consts::OS {
            "" | "unknown" => "unknown",
            system => system,
        };
        format!(
            "{}-{system}{WASM_FEATURES}, {profile}",
            std::env::consts::ARCH
        )
    }

    fn backend(&self, request: &Request) -> String {
        let algorithm = request.algorithm();
        let backend = if algorithm == "SM4-GCM" || algorithm.ends_with("0xf001") {
            self.backend
        } else if algorithm.starts_with("SM4") {
            // Modes other than GCM have one back end.
            "portable"
        } else {
            "RustCrypto"
        };
        backend.to_owned()
    }

    fn answer(&mut self, request: &Request) -> Result<Answer, ImplementationError> {
        Ok(match request {
            Request::AeadSeal { .. } | Request::AeadOpen { .. } => {
                seals::answer(self.backend, request)
            }
            Request::Hash { .. }
            | Request::Mac { .. }
            | Request::MacVerify { .. }
            | Request::HkdfExtract { .. }
            | Request::Hkdf { .. } => hashes::answer(request),
            Request::SframeSeal {
                cipher_suite: 0xf001,
                ..
            }
            | Request::SframeOpen {
                cipher_suite: 0xf001,
                ..
            }
            | Request::ExternalKeyOpen {
                cipher_suite: 0xf001,
                ..
            } if !self.is_default() => {
                Answer::Unsupported("smrtc-e2ee always takes the first back end".into())
            }
            Request::SframeHeaderEncode { .. }
            | Request::SframeHeaderParse { .. }
            | Request::SframeSeal { .. }
            | Request::SframeOpen { .. }
            | Request::ExternalKeyOpen { .. } => frames::answer(request),
            Request::Encrypt { .. } | Request::Decrypt { .. } => modes::answer(request),
            Request::SignatureVerify { .. }
            | Request::SignatureSign { .. }
            | Request::PublicKey { .. }
            | Request::Ecdh { .. }
            | Request::PkeEncrypt { .. }
            | Request::PkeDecrypt { .. }
            | Request::KeyExchange { .. } => sm2::answer(request),
        })
    }
}
