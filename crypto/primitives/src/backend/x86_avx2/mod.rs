//! Kernels in AVX2 with PCLMULQDQ, for x86-64 without AVX-512 or GFNI: 64 blocks in bit planes.
#![allow(
    unsafe_code,
    reason = "calls of functions that need CPU features, which `Avx2` proves; and loads and stores of vectors, \
              each of a whole array behind a reference"
)]

mod ghash;
mod sm4;

pub(crate) use ghash::Ghash;
pub(crate) use sm4::Sm4;

/// Proof that this CPU has the features used below. Only [`Self::detect`] makes one.
#[derive(Clone, Copy)]
pub(crate) struct Avx2(());

impl Avx2 {
    pub(crate) fn detect() -> Option<Self> {
        features::get().then_some(Self(()))
    }
}

cpufeatures::new!(features, "avx2", "pclmulqdq", "ssse3");
