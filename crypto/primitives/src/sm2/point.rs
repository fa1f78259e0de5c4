//! Points: strict decoding (GB/T 32918.1-2016 §4.2.9), encoding, and multiplication that yields a
//! secret.

use ::sm2::elliptic_curve::point::{AffineCoordinates, DecompressPoint};
use ::sm2::elliptic_curve::subtle::Choice;
use ::sm2::{AffinePoint, FieldBytes, ProjectivePoint, Scalar};
use zeroize::Zeroizing;

/// Length of a public key in bytes: `04 ‖ x ‖ y`.
pub const PUBLIC_KEY_BYTES: usize = 65;

/// A point from its uncompressed (65 bytes) or compressed (33 bytes) form.
///
/// `None` for the point at infinity, a hybrid form, a coordinate that is not below the field's
/// prime, or a point that is not on the curve. The group has prime order (cofactor 1), so nothing
/// else needs checking.
pub(crate) fn decode(bytes: &[u8]) -> Option<AffinePoint> {
    let (tag, coordinates) = bytes.split_first()?;
    match (tag, coordinates.len()) {
        (4, 64) => {
            let (x, y) = coordinates.split_at(32);
            let (x, y) = (FieldBytes::try_from(x).ok()?, FieldBytes::try_from(y).ok()?);
            AffinePoint::from_coordinates(&x, &y).into_option()
        }
        (2 | 3, 32) => {
            let x = FieldBytes::try_from(coordinates).ok()?;
            AffinePoint::decompress(&x, Choice::from(tag & 1)).into_option()
        }
        _ => None,
    }
}

/// `04 ‖ x ‖ y`. The point must not be infinity, which none made by [`decode`] is.
pub(crate) fn encode(point: &AffinePoint) -> [u8; PUBLIC_KEY_BYTES] {
    let mut bytes = [4; PUBLIC_KEY_BYTES];
    bytes[1..33].copy_from_slice(&point.x());
    bytes[33..].copy_from_slice(&point.y());
    bytes
}

/// `[k]G` for a secret `k`. `None` if that is infinity, which only `k = 0` gives.
pub(crate) fn multiply_generator(k: &Scalar) -> Option<AffinePoint> {
    not_infinity(ProjectivePoint::GENERATOR * k)
}

/// `point`, unless it is infinity.
pub(crate) fn not_infinity(point: ProjectivePoint) -> Option<AffinePoint> {
    let affine = point.to_affine();
    (!bool::from(affine.is_identity())).then_some(affine)
}

/// Coordinates of a point that only the two sides know; wiped on drop.
pub(crate) struct SharedPoint {
    pub(crate) x: Zeroizing<[u8; 32]>,
    pub(crate) y: Zeroizing<[u8; 32]>,
}

impl SharedPoint {
    /// `[k]point` for a secret `k`; `None` if that is infinity.
    pub(crate) fn new(k: &Scalar, point: &AffinePoint) -> Option<Self> {
        let product = Zeroizing::new(ProjectivePoint::from(point) * k);
        let affine = Zeroizing::new(not_infinity(*product)?);
        let mut shared = Self {
            x: Zeroizing::new([0; 32]),
            y: Zeroizing::new([0; 32]),
        };
        shared.x.copy_from_slice(&Zeroizing::new(affine.x()));
        shared.y.copy_from_slice(&Zeroizing::new(affine.y()));
        Some(shared)
    }
}
