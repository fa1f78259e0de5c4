//! The kernels, and the choice among them.
//!
//! All have the same functions: counter mode by batches, and GHASH. [`portable`] is plain and is the
//! definition of correct; the others are wider and are compared with it. None branches on a secret or
//! indexes memory by one.

#[cfg(test)]
mod agree;
mod bmul;
pub(crate) mod portable;

use crate::aead::{OpenError, Tag};
use crate::gcm::Gcm;

/// An SM4-GCM key, expanded for the kernels that this machine runs best.
pub(crate) enum Sm4Gcm {
    Portable(Gcm<portable::Sm4, portable::Ghash>),
}

impl Sm4Gcm {
    pub(crate) fn new(key: &[u8; 16]) -> Self {
        Self::Portable(Gcm::new(portable::Sm4::new(key)))
    }

    pub(crate) fn seal(&self, nonce: &[u8], aad: &[u8], buffer: &mut [u8]) -> Tag {
        match self {
            Self::Portable(gcm) => gcm.seal(nonce, aad, buffer),
        }
    }

    pub(crate) fn open(
        &self,
        nonce: &[u8],
        aad: &[u8],
        buffer: &mut [u8],
        tag: &Tag,
    ) -> Result<(), OpenError> {
        match self {
            Self::Portable(gcm) => gcm.open(nonce, aad, buffer, tag),
        }
    }
}
