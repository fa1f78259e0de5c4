//! Public keys.

use core::fmt;

use ::sm2::AffinePoint;

use super::point::{self, PUBLIC_KEY_BYTES};

/// The bytes are not a public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a point of the SM2 curve")]
pub struct InvalidPublicKey;

/// A point of the curve other than infinity.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey(pub(crate) AffinePoint);

impl PublicKey {
    /// Decodes the uncompressed form of 65 bytes, `04 ‖ x ‖ y`, or the compressed of 33, `02 ‖ x`
    /// or `03 ‖ x` (SEC 1 §2.3.4, GB/T 32918.1-2016 §4.2.9).
    ///
    /// # Errors
    ///
    /// [`InvalidPublicKey`] for any other form, a coordinate that is not below the prime, a point
    /// that is not on the curve, and infinity.
    pub fn from_sec1(bytes: &[u8]) -> Result<Self, InvalidPublicKey> {
        point::decode(bytes).map(Self).ok_or(InvalidPublicKey)
    }

    /// The uncompressed form, `04 ‖ x ‖ y`.
    pub fn to_sec1(&self) -> [u8; PUBLIC_KEY_BYTES] {
        point::encode(&self.0)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PublicKey(")?;
        for byte in self.to_sec1() {
            write!(f, "{byte:02x}")?;
        }
        f.write_str(")")
    }
}
