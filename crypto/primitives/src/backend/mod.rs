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
#[cfg(target_arch = "x86_64")]
pub(crate) mod x86_avx512_gfni;

/// An SM4-GCM key, expanded for the kernels that this machine runs best.
#[allow(
    clippy::large_enum_variant,
    reason = "a `Key` boxes it, and on one machine all are of one variant"
)]
pub(crate) enum Sm4Gcm {
    #[cfg_attr(
        all(target_arch = "wasm32", target_feature = "simd128"),
        allow(dead_code, reason = "a module with SIMD runs only where there is SIMD")
    )]
    Portable(Gcm<portable::Sm4, portable::Ghash>),
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    WasmSimd128(Gcm<wasm_simd128::Sm4, wasm_simd128::Ghash>),
    #[cfg(target_arch = "x86_64")]
    X86Avx512Gfni(Gcm<x86_avx512_gfni::Sm4, x86_avx512_gfni::Ghash>),
}

impl Sm4Gcm {
    pub(crate) fn new(key: &[u8; 16]) -> Self {
        #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
        return Self::WasmSimd128(Gcm::new(wasm_simd128::Sm4::new(key)));

        #[cfg(target_arch = "x86_64")]
        if let Some(cpu) = x86_avx512_gfni::Avx512Gfni::detect() {
            return Self::X86Avx512Gfni(Gcm::new(x86_avx512_gfni::Sm4::new(cpu, key)));
        }

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
            #[cfg(target_arch = "x86_64")]
            if x86_avx512_gfni::Avx512Gfni::detect().is_some() {
                return "x86_avx512_gfni";
            }
            "portable"
        }
    }

    pub(crate) fn seal(&self, nonce: &[u8], aad: &[u8], buffer: &mut [u8]) -> Tag {
        match self {
            Self::Portable(gcm) => gcm.seal(nonce, aad, buffer),
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Self::WasmSimd128(gcm) => gcm.seal(nonce, aad, buffer),
            #[cfg(target_arch = "x86_64")]
            Self::X86Avx512Gfni(gcm) => gcm.seal(nonce, aad, buffer),
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
            #[cfg(target_arch = "x86_64")]
            Self::X86Avx512Gfni(gcm) => gcm.open(nonce, aad, buffer, tag),
        }
    }
}
