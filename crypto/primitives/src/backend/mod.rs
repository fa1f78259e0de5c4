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
pub(crate) mod x86_avx2;
#[cfg(target_arch = "x86_64")]
pub(crate) mod x86_avx512_gfni;
#[cfg(target_arch = "x86_64")]
mod x86_clmul;

/// An SM4-GCM key, expanded for the kernels that this machine runs best.
#[allow(
    clippy::large_enum_variant,
    reason = "a `Key` boxes it, and on one machine all are of one variant"
)]
pub(crate) enum Sm4Gcm {
    Portable(Gcm<portable::Sm4, portable::Ghash>),
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    WasmSimd128(Gcm<wasm_simd128::Sm4, wasm_simd128::Ghash>),
    #[cfg(target_arch = "x86_64")]
    X86Avx2(Gcm<x86_avx2::Sm4, x86_avx2::Ghash>),
    #[cfg(target_arch = "x86_64")]
    X86Avx512Gfni(Gcm<x86_avx512_gfni::Sm4, x86_avx512_gfni::Ghash>),
}

impl Sm4Gcm {
    pub(crate) fn new(key: &[u8; 16]) -> Self {
        // Spelled out, so that a module with SIMD carries no portable kernel.
        #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
        return Self::WasmSimd128(Gcm::new(wasm_simd128::Sm4::new(key)));
        #[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
        Self::with_backend(Self::backends()[0], key).expect("a listed back end runs")
    }

    /// The kernels that this machine can run, the best first.
    pub(crate) fn backends() -> &'static [&'static str] {
        #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
        return &["wasm_relaxed_simd", "portable"];
        #[cfg(all(
            target_arch = "wasm32",
            target_feature = "simd128",
            not(target_feature = "relaxed-simd")
        ))]
        return &["wasm_simd128", "portable"];
        #[cfg(target_arch = "x86_64")]
        if x86_avx2::Avx2::detect().is_some() {
            return match x86_avx512_gfni::Avx512Gfni::detect() {
                Some(_) => &["x86_avx512_gfni", "x86_avx2", "portable"],
                None => &["x86_avx2", "portable"],
            };
        }
        #[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
        &["portable"]
    }

    #[cfg_attr(
        all(
            target_arch = "wasm32",
            target_feature = "simd128",
            not(feature = "_test_support")
        ),
        allow(dead_code, reason = "`new` chooses at compile time")
    )]
    /// A key for the kernels called `name`; none if this machine cannot run them.
    pub(crate) fn with_backend(name: &str, key: &[u8; 16]) -> Option<Self> {
        Some(match name {
            "portable" => Self::Portable(Gcm::new(portable::Sm4::new(key))),
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            "wasm_simd128" | "wasm_relaxed_simd" if Self::backends().contains(&name) => {
                Self::WasmSimd128(Gcm::new(wasm_simd128::Sm4::new(key)))
            }
            #[cfg(target_arch = "x86_64")]
            "x86_avx2" => {
                let cpu = x86_avx2::Avx2::detect()?;
                Self::X86Avx2(Gcm::new(x86_avx2::Sm4::new(cpu, key)))
            }
            #[cfg(target_arch = "x86_64")]
            "x86_avx512_gfni" => {
                let cpu = x86_avx512_gfni::Avx512Gfni::detect()?;
                Self::X86Avx512Gfni(Gcm::new(x86_avx512_gfni::Sm4::new(cpu, key)))
            }
            _ => return None,
        })
    }

    pub(crate) fn seal(&self, nonce: &[u8], aad: &[u8], buffer: &mut [u8]) -> Tag {
        match self {
            Self::Portable(gcm) => gcm.seal(nonce, aad, buffer),
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Self::WasmSimd128(gcm) => gcm.seal(nonce, aad, buffer),
            #[cfg(target_arch = "x86_64")]
            Self::X86Avx2(gcm) => gcm.seal(nonce, aad, buffer),
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
            Self::X86Avx2(gcm) => gcm.open(nonce, aad, buffer, tag),
            #[cfg(target_arch = "x86_64")]
            Self::X86Avx512Gfni(gcm) => gcm.open(nonce, aad, buffer, tag),
        }
    }
}
