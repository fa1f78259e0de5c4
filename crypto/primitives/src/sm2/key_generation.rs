//! Generation of key pairs, each with a pairwise consistency test (GM/T 0028 style).

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::scrub::scrubbed;
use super::secret_key::{SECRET_KEY_BYTES, SecretKey};
use super::worked_examples::{D, MESSAGE, PLAINTEXT};
use super::za::DEFAULT_ID;
use super::{pke, sign};
use crate::known_answer::{KnownAnswer, SelfTestFailed};
use crate::rng::{Rng, RngError};

/// Why no key was generated.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyGenerationError {
    /// The random source failed.
    #[error(transparent)]
    Random(#[from] RngError),
    /// The random source gave the same 32 bytes twice in a row; it is stuck.
    #[error("the random source repeats itself")]
    StuckRandomness,
    /// The module is in its error state, perhaps since the new pair failed its consistency test;
    /// there is nothing to do but end the process.
    #[error(transparent)]
    SelfTest(#[from] SelfTestFailed),
}

impl SecretKey {
    /// Draws a key uniformly from 1 to n − 2 (GB/T 32918.1-2016 §6.1) and tests that the pair signs
    /// and verifies, encrypts and decrypts.
    ///
    /// # Errors
    ///
    /// See [`KeyGenerationError`].
    pub fn generate(rng: &mut dyn Rng) -> Result<Self, KeyGenerationError> {
        sign::KNOWN_ANSWER.ensure()?;
        pke::KNOWN_ANSWER.ensure()?;
        scrubbed(|| Self::draw(rng))
    }

    fn draw(rng: &mut dyn Rng) -> Result<Self, KeyGenerationError> {
        let mut previous = Zeroizing::new([0; SECRET_KEY_BYTES]);
        rng.fill(previous.as_mut())?;
        loop {
            let mut candidate = Zeroizing::new([0; SECRET_KEY_BYTES]);
            rng.fill(candidate.as_mut())?;
            if candidate.ct_eq(&*previous).into() {
                return Err(KeyGenerationError::StuckRandomness);
            }
            // Turned down about once in 2^32 draws.
            if let Ok(key) = Self::decode(candidate.as_ref()) {
                if !is_consistent(&key, rng, PAIRWISE.fault())? {
                    PAIRWISE.fail();
                    return Err(SelfTestFailed.into());
                }
                return Ok(key);
            }
            previous = candidate;
        }
    }
}

/// The consistency test. It runs with each pair that is generated, and on demand with the pair of
/// the examples, whose key is published, so that its nonces need not be secret.
pub(crate) static PAIRWISE: KnownAnswer =
    KnownAnswer::new(&[&sign::KNOWN_ANSWER, &pke::KNOWN_ANSWER], |fault| {
        SecretKey::from_bytes(&D)
            .is_ok_and(|key| is_consistent(&key, &mut Counter(0), fault) == Ok(true))
    });

/// Signs and verifies, encrypts and decrypts with a pair; whether that comes out right.
fn is_consistent(key: &SecretKey, rng: &mut dyn Rng, fault: u8) -> Result<bool, RngError> {
    let signature = key.sign_untested(DEFAULT_ID, MESSAGE, rng);
    let ciphertext = pke::encrypt_untested(key.public_key(), PLAINTEXT, rng);
    // Identity and length are right, so only the random source can have failed.
    let (Ok(signature), Ok(mut ciphertext)) = (signature, ciphertext) else {
        return Err(RngError);
    };
    ciphertext[1] ^= fault;
    let verified = key
        .public_key()
        .verify_untested(DEFAULT_ID, MESSAGE, &signature)
        .is_ok();
    let decrypted =
        pke::decrypt_untested(key, &ciphertext).is_ok_and(|text| text.expose() == PLAINTEXT);
    Ok(verified && decrypted)
}

/// For the nonces of the consistency test of a published key: nothing to keep secret.
struct Counter(u8);

impl Rng for Counter {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RngError> {
        self.0 += 1;
        out.fill(self.0);
        Ok(())
    }
}
