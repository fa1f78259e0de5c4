//! Diffie-Hellman on the curve of SM2, with its known answer.

use super::point::SharedPoint;
use super::public_key::PublicKey;
use super::scrub::scrubbed;
use super::secret_key::SecretKey;
use super::worked_examples::{AGREED, D_A, D_B};
use crate::known_answer::{KnownAnswer, SelfTestFailed};
use crate::secret::Secret;

/// Why no secret was agreed.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AgreeError {
    /// The module is in its error state; there is nothing to do but end the process.
    #[error(transparent)]
    SelfTest(#[from] SelfTestFailed),
}

impl SecretKey {
    /// Diffie-Hellman: the x-coordinate, 32 bytes, of the point that both sides can compute.
    ///
    /// It is no key yet: derive one with the context of both sides. Authenticates nobody;
    /// [`crate::conformance::sm2_exchange`] does.
    ///
    /// # Errors
    ///
    /// See [`AgreeError`].
    pub fn agree(&self, peer: &PublicKey) -> Result<Secret, AgreeError> {
        KNOWN_ANSWER.ensure()?;
        Ok(scrubbed(|| self.agree_untested(peer)))
    }

    fn agree_untested(&self, peer: &PublicKey) -> Secret {
        let shared = SharedPoint::new(self.scalar(), &peer.0)
            .expect("the order is prime, the point not infinity and the scalar not zero");
        Secret::new(shared.x.as_ref())
    }
}

/// Whether both sides come to the known point.
pub(crate) static KNOWN_ANSWER: KnownAnswer =
    KnownAnswer::new(&[], |fault| known_answer(fault).unwrap_or(false));

fn known_answer(fault: u8) -> Option<bool> {
    let (a, b) = (
        SecretKey::from_bytes(&D_A).ok()?,
        SecretKey::from_bytes(&D_B).ok()?,
    );
    let mut agreed = a.agree_untested(b.public_key());
    agreed.expose_mut()[0] ^= fault;
    Some(agreed.expose() == AGREED && b.agree_untested(a.public_key()).expose() == AGREED)
}
