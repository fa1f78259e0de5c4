//! Kernels in AVX2 with PCLMULQDQ, for x86-64 without AVX-512: 64 blocks in bit planes, and 32 in
//! byte planes for short texts; or, with GFNI, 32 in byte planes for all.
#![allow(
    unsafe_code,
    reason = "calls of functions that need CPU features, which `Avx2` proves; and loads and stores of vectors, \
              each of a whole array behind a reference"
)]

mod bytes;
mod cpu;
mod gfni;
mod ghash;
mod sm4;
mod vector;

use alloc::boxed::Box;

use crate::gcm::{Gcm, GcmCipher};

pub(crate) use cpu::{Avx2, Avx2Gfni};

/// An SM4-GCM key for these kernels.
pub(crate) fn gcm(cpu: Avx2, key: &[u8; 16]) -> Box<dyn GcmCipher> {
    Box::new(Gcm::<_, ghash::Ghash>::new(sm4::Sm4::new(cpu, key)))
}

/// The same, with GFNI.
pub(crate) fn gcm_with_gfni(cpu: Avx2Gfni, key: &[u8; 16]) -> Box<dyn GcmCipher> {
    Box::new(Gcm::<_, ghash::Ghash>::new(gfni::Sm4::new(cpu, key)))
}
