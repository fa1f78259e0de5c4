//! Encryption: what decrypts and what does not.

use alloc::vec::Vec;

use super::{BrokenRng, ConstantRng, SeededRng, key};
use crate::hash::Hash;
use crate::rng::RngError;
use crate::sm2::pke::{
    DecryptError, EncryptError, InvalidCiphertext, MAX_MESSAGE_BYTES, OVERHEAD_BYTES, decrypt,
    der_to_raw, encrypt, raw_to_der,
};
use crate::sm2::point::{self, SharedPoint};
use crate::sm2::{PUBLIC_KEY_BYTES, kdf, scalar};

#[test]
fn what_is_encrypted_to_a_key_it_decrypts() {
    let (key, mut rng) = (key(1), SeededRng::new(2));
    for len in [1, 2, 31, 32, 33, 64, 1000, MAX_MESSAGE_BYTES] {
        let message: Vec<u8> = (0..len).map(|i| i as u8).collect();
        let raw = encrypt(key.public_key(), &message, &mut rng).unwrap();
        assert_eq!(raw.len(), len + OVERHEAD_BYTES);
        assert_eq!(decrypt(&key, &raw).unwrap().expose(), message);
        assert_eq!(der_to_raw(&raw_to_der(&raw).unwrap()), Ok(raw));
    }
}

#[test]
fn no_bit_can_be_changed_and_no_other_key_decrypts() {
    let owner = key(1);
    let raw = encrypt(owner.public_key(), b"a secret", &mut SeededRng::new(2)).unwrap();
    for bit in 0..8 * raw.len() {
        let mut changed = raw.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let expected = if bit < 8 * PUBLIC_KEY_BYTES {
            DecryptError::Malformed
        } else {
            DecryptError::Authentication
        };
        assert_eq!(decrypt(&owner, &changed).err(), Some(expected), "bit {bit}");
    }
    assert_eq!(
        decrypt(&key(3), &raw).err(),
        Some(DecryptError::Authentication)
    );
    // Another point of the curve in the place of C1.
    let mut moved = raw.clone();
    moved[..PUBLIC_KEY_BYTES].copy_from_slice(&owner.public_key().to_sec1());
    assert_eq!(
        decrypt(&owner, &moved).err(),
        Some(DecryptError::Authentication)
    );
}

#[test]
fn lengths_out_of_bounds_are_refused() {
    let (key, mut rng) = (key(1), SeededRng::new(2));
    for len in [0, MAX_MESSAGE_BYTES + 1] {
        let message = alloc::vec![1; len];
        assert_eq!(
            encrypt(key.public_key(), &message, &mut rng),
            Err(EncryptError::Length)
        );
    }
    let mut raw = encrypt(key.public_key(), &[7; 40], &mut rng).unwrap();
    for cut in 0..=OVERHEAD_BYTES {
        assert_eq!(
            decrypt(&key, &raw[..cut]).err(),
            Some(DecryptError::Malformed)
        );
    }
    for cut in OVERHEAD_BYTES + 1..raw.len() {
        assert_eq!(
            decrypt(&key, &raw[..cut]).err(),
            Some(DecryptError::Authentication)
        );
    }
    raw.resize(OVERHEAD_BYTES + MAX_MESSAGE_BYTES + 1, 0);
    assert_eq!(decrypt(&key, &raw).err(), Some(DecryptError::Malformed));
}

#[test]
fn a_key_stream_of_zeros_is_refused() {
    // For messages of one byte the stream is zero for one nonce of 256, and C2 would be the
    // message.
    let key = key(1);
    let mut found = 0;
    for k in 1..=600u16 {
        let mut bytes = [0; 32];
        bytes[30..].copy_from_slice(&k.to_be_bytes());
        let k = scalar::decode_nonzero(&bytes).unwrap();
        let shared = SharedPoint::new(&k, &key.public_key().0).unwrap();
        if kdf::derive(&[shared.x.as_ref(), shared.y.as_ref()], 1).is_some() {
            continue;
        }
        found += 1;
        let message = b"m";
        assert!(crate::sm2::pke::try_encrypt(key.public_key(), message, &k).is_none());
        let c1 = point::encode(&point::multiply_generator(&k).unwrap());
        let c3 = Hash::Sm3.digest(&[shared.x.as_ref(), message, shared.y.as_ref()]);
        let forged = [&c1[..], c3.as_bytes(), message].concat();
        assert_eq!(
            decrypt(&key, &forged).err(),
            Some(DecryptError::Authentication)
        );
    }
    assert!(found > 0, "no such nonce was met");
}

#[test]
fn a_source_that_repeats_itself_gives_no_two_messages_one_stream() {
    let (one, other) = (key(1), key(2));
    let encrypt = |key: &crate::sm2::SecretKey, message: &[u8]| {
        encrypt(key.public_key(), message, &mut ConstantRng).unwrap()
    };
    let c1 = |raw: &[u8]| raw[..PUBLIC_KEY_BYTES].to_vec();
    let first = encrypt(&one, b"message");
    assert_ne!(c1(&first), c1(&encrypt(&one, b"another")));
    assert_ne!(c1(&first), c1(&encrypt(&other, b"message")));
}

#[test]
fn a_source_that_fails_encrypts_nothing() {
    assert_eq!(
        encrypt(key(1).public_key(), b"message", &mut BrokenRng),
        Err(EncryptError::Random(RngError))
    );
}

#[test]
fn only_the_one_der_encoding_is_accepted() {
    let raw = encrypt(key(1).public_key(), &[7; 20], &mut SeededRng::new(2)).unwrap();
    let der = raw_to_der(&raw).unwrap();
    for cut in 0..der.len() {
        assert_eq!(der_to_raw(&der[..cut]), Err(InvalidCiphertext));
        if cut < raw.len() - 19 {
            assert_eq!(raw_to_der(&raw[..cut]), Err(InvalidCiphertext));
        }
    }
    assert_eq!(
        der_to_raw(&[&der[..], &[0]].concat()),
        Err(InvalidCiphertext)
    );
    let mut accepted = 0;
    for bit in 0..8 * der.len() {
        let mut changed = der.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        if let Ok(raw) = der_to_raw(&changed) {
            assert_eq!(raw_to_der(&raw), Ok(changed));
            accepted += 1;
        }
    }
    assert!(accepted >= 8 * (32 + 20), "bits of C3 and C2");
}
