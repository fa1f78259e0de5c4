//! Kernels in AVX2 with PCLMULQDQ, for x86-64 without AVX-512: 64 blocks in bit planes, and 32 in
//! byte planes for short texts; or, with GFNI, 32 in byte planes for all.
#![allow(
    unsafe_code,
    reason = "calls of functions that need CPU features, which `Avx2` proves; and loads and stores of vectors, \
              each of a whole array behind a reference"
)]

mod bytes;
mod gfni;
mod ghash;
mod sm4;

use alloc::boxed::Box;

use crate::gcm::{Gcm, GcmCipher};

/// Proof that this CPU has the features used below. Only [`Self::detect`] makes one.
#[derive(Clone, Copy)]
pub(crate) struct Avx2(());

impl Avx2 {
    pub(crate) fn detect() -> Option<Self> {
        features::get().then_some(Self(()))
    }
}

cpufeatures::new!(features, "avx2", "pclmulqdq", "ssse3");

/// Proof of the same and GFNI. Only [`Self::detect`] makes one.
#[derive(Clone, Copy)]
pub(crate) struct Avx2Gfni(());

impl Avx2Gfni {
    pub(crate) fn detect() -> Option<Self> {
        gfni_features::get().then_some(Self(()))
    }
}

cpufeatures::new!(gfni_features, "avx2", "gfni", "pclmulqdq", "ssse3");

/// An SM4-GCM key for these kernels.
pub(crate) fn gcm(cpu: Avx2, key: &[u8; 16]) -> Box<dyn GcmCipher> {
    Box::new(Gcm::<_, ghash::Ghash>::new(sm4::Sm4::new(cpu, key)))
}

/// The same, with GFNI.
pub(crate) fn gcm_with_gfni(cpu: Avx2Gfni, key: &[u8; 16]) -> Box<dyn GcmCipher> {
    Box::new(Gcm::<_, ghash::Ghash>::new(gfni::Sm4::new(cpu, key)))
}
