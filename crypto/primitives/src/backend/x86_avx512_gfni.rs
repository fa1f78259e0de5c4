//! Kernels in AVX-512 with GFNI and VPCLMULQDQ: 64 blocks in byte planes.
//!
//! All instructions used take the same time for all operands.
#![allow(
    unsafe_code,
    reason = "calls of functions that need CPU features, which `Avx512Gfni` proves; and loads and stores of \
              vectors, each of a whole array behind a reference"
)]

mod ghash;
mod sm4;
mod words;

use alloc::boxed::Box;
use core::arch::x86_64::{
    __m512i, _mm512_loadu_si512, _mm512_storeu_si512, _mm512_ternarylogic_epi32,
};

use crate::gcm::{Gcm, GcmCipher};

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

#[inline]
#[target_feature(enable = "avx512f")]
fn load(bytes: &[u8; 64]) -> __m512i {
    // SAFETY: the reference covers the 64 bytes that are read; no alignment is asked for.
    unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn store(v: __m512i, bytes: &mut [u8; 64]) {
    // SAFETY: the reference covers the 64 bytes that are written; no alignment is asked for.
    unsafe { _mm512_storeu_si512(bytes.as_mut_ptr().cast(), v) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn xor3(a: __m512i, b: __m512i, c: __m512i) -> __m512i {
    _mm512_ternarylogic_epi32::<0x96>(a, b, c)
}

/// An SM4-GCM key for these kernels.
pub(crate) fn gcm(cpu: Avx512Gfni, key: &[u8; 16]) -> Box<dyn GcmCipher> {
    Box::new(Gcm::<_, ghash::Ghash>::new(sm4::Sm4::new(cpu, key)))
}
