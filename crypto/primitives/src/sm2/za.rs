//! Who signs: the identity and Z_A, its hash with the curve and the public key (GB/T 32918.2-2016
//! §5.5).

use ::sm2::AffinePoint;
use ::sm2::elliptic_curve::point::AffineCoordinates;

use crate::hash::{Digest, Hash};

/// The identity to use where nothing else is agreed (GM/T 0009).
pub const DEFAULT_ID: &[u8] = b"1234567812345678";

/// The longest identity in bytes: its length in bits is written in two bytes.
pub const MAX_ID_BYTES: usize = 8191;

/// The identity is longer than [`MAX_ID_BYTES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("SM2 identity longer than 8191 bytes")]
pub struct InvalidId;

/// Z_A = SM3(ENTL ‖ ID ‖ a ‖ b ‖ x_G ‖ y_G ‖ x_A ‖ y_A).
pub(crate) fn za(id: &[u8], public_key: &AffinePoint) -> Result<Digest, InvalidId> {
    if id.len() > MAX_ID_BYTES {
        return Err(InvalidId);
    }
    let bits = u16::try_from(id.len() * 8).map_err(|_| InvalidId)?;
    let generator = AffinePoint::GENERATOR;
    Ok(Hash::Sm3.digest(&[
        &bits.to_be_bytes(),
        id,
        &A,
        &B,
        &generator.x(),
        &generator.y(),
        &public_key.x(),
        &public_key.y(),
    ]))
}

/// Coefficient a = p − 3 of the curve (GB/T 32918.5-2017).
const A: [u8; 32] = [
    0xff, 0xff, 0xff, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfc,
];

/// Coefficient b of the curve (GB/T 32918.5-2017).
const B: [u8; 32] = [
    0x28, 0xe9, 0xfa, 0x9e, 0x9d, 0x9f, 0x5e, 0x34, 0x4d, 0x5a, 0x9e, 0x4b, 0xcf, 0x65, 0x09, 0xa7,
    0xf3, 0x97, 0x89, 0xf5, 0x15, 0xab, 0x8f, 0x92, 0xdd, 0xbc, 0xbd, 0x41, 0x4d, 0x94, 0x0e, 0x93,
];
