//! The kernels, and the choice among them.
//!
//! All have the same functions: counter mode by batches, and GHASH. [`portable`] is plain and is
//! the definition of correct; the others are wider and are compared with it. None branches on a
//! secret or indexes memory by one.

mod bmul;
pub(crate) mod portable;
#[cfg(test)]
mod tests;

use alloc::boxed::Box;

use crate::gcm::{Gcm, GcmCipher};

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
pub(crate) mod wasm_simd128;
#[cfg(target_arch = "x86_64")]
pub(crate) mod x86_avx2;
#[cfg(target_arch = "x86_64")]
pub(crate) mod x86_avx512_gfni;
#[cfg(target_arch = "x86_64")]
mod x86_clmul;

/// An SM4-GCM key, expanded for the kernels that this machine runs best.
pub(crate) fn sm4_gcm(key: &[u8; 16]) -> Box<dyn GcmCipher> {
    // Chosen at compile time, so that a module with SIMD contains no portable kernel.
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    return wasm_simd128::gcm(key);
    #[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
    sm4_gcm_with(names()[0], key).expect("a listed back end runs")
}

/// The kernels that are compiled for x86-64, the best first. Each needs what those after it need.
#[cfg(target_arch = "x86_64")]
const COMPILED: [&str; 4] = ["x86_avx512_gfni", "x86_avx2_gfni", "x86_avx2", "portable"];

/// The kernels that this machine can run, the best first.
pub(crate) fn names() -> &'static [&'static str] {
    #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
    return &["wasm_relaxed_simd", "portable"];
    #[cfg(all(
        target_arch = "wasm32",
        target_feature = "simd128",
        not(target_feature = "relaxed-simd")
    ))]
    return &["wasm_simd128", "portable"];
    #[cfg(target_arch = "x86_64")]
    {
        let missing = match () {
            _ if x86_avx512_gfni::Avx512Gfni::detect().is_some() => 0,
            _ if x86_avx2::Avx2Gfni::detect().is_some() => 1,
            _ if x86_avx2::Avx2::detect().is_some() => 2,
            _ => 3,
        };
        &COMPILED[missing..]
    }
    #[cfg(not(any(
        target_arch = "x86_64",
        all(target_arch = "wasm32", target_feature = "simd128")
    )))]
    &["portable"]
}

/// An SM4-GCM key for the kernels called `name`; none if this machine cannot run them.
#[cfg_attr(
    all(
        target_arch = "wasm32",
        target_feature = "simd128",
        not(any(test, feature = "_test_support"))
    ),
    allow(dead_code, reason = "`sm4_gcm` chooses at compile time")
)]
pub(crate) fn sm4_gcm_with(name: &str, key: &[u8; 16]) -> Option<Box<dyn GcmCipher>> {
    Some(match name {
        "portable" => Box::new(Gcm::<_, portable::Ghash>::new(portable::Sm4::new(key))),
        #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
        "wasm_simd128" | "wasm_relaxed_simd" if names().contains(&name) => wasm_simd128::gcm(key),
        #[cfg(target_arch = "x86_64")]
        "x86_avx2_gfni" => x86_avx2::gcm_with_gfni(x86_avx2::Avx2Gfni::detect()?, key),
        #[cfg(target_arch = "x86_64")]
        "x86_avx2" => x86_avx2::gcm(x86_avx2::Avx2::detect()?, key),
        #[cfg(target_arch = "x86_64")]
        "x86_avx512_gfni" => x86_avx512_gfni::gcm(x86_avx512_gfni::Avx512Gfni::detect()?, key),
        _ => return None,
    })
}
