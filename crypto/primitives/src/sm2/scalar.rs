//! Numbers modulo the order n of the curve: strict decoding, and a cell for the secret ones.

use alloc::boxed::Box;
use core::ops::Deref;

use ::sm2::elliptic_curve::PrimeField;
use ::sm2::elliptic_curve::bigint::Reduce;
use ::sm2::{FieldBytes, Scalar};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

use crate::hash::Digest;

/// A secret number modulo n: one heap cell, so that a move copies nothing; wiped on drop; never
/// printed.
#[derive(Clone)]
pub(crate) struct SecretScalar(Box<Scalar>);

impl SecretScalar {
    pub(crate) fn new(scalar: Scalar) -> Self {
        Self(Box::new(scalar))
    }

    /// Big-endian.
    pub(crate) fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        let mut bytes = Zeroizing::new([0; 32]);
        bytes.copy_from_slice(&Zeroizing::new(self.0.to_repr()));
        bytes
    }
}

impl Deref for SecretScalar {
    type Target = Scalar;

    fn deref(&self) -> &Scalar {
        &self.0
    }
}

impl Drop for SecretScalar {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// The number `bytes`, big-endian, if it is from 1 to n − 1.
pub(crate) fn decode_nonzero(bytes: &[u8; 32]) -> Option<Scalar> {
    let repr = Zeroizing::new(FieldBytes::from(*bytes));
    let scalar = Scalar::from_repr(*repr).into_option()?;
    (!bool::from(scalar.ct_eq(&Scalar::ZERO))).then_some(scalar)
}

/// The number `bytes`, big-endian, modulo n.
pub(crate) fn reduce(bytes: &[u8; 32]) -> Scalar {
    Scalar::reduce(&FieldBytes::from(*bytes))
}

/// A hash output of 32 bytes, big-endian, modulo n.
pub(crate) fn reduce_digest(digest: &Digest) -> Scalar {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest.as_bytes());
    reduce(&bytes)
}

/// Big-endian.
pub(crate) fn encode(scalar: &Scalar) -> [u8; 32] {
    scalar.to_repr().into()
}
