//! Proofs that the CPU has the features that these kernels use.

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
