//! Behaviour of the public names together.

use alloc::format;
use alloc::vec::Vec;

use super::exchange::{Initiator, Local, Peer, Responder};
use super::*;
use crate::hash::Hash;
use crate::rng::{Rng, RngError};

/// SM3 of a seed and a counter.
pub(super) struct TestRng {
    seed: u64,
    counter: u64,
}

impl TestRng {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed, counter: 0 }
    }
}

impl Rng for TestRng {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RngError> {
        for chunk in out.chunks_mut(32) {
            let block = Hash::Sm3.digest(&[&self.seed.to_be_bytes(), &self.counter.to_be_bytes()]);
            chunk.copy_from_slice(&block.as_bytes()[..chunk.len()]);
            self.counter += 1;
        }
        Ok(())
    }
}

fn key(seed: u64) -> SecretKey {
    SecretKey::generate(&mut TestRng::new(seed)).unwrap()
}

#[test]
fn what_a_key_signs_its_public_key_verifies() {
    for seed in 0..8 {
        let (key, mut rng) = (key(seed), TestRng::new(100 + seed));
        let message = alloc::vec![seed as u8; seed as usize * 37];
        let signature = key.sign(DEFAULT_ID, &message, &mut rng).unwrap();
        let public_key = PublicKey::from_sec1(&key.public_key().to_sec1()).unwrap();
        assert_eq!(public_key.verify(DEFAULT_ID, &message, &signature), Ok(()));
        assert_eq!(Signature::from_der(&signature.to_der()), Ok(signature));
    }
}

#[test]
fn what_is_encrypted_to_a_key_it_decrypts() {
    let (key, mut rng) = (key(1), TestRng::new(2));
    for len in [1, 2, 31, 32, 33, 64, 1000] {
        let message: Vec<u8> = (0..len).map(|i| i as u8).collect();
        let raw = pke::encrypt(key.public_key(), &message, &mut rng).unwrap();
        assert_eq!(raw.len(), len + pke::OVERHEAD_BYTES);
        assert_eq!(pke::decrypt(&key, &raw).unwrap().expose(), message);
        let der = pke::raw_to_der(&raw).unwrap();
        assert_eq!(pke::der_to_raw(&der).unwrap(), raw);
    }
}

#[test]
fn an_exchange_gives_both_sides_one_key() {
    let (a, b, mut rng) = (key(1), key(2), TestRng::new(3));
    let (initiator, offer) = Initiator::start(
        Local {
            key: &a,
            id: b"alice",
        },
        Peer {
            key: b.public_key(),
            id: b"bob",
        },
        48,
        &mut rng,
    )
    .unwrap();
    let (responder, answer) = Responder::answer(
        Local {
            key: &b,
            id: b"bob",
        },
        Peer {
            key: a.public_key(),
            id: b"alice",
        },
        48,
        &offer,
        &mut rng,
    )
    .unwrap();
    let (ours, confirmation) = initiator.finish(&answer).unwrap();
    assert_eq!(responder.confirm(&confirmation).unwrap(), ours);
    assert_eq!(ours.expose().len(), 48);
}

#[test]
fn nothing_secret_is_printed() {
    let key = key(1);
    let d: std::string::String = key
        .to_bytes()
        .expose()
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    let printed = format!("{key:?} {:?} {:#?}", key.to_bytes(), key);
    assert!(printed.contains("[redacted]"));
    assert!(!printed.to_lowercase().contains(&d[..8]));
}
