//! Which cipher and kernels an algorithm takes.

use alloc::boxed::Box;

use aes_gcm::aes::{Aes128, Aes256};

use super::aes::AesGcm;
use crate::aead_types::{Algorithm, InvalidKeyLength};
use crate::backend;
use crate::gcm::GcmCipher;

/// Expands `key`. What comes out runs neither the self-test nor the checks of lengths.
///
/// # Errors
///
/// [`InvalidKeyLength`] if `key` is not [`Algorithm::key_bytes`] long.
pub(super) fn expand(
    algorithm: Algorithm,
    key: &[u8],
) -> Result<Box<dyn GcmCipher>, InvalidKeyLength> {
    let invalid = |_| InvalidKeyLength {
        expected: algorithm.key_bytes(),
    };
    Ok(match algorithm {
        Algorithm::Aes128Gcm => Box::new(AesGcm::<Aes128>::new(key.try_into().map_err(invalid)?)),
        Algorithm::Aes256Gcm => Box::new(AesGcm::<Aes256>::new(key.try_into().map_err(invalid)?)),
        Algorithm::Sm4Gcm => backend::sm4_gcm(key.try_into().map_err(invalid)?),
    })
}
