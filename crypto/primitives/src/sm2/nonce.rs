//! Secret numbers that are used once: k of a signature or an encryption, r of a key exchange.
//!
//! They come from HMAC-SM3 as RFC 6979 §3.2 generates them, with fresh randomness as the additional
//! data of its §3.6:
//!
//! ```text
//! V = 01…01    K = 00…00
//! K = HMAC(K, V ‖ 00 ‖ secret ‖ context ‖ randomness)    V = HMAC(K, V)
//! K = HMAC(K, V ‖ 01 ‖ secret ‖ context ‖ randomness)    V = HMAC(K, V)
//! candidate = V = HMAC(K, V);   if it is not from 1 to n − 1:   K = HMAC(K, V ‖ 00)   V = HMAC(K, V)
//! ```
//!
//! For a signature, `secret` is the private key and `context` is e mod n, where e = SM3(Z_A ‖ M).
//! So
//! - with a good source k is uniform and unpredictable, and a repeated signature differs, which
//!   hinders fault attacks on deterministic nonces;
//! - with a source that is constant, repeats (a restored snapshot) or is known, k is the
//!   deterministic nonce of RFC 6979: it repeats for the same key and message only, where it gives
//!   the same signature.
//!
//! A source that reports an error is believed: nothing is signed.

use ::sm2::Scalar;
use zeroize::Zeroizing;

use super::scalar::{self, SecretScalar};
use crate::hash::{Digest, Hash};
use crate::rng::{Rng, RngError};

/// Draws the fresh randomness of one operation.
pub(crate) fn draw(rng: &mut dyn Rng) -> Result<Zeroizing<[u8; 32]>, RngError> {
    let mut randomness = Zeroizing::new([0; 32]);
    rng.fill(randomness.as_mut())?;
    Ok(randomness)
}

/// An endless list of candidates.
pub(crate) struct Nonces {
    k: Digest,
    v: Digest,
}

impl Nonces {
    pub(crate) fn new(secret: &[u8; 32], context: &Scalar, randomness: &[u8]) -> Self {
        let context = scalar::encode(context);
        let k = Hash::Sm3.hmac(&[0; 32], &[&[1; 32], &[0], secret, &context, randomness]);
        let v = Hash::Sm3.hmac(k.as_bytes(), &[&[1; 32]]);
        let k = Hash::Sm3.hmac(
            k.as_bytes(),
            &[v.as_bytes(), &[1], secret, &context, randomness],
        );
        let v = Hash::Sm3.hmac(k.as_bytes(), &[v.as_bytes()]);
        Self { k, v }
    }

    /// The next number from 1 to n − 1.
    pub(crate) fn next(&mut self) -> SecretScalar {
        loop {
            self.v = Hash::Sm3.hmac(self.k.as_bytes(), &[self.v.as_bytes()]);
            let mut candidate = Zeroizing::new([0; 32]);
            candidate.copy_from_slice(self.v.as_bytes());
            // RFC 6979 updates K only when a candidate is turned down; so does the next call of
            // this.
            let scalar = scalar::decode_nonzero(&candidate).map(SecretScalar::new);
            self.k = Hash::Sm3.hmac(self.k.as_bytes(), &[self.v.as_bytes(), &[0]]);
            self.v = Hash::Sm3.hmac(self.k.as_bytes(), &[self.v.as_bytes()]);
            if let Some(scalar) = scalar {
                return scalar;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::sm2::Sm2;
    use ::sm2::elliptic_curve::Curve;

    #[test]
    fn nonces_are_those_of_rfc_6979_with_additional_data() {
        for seed in 1..20u8 {
            let secret = [seed; 32];
            let context = scalar::reduce(&[seed ^ 0xff; 32]);
            for randomness in [&[][..], &[seed; 32]] {
                let mut theirs = rfc6979::KGenerator::<sm3::Sm3, _>::new(
                    &secret,
                    &scalar::encode(&context),
                    randomness,
                    Sm2::ORDER.as_ref(),
                );
                let mut ours = Nonces::new(&secret, &context, randomness);
                for _ in 0..3 {
                    let mut expected = [0; 32];
                    theirs.fill_next_k(&mut expected);
                    assert_eq!(*ours.next().to_bytes(), expected);
                }
            }
        }
    }
}
