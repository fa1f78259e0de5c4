//! Kernels in AVX2 with PCLMULQDQ, for x86-64 without AVX-512 or GFNI: 64 blocks in bit planes.
#![allow(
    unsafe_code,
    reason = "calls of functions that need CPU features, which `Avx2` proves; and loads and stores of vectors, \
              each of a whole array behind a reference"
)]

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

/// An SM4-GCM key for these kernels.
pub(crate) fn gcm(cpu: Avx2, key: &[u8; 16]) -> Box<dyn GcmCipher> {
    Box::new(Gcm::<_, ghash::Ghash>::new(sm4::Sm4::new(cpu, key)))
}
