//! Key exchange with key confirmation (GB/T 32918.3-2016), cofactor 1.
//!
//! ```text
//! A (initiator)                                    B (responder)
//! R_A = [r_A]G            ── Offer ──▶             R_B = [r_B]G
//!                                                  V = [d_B + x̄2·r_B](P_A + [x̄1]R_A)    K, S_B
//! U = [d_A + x̄1·r_A](P_B + [x̄2]R_B)   ◀── Answer ──
//! S_B right?   K, S_A     ── Confirmation ──▶      S_A right?   K
//!
//! x̄ = 2^127 + (x mod 2^127)    K = KDF(x_V ‖ y_V ‖ Z_A ‖ Z_B)    U = V
//! S_B = SM3(02 ‖ y_V ‖ h)      S_A = SM3(03 ‖ y_V ‖ h)           h = SM3(x_V ‖ Z_A ‖ Z_B ‖ x1 ‖ y1 ‖ x2 ‖ y2)
//! ```
//!
//! The standard leaves the confirmation optional; here neither side gets the key without having
//! checked the other's tag. A step consumes the state of the one before, so no ephemeral key is
//! used twice. Each side knows the other's public key and identity beforehand; where they come from
//! is not decided here. A private key that leaks later does not give away the keys exchanged
//! before.

mod shared_key;
#[cfg(test)]
mod tests;

use core::fmt;

use ::sm2::AffinePoint;

use self::shared_key::Agreement;
use crate::hash::{Digest, Hash, known_answers::HMAC_SM3};
use crate::known_answer::{KnownAnswer, SelfTestFailed};
use crate::rng::{Rng, RngError};
use crate::secret::Secret;
use crate::sm2::nonce::{self, Nonces};
use crate::sm2::scalar::{self, SecretScalar};
use crate::sm2::scrub::scrubbed;
use crate::sm2::worked_examples::{D_A, D_B, EXCHANGED, R_A, R_B, S_A, S_B};
use crate::sm2::za::za;
use crate::sm2::{DEFAULT_ID, InvalidId, PUBLIC_KEY_BYTES, PublicKey, SecretKey, point};

/// The shortest key that can be exchanged, in bytes.
pub const MIN_KEY_BYTES: usize = 16;
/// The longest key that can be exchanged, in bytes: ours, not the standard's.
pub const MAX_KEY_BYTES: usize = 1024;

/// Why an exchange ended without a key. It cannot be resumed, only begun anew.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExchangeError {
    /// An identity is too long.
    #[error(transparent)]
    Id(#[from] InvalidId),
    /// The key length is not from [`MIN_KEY_BYTES`] to [`MAX_KEY_BYTES`].
    #[error("key length not from 16 to 1024 bytes")]
    KeyLength,
    /// The random source failed.
    #[error(transparent)]
    Random(#[from] RngError),
    /// The peer's ephemeral point is not on the curve, or gives infinity with its public key.
    #[error("bad point from the peer")]
    Point,
    /// The peer's tag is wrong: it is not who it should be, thinks us somebody else, or a message
    /// was changed.
    #[error("key confirmation failed")]
    Confirmation,
    /// The module is in its error state; there is nothing to do but end the process.
    #[error(transparent)]
    SelfTest(#[from] SelfTestFailed),
}

/// This side: its key and the identity the peer knows it by.
#[derive(Clone, Copy, Debug)]
pub struct Local<'a> {
    /// Our private key.
    pub key: &'a SecretKey,
    /// Our identity, at most [`crate::sm2::MAX_ID_BYTES`] bytes.
    pub id: &'a [u8],
}

/// The other side, as known before the exchange.
#[derive(Clone, Copy, Debug)]
pub struct Peer<'a> {
    /// The public key of the peer.
    pub key: &'a PublicKey,
    /// The identity of the peer, at most [`crate::sm2::MAX_ID_BYTES`] bytes.
    pub id: &'a [u8],
}

/// First message, initiator to responder: R_A, uncompressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer(pub [u8; PUBLIC_KEY_BYTES]);

/// Second message, responder to initiator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// R_B, uncompressed.
    pub point: [u8; PUBLIC_KEY_BYTES],
    /// S_B.
    pub confirmation: [u8; 32],
}

/// Third message, initiator to responder: S_A.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Confirmation(pub [u8; 32]);

/// The initiator, waiting for the [`Answer`].
pub struct Initiator {
    key: SecretKey,
    peer: AffinePoint,
    za: Digest,
    zb: Digest,
    r: SecretScalar,
    offered: AffinePoint,
    key_bytes: usize,
}

impl Initiator {
    /// Begins an exchange of a key of `key_bytes` bytes.
    ///
    /// # Errors
    ///
    /// [`ExchangeError::Id`], [`ExchangeError::KeyLength`], [`ExchangeError::Random`],
    /// [`ExchangeError::SelfTest`].
    pub fn start(
        local: Local<'_>,
        peer: Peer<'_>,
        key_bytes: usize,
        rng: &mut dyn Rng,
    ) -> Result<(Self, Offer), ExchangeError> {
        KNOWN_ANSWER.ensure()?;
        scrubbed(|| {
            let r = draw_ephemeral(local.key, peer, rng)?;
            Self::start_with(local, peer, key_bytes, r)
        })
    }

    /// Begins with a given r_A from 1 to n − 1, for test vectors.
    #[cfg(feature = "_test_support")]
    pub fn start_with_r(
        local: Local<'_>,
        peer: Peer<'_>,
        key_bytes: usize,
        r: &[u8; 32],
    ) -> Result<(Self, Offer), ExchangeError> {
        let r = scalar::decode_nonzero(r).ok_or(ExchangeError::Point)?;
        Self::start_with(local, peer, key_bytes, SecretScalar::new(r))
    }

    fn start_with(
        local: Local<'_>,
        peer: Peer<'_>,
        key_bytes: usize,
        r: SecretScalar,
    ) -> Result<(Self, Offer), ExchangeError> {
        check_length(key_bytes)?;
        let offered = point::multiply_generator(&r).ok_or(ExchangeError::Point)?;
        let initiator = Self {
            key: local.key.clone(),
            peer: peer.key.0,
            za: za(local.id, &local.key.public_key().0)?,
            zb: za(peer.id, &peer.key.0)?,
            r,
            offered,
            key_bytes,
        };
        Ok((initiator, Offer(point::encode(&offered))))
    }

    /// Checks the answer; gives the key and the confirmation to send. The peer has proved that it
    /// holds its private key and the same key.
    ///
    /// # Errors
    ///
    /// [`ExchangeError::Point`], [`ExchangeError::Confirmation`], [`ExchangeError::SelfTest`];
    /// nothing is to be sent then.
    pub fn finish(self, answer: &Answer) -> Result<(Secret, Confirmation), ExchangeError> {
        KNOWN_ANSWER.ensure()?;
        scrubbed(|| self.finish_untested(answer))
    }

    fn finish_untested(self, answer: &Answer) -> Result<(Secret, Confirmation), ExchangeError> {
        let answered = decode(&answer.point)?;
        let (key, tags) = Agreement {
            own: &self.key,
            own_r: &self.r,
            own_point: &self.offered,
            peer: &self.peer,
            peer_point: &answered,
        }
        .derive(
            [&self.za, &self.zb],
            [&self.offered, &answered],
            self.key_bytes,
        )
        .ok_or(ExchangeError::Point)?;
        if tags.responder.ct_eq(&answer.confirmation) {
            Ok((key, Confirmation(bytes_of(&tags.initiator))))
        } else {
            Err(ExchangeError::Confirmation)
        }
    }
}

impl fmt::Debug for Initiator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Initiator([redacted])")
    }
}

/// The responder, waiting for the [`Confirmation`].
pub struct Responder {
    key: Secret,
    expected: Digest,
}

impl Responder {
    /// Answers an offer. There is no key yet: the peer has proved nothing.
    ///
    /// # Errors
    ///
    /// [`ExchangeError`], except [`ExchangeError::Confirmation`]; nothing is to be sent then.
    pub fn answer(
        local: Local<'_>,
        peer: Peer<'_>,
        key_bytes: usize,
        offer: &Offer,
        rng: &mut dyn Rng,
    ) -> Result<(Self, Answer), ExchangeError> {
        KNOWN_ANSWER.ensure()?;
        scrubbed(|| {
            let r = draw_ephemeral(local.key, peer, rng)?;
            Self::answer_with(local, peer, key_bytes, offer, &r)
        })
    }

    /// Answers with a given r_B from 1 to n − 1, for test vectors.
    #[cfg(feature = "_test_support")]
    pub fn answer_with_r(
        local: Local<'_>,
        peer: Peer<'_>,
        key_bytes: usize,
        offer: &Offer,
        r: &[u8; 32],
    ) -> Result<(Self, Answer), ExchangeError> {
        let r = scalar::decode_nonzero(r).ok_or(ExchangeError::Point)?;
        Self::answer_with(local, peer, key_bytes, offer, &SecretScalar::new(r))
    }

    fn answer_with(
        local: Local<'_>,
        peer: Peer<'_>,
        key_bytes: usize,
        offer: &Offer,
        r: &SecretScalar,
    ) -> Result<(Self, Answer), ExchangeError> {
        check_length(key_bytes)?;
        let offered = decode(&offer.0)?;
        let answered = point::multiply_generator(r).ok_or(ExchangeError::Point)?;
        let za_initiator = za(peer.id, &peer.key.0)?;
        let za_responder = za(local.id, &local.key.public_key().0)?;
        let (key, tags) = Agreement {
            own: local.key,
            own_r: r,
            own_point: &answered,
            peer: &peer.key.0,
            peer_point: &offered,
        }
        .derive(
            [&za_initiator, &za_responder],
            [&offered, &answered],
            key_bytes,
        )
        .ok_or(ExchangeError::Point)?;
        let answer = Answer {
            point: point::encode(&answered),
            confirmation: bytes_of(&tags.responder),
        };
        let responder = Self {
            key,
            expected: tags.initiator,
        };
        Ok((responder, answer))
    }

    /// Checks the confirmation; gives the key. The peer has proved that it holds its private key
    /// and the same key.
    ///
    /// # Errors
    ///
    /// [`ExchangeError::Confirmation`], [`ExchangeError::SelfTest`].
    pub fn confirm(self, confirmation: &Confirmation) -> Result<Secret, ExchangeError> {
        KNOWN_ANSWER.ensure()?;
        scrubbed(|| self.confirm_untested(confirmation))
    }

    fn confirm_untested(self, confirmation: &Confirmation) -> Result<Secret, ExchangeError> {
        if self.expected.ct_eq(&confirmation.0) {
            Ok(self.key)
        } else {
            Err(ExchangeError::Confirmation)
        }
    }
}

impl fmt::Debug for Responder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Responder([redacted])")
    }
}

/// r from 1 to n − 1, tied to our key and the peer as well as to the source.
fn draw_ephemeral(
    own: &SecretKey,
    peer: Peer<'_>,
    rng: &mut dyn Rng,
) -> Result<SecretScalar, ExchangeError> {
    let randomness = nonce::draw(rng)?;
    let context = Hash::Sm3.digest(&[b"SM2 key exchange", &peer.key.to_sec1(), peer.id]);
    let context = scalar::reduce_digest(&context);
    Ok(Nonces::new(&own.scalar().to_bytes(), &context, randomness.as_ref()).next())
}

fn check_length(key_bytes: usize) -> Result<(), ExchangeError> {
    if (MIN_KEY_BYTES..=MAX_KEY_BYTES).contains(&key_bytes) {
        Ok(())
    } else {
        Err(ExchangeError::KeyLength)
    }
}

fn decode(bytes: &[u8; PUBLIC_KEY_BYTES]) -> Result<AffinePoint, ExchangeError> {
    point::decode(bytes).ok_or(ExchangeError::Point)
}

fn bytes_of(digest: &Digest) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest.as_bytes());
    bytes
}

/// Whether both sides of the example come to its key and tags.
pub(crate) static KNOWN_ANSWER: KnownAnswer =
    KnownAnswer::new(&[&HMAC_SM3], |fault| known_answer(fault).unwrap_or(false));

fn known_answer(fault: u8) -> Option<bool> {
    let (a, b) = (
        SecretKey::from_bytes(&D_A).ok()?,
        SecretKey::from_bytes(&D_B).ok()?,
    );
    let local = |key| Local {
        key,
        id: DEFAULT_ID,
    };
    let peer = |key| Peer {
        key,
        id: DEFAULT_ID,
    };
    let (to_a, to_b): (&PublicKey, &PublicKey) = (a.public_key(), b.public_key());
    let r_a = SecretScalar::new(scalar::decode_nonzero(&R_A)?);
    let r_b = SecretScalar::new(scalar::decode_nonzero(&R_B)?);
    let (initiator, offer): (_, Offer) =
        Initiator::start_with(local(&a), peer(to_b), EXCHANGED.len(), r_a).ok()?;
    let (responder, answer) =
        Responder::answer_with(local(&b), peer(to_a), EXCHANGED.len(), &offer, &r_b).ok()?;
    let right_answer = answer.confirmation == S_B;
    let (mut initiators, confirmation) = initiator.finish_untested(&answer).ok()?;
    initiators.expose_mut()[0] ^= fault;
    let right_confirmation = confirmation.0 == S_A;
    let responders = responder.confirm_untested(&confirmation).ok()?;
    Some(
        right_answer
            && right_confirmation
            && initiators.expose() == EXCHANGED
            && responders.expose() == EXCHANGED,
    )
}
