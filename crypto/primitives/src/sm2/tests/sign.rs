//! Signatures: what verifies and what does not, and the nonces behind them.

use alloc::vec::Vec;

use ::sm2::elliptic_curve::point::AffineCoordinates;

use super::{BrokenRng, ConstantRng, N, SeededRng, key, n_plus};
use crate::rng::RngError;
use crate::sm2::sign::digest;
use crate::sm2::{
    DEFAULT_ID, InvalidId, InvalidSignature, MAX_ID_BYTES, SecretKey, SignError, Signature,
    VerifyError, point, scalar,
};

#[test]
fn what_a_key_signs_its_public_key_verifies() {
    for seed in 0..8 {
        let (key, mut rng) = (key(seed), SeededRng::new(100 + seed));
        let message = alloc::vec![seed as u8; seed as usize * 37];
        let signature = key.sign(DEFAULT_ID, &message, &mut rng).unwrap();
        let public_key = key.public_key();
        assert_eq!(public_key.verify(DEFAULT_ID, &message, &signature), Ok(()));
        let der = signature.to_der();
        assert!(der.len() <= 72);
        assert_eq!(Signature::from_der(&der), Ok(signature.clone()));
        assert_eq!(Signature::from_bytes(&signature.to_bytes()), Ok(signature));
    }
}

#[test]
fn no_bit_can_be_changed() {
    let (key, id, message) = (key(1), b"alice@example.com", b"a message");
    let signature = key.sign(id, message, &mut SeededRng::new(2)).unwrap();
    let verify = |id: &[u8], message: &[u8], signature: &Signature| {
        key.public_key().verify(id, message, signature)
    };
    assert_eq!(verify(id, message, &signature), Ok(()));

    let flips = |bytes: &[u8]| -> Vec<Vec<u8>> {
        (0..8 * bytes.len())
            .map(|bit| {
                let mut changed = bytes.to_vec();
                changed[bit / 8] ^= 1 << (bit % 8);
                changed
            })
            .collect()
    };
    let mut tried = 0;
    for changed in flips(&signature.to_bytes()) {
        // Out of range is refused by the type itself.
        if let Ok(changed) = Signature::from_bytes(&changed.try_into().unwrap()) {
            assert_eq!(verify(id, message, &changed), Err(VerifyError::Signature));
            tried += 1;
        }
    }
    assert!(tried > 500);
    for changed in flips(message) {
        assert_eq!(
            verify(id, &changed, &signature),
            Err(VerifyError::Signature)
        );
    }
    for changed in flips(id) {
        assert_eq!(
            verify(&changed, message, &signature),
            Err(VerifyError::Signature)
        );
    }
    for (id, message) in [
        (&id[..16], &message[..]),
        (&id[..], &message[..8]),
        (b"", message),
        (id, b""),
    ] {
        assert_eq!(verify(id, message, &signature), Err(VerifyError::Signature));
    }
    let stranger = super::key(3);
    assert_eq!(
        stranger.public_key().verify(id, message, &signature),
        Err(VerifyError::Signature)
    );
}

#[test]
fn r_and_s_are_from_1_to_n_minus_1() {
    let join = |r: [u8; 32], s: [u8; 32]| -> [u8; 64] { [r, s].concat().try_into().unwrap() };
    let mut one = [0; 32];
    one[31] = 1;
    for good in [one, n_plus(-1)] {
        assert!(Signature::from_bytes(&join(good, one)).is_ok());
        assert!(Signature::from_bytes(&join(one, good)).is_ok());
    }
    for bad in [[0; 32], N, n_plus(1), [0xff; 32]] {
        for bytes in [join(bad, one), join(one, bad)] {
            assert_eq!(Signature::from_bytes(&bytes), Err(InvalidSignature));
            let mut numbers = Vec::new();
            for half in bytes.as_chunks::<32>().0 {
                crate::sm2::der::write_integer(&mut numbers, half);
            }
            let der = crate::sm2::der::sequence(&numbers);
            assert_eq!(Signature::from_der(&der), Err(InvalidSignature));
        }
    }
}

#[test]
fn a_signature_with_r_plus_s_equal_to_n_is_refused() {
    // With t = r + s = 0 the public key plays no part: e = r − x([s]G) would make it valid for any
    // key.
    let key = key(1);
    let s = scalar::reduce(&[7; 32]);
    let x = point::multiply_generator(&s).unwrap().x().into();
    let e = -s - scalar::reduce(&x);
    let forged = Signature::from_scalars(&-s, &s);
    assert!(!key.public_key().verify_digest(&e, &forged));
    // The same e is accepted for a signature that is one.
    let nonce = scalar::reduce(&[9; 32]);
    let right = key.sign_digest(&e, &nonce).unwrap();
    assert!(key.public_key().verify_digest(&e, &right));
}

#[test]
fn only_the_one_der_encoding_is_accepted() {
    let signature = key(1)
        .sign(DEFAULT_ID, b"message", &mut SeededRng::new(2))
        .unwrap();
    let der = signature.to_der();
    for cut in 0..der.len() {
        assert_eq!(Signature::from_der(&der[..cut]), Err(InvalidSignature));
    }
    assert_eq!(
        Signature::from_der(&[&der[..], &[0]].concat()),
        Err(InvalidSignature)
    );
    let mut accepted = 0;
    for bit in 0..8 * der.len() {
        let mut changed = der.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        if let Ok(other) = Signature::from_der(&changed) {
            assert_eq!(other.to_der(), changed);
            accepted += 1;
        }
    }
    assert!(accepted > 400, "bits of the numbers themselves");
}

#[test]
fn an_identity_has_at_most_8191_bytes() {
    let key = key(1);
    let mut rng = SeededRng::new(2);
    for len in [0, 1, MAX_ID_BYTES] {
        let id = alloc::vec![b'i'; len];
        let signature = key.sign(&id, b"message", &mut rng).unwrap();
        assert_eq!(key.public_key().verify(&id, b"message", &signature), Ok(()));
    }
    let long = alloc::vec![b'i'; MAX_ID_BYTES + 1];
    assert_eq!(
        key.sign(&long, b"message", &mut rng),
        Err(SignError::Id(InvalidId))
    );
    let signature = key.sign(b"", b"message", &mut rng).unwrap();
    assert_eq!(
        key.public_key().verify(&long, b"message", &signature),
        Err(VerifyError::Id(InvalidId))
    );
}

/// r − e, which is the x-coordinate of [k]G: equal for equal nonces.
fn nonce_of(key: &SecretKey, message: &[u8], signature: &Signature) -> [u8; 32] {
    let e = digest(DEFAULT_ID, key.public_key(), message).unwrap();
    let (r, _) = signature.scalars().unwrap();
    scalar::encode(&(r - e))
}

#[test]
fn a_source_that_repeats_itself_repeats_no_nonce() {
    let (one, other) = (key(1), key(2));
    let mut nonces = Vec::new();
    for key in [&one, &other] {
        for message in 0..50u8 {
            let signature = key.sign(DEFAULT_ID, &[message], &mut ConstantRng).unwrap();
            nonces.push(nonce_of(key, &[message], &signature));
        }
    }
    assert_eq!(nonces.len(), 100);
    nonces.sort_unstable();
    nonces.dedup();
    assert_eq!(nonces.len(), 100);
    // The same key and message: the same signature, which tells nothing new.
    let sign = |rng: &mut dyn crate::rng::Rng| one.sign(DEFAULT_ID, b"again", rng).unwrap();
    assert_eq!(sign(&mut ConstantRng), sign(&mut ConstantRng));
    // And with a source that moves on, another.
    let mut rng = SeededRng::new(3);
    assert_ne!(sign(&mut rng), sign(&mut rng));
}

#[test]
fn a_source_that_fails_signs_nothing() {
    assert_eq!(
        key(1).sign(DEFAULT_ID, b"message", &mut BrokenRng),
        Err(SignError::Random(RngError))
    );
}
