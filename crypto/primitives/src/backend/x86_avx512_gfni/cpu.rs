//! Proof that the CPU has the features that these kernels use.

/// Proof that this CPU has the features used below. Only [`Self::detect`] makes one.
#[derive(Clone, Copy)]
pub(crate) struct Avx512Gfni(());

impl Avx512Gfni {
    pub(crate) fn detect() -> Option<Self> {
        features::get().then_some(Self(()))
    }
}

cpufeatures::new!(
    features,
    "avx512f",
    "avx512bw",
    "gfni",
    "pclmulqdq",
    "ssse3",
    "vpclmulqdq"
);
