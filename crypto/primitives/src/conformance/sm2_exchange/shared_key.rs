//! The point that both sides compute, and what they derive from it.

use ::sm2::elliptic_curve::point::AffineCoordinates;
use ::sm2::{AffinePoint, ProjectivePoint, Scalar};
use zeroize::Zeroizing;

use crate::hash::{Digest, Hash};
use crate::secret::Secret;
use crate::sm2::point::{self, SharedPoint};
use crate::sm2::scalar::{self, SecretScalar};
use crate::sm2::{SecretKey, kdf};

/// What one side puts in; both come to the same point.
pub(super) struct Agreement<'a> {
    pub(super) own: &'a SecretKey,
    pub(super) own_r: &'a SecretScalar,
    pub(super) own_point: &'a AffinePoint,
    pub(super) peer: &'a AffinePoint,
    pub(super) peer_point: &'a AffinePoint,
}

/// The tags by which each side proves that it has the key.
pub(super) struct Tags {
    pub(super) initiator: Digest,
    pub(super) responder: Digest,
}

impl Agreement<'_> {
    /// The key and the tags; none if the shared point is infinity. `za` and `points` are the
    /// initiator's, then the responder's.
    pub(super) fn derive(
        &self,
        za: [&Digest; 2],
        points: [&AffinePoint; 2],
        key_bytes: usize,
    ) -> Option<(Secret, Tags)> {
        let shared = self.shared_point()?;
        let (x, y) = (shared.x.as_ref(), shared.y.as_ref());
        let za = za.map(Digest::as_bytes);
        let key = kdf::derive(&[x, y, za[0], za[1]], key_bytes)?;
        let [first, second] = points;
        let inner = Hash::Sm3.digest(&[
            x,
            za[0],
            za[1],
            &first.x(),
            &first.y(),
            &second.x(),
            &second.y(),
        ]);
        let tag = |role: u8| Hash::Sm3.digest(&[&[role], y, inner.as_bytes()]);
        let tags = Tags {
            initiator: tag(3),
            responder: tag(2),
        };
        Some((key, tags))
    }

    /// U or V.
    fn shared_point(&self) -> Option<SharedPoint> {
        let product = Zeroizing::new(shortened_x(self.own_point) * **self.own_r);
        let t = Zeroizing::new(**self.own.scalar() + *product);
        let base = ProjectivePoint::from(self.peer)
            + ProjectivePoint::from(self.peer_point) * shortened_x(self.peer_point);
        SharedPoint::new(&t, &point::not_infinity(base)?)
    }
}

/// x̄ = 2^w + (x mod 2^w) with w = ⌈⌈log2 n⌉ / 2⌉ − 1 = 127.
pub(super) fn shortened_x(point: &AffinePoint) -> Scalar {
    let x = point.x();
    let mut bytes = [0; 32];
    bytes[16..].copy_from_slice(&x[16..]);
    bytes[16] |= 0x80;
    scalar::reduce(&bytes)
}
