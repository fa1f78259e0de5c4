//! The kernels, and the choice among them.
//!
//! All have the same functions: counter mode by batches, and GHASH. [`portable`] is plain and is the
//! definition of correct; the others are wider and are compared with it. None branches on a secret or
//! indexes memory by one.

#[cfg(test)]
mod agree;
mod bmul;
pub(crate) mod portable;

use crate::aead::{OpenError, Tag};
use crate::gcm::Gcm;

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
pub(crate) mod wasm_simd128;

/// An SM4-GCM key, expanded for the kernels that this machine runs best.
pub(crate) enum Sm4Gcm {
    #[cfg_attr(
        all(target_arch = "wasm32", target_feature = "simd128"),
        allow(dead_code, reason = "a module with SIMD runs only where there is SIMD")
    )]
    Portable(Gcm<portable::Sm4, portable::Ghash>),
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    WasmSimd128(Gcm<wasm_simd128::Sm4, wasm_simd128::Ghash>),
}

impl Sm4Gcm {
    pub(crate) fn new(key: &[u8; 16]) -> Self {
        #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
        return Self::WasmSimd128(Gcm::new(wasm_simd128::Sm4::new(key)));

        #[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
        Self::Portable(Gcm::new(portable::Sm4::new(key)))
    }

    /// The kernels that [`Self::new`] chooses on this machine.
    pub(crate) fn backend() -> &'static str {
        if cfg!(all(target_arch = "wasm32", target_feature = "relaxed-simd")) {
            "wasm_relaxed_simd"
        } else if cfg!(all(target_arch = "wasm32", target_feature = "simd128")) {
            "wasm_simd128"
        } else {
            "portable"
        }
    }

    pub(crate) fn seal(&self, nonce: &[u8], aad: &[u8], buffer: &mut [u8]) -> Tag {
        match self {
            Self::Portable(gcm) => gcm.seal(nonce, aad, buffer),
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Self::WasmSimd128(gcm) => gcm.seal(nonce, aad, buffer),
        }
    }

    pub(crate) fn open(
        &self,
        nonce: &[u8],
        aad: &[u8],
        buffer: &mut [u8],
        tag: &Tag,
    ) -> Result<(), OpenError> {
        match self {
            Self::Portable(gcm) => gcm.open(nonce, aad, buffer, tag),
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Self::WasmSimd128(gcm) => gcm.open(nonce, aad, buffer, tag),
        }
    }
}
