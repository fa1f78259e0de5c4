//! Kernels in AVX-512 with GFNI and VPCLMULQDQ: 64 blocks in byte planes.
//!
//! All instructions used take the same time for all operands.
#![allow(
    unsafe_code,
    reason = "calls of functions that need CPU features, which `Avx512Gfni` proves; and loads and stores of \
              vectors, each of a whole array behind a reference"
)]

mod cpu;
mod ghash;
mod sm4;
mod vector;
mod words;

use alloc::boxed::Box;

use crate::gcm::{Gcm, GcmCipher};

pub(crate) use cpu::Avx512Gfni;

/// An SM4-GCM key for these kernels.
pub(crate) fn gcm(cpu: Avx512Gfni, key: &[u8; 16]) -> Box<dyn GcmCipher> {
    Box::new(Gcm::<_, ghash::Ghash>::new(sm4::Sm4::new(cpu, key)))
}
