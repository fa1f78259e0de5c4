//! The two numbers of a signature and their encodings.

use alloc::vec::Vec;

use ::sm2::Scalar;

use super::{der, scalar};

/// Length of a signature in bytes: `r ‖ s`.
pub const SIGNATURE_BYTES: usize = 64;

/// The bytes are not a signature: malformed, or r or s is not from 1 to n − 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an SM2 signature")]
pub struct InvalidSignature;

/// A signature, r and s each from 1 to n − 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature([u8; SIGNATURE_BYTES]);

impl Signature {
    /// Decodes r ‖ s, each 32 bytes, big-endian.
    ///
    /// # Errors
    ///
    /// [`InvalidSignature`] if r or s is 0 or not below n.
    pub fn from_bytes(bytes: &[u8; SIGNATURE_BYTES]) -> Result<Self, InvalidSignature> {
        let signature = Self(*bytes);
        signature.scalars().map(|_| ()).ok_or(InvalidSignature)?;
        Ok(signature)
    }

    /// r ‖ s.
    pub fn to_bytes(&self) -> [u8; SIGNATURE_BYTES] {
        self.0
    }

    /// Decodes `SM2Signature ::= SEQUENCE { r INTEGER, s INTEGER }` (GM/T 0009), which certificates
    /// use.
    ///
    /// # Errors
    ///
    /// [`InvalidSignature`] for anything that [`Self::to_der`] does not give.
    pub fn from_der(der: &[u8]) -> Result<Self, InvalidSignature> {
        let numbers = || {
            let mut reader = der::Reader::sequence(der)?;
            let numbers = (reader.integer()?, reader.integer()?);
            reader.end()?;
            Some(numbers)
        };
        let (r, s) = numbers().ok_or(InvalidSignature)?;
        Self::from_bytes(&join(r, s))
    }

    /// `SM2Signature`, at most 72 bytes.
    pub fn to_der(&self) -> Vec<u8> {
        let (r, s) = self.halves();
        let mut numbers = Vec::with_capacity(70);
        der::write_integer(&mut numbers, &r);
        der::write_integer(&mut numbers, &s);
        der::sequence(&numbers)
    }

    pub(super) fn from_scalars(r: &Scalar, s: &Scalar) -> Self {
        Self(join(scalar::encode(r), scalar::encode(s)))
    }

    /// r and s, if both are from 1 to n − 1, which they are outside [`Self::from_bytes`].
    pub(super) fn scalars(&self) -> Option<(Scalar, Scalar)> {
        let (r, s) = self.halves();
        Some((scalar::decode_nonzero(&r)?, scalar::decode_nonzero(&s)?))
    }

    fn halves(&self) -> ([u8; 32], [u8; 32]) {
        let (mut r, mut s) = ([0; 32], [0; 32]);
        r.copy_from_slice(&self.0[..32]);
        s.copy_from_slice(&self.0[32..]);
        (r, s)
    }
}

fn join(r: [u8; 32], s: [u8; 32]) -> [u8; SIGNATURE_BYTES] {
    let mut bytes = [0; SIGNATURE_BYTES];
    bytes[..32].copy_from_slice(&r);
    bytes[32..].copy_from_slice(&s);
    bytes
}
