//! SM2 against an implementation that shares no code with ours: the crate `libsmx`, with field,
//! curve and SM3 of its own. Published examples are in `vectors/`; here are random keys and
//! messages.

use libsmx::sm2 as theirs;
use smrtc_crypto::conformance::sm2_exchange::{Answer, Initiator, Local, Offer, Peer, Responder};
use smrtc_crypto::hash::Hash;
use smrtc_crypto::rng::{Rng, RngError};
use smrtc_crypto::sm2::{PublicKey, SecretKey, Signature, pke};

const ROUNDS: u64 = 12;

#[test]
fn each_verifies_what_the_other_signs() {
    let mut rng = Seeded::new(1);
    for round in 0..ROUNDS {
        let (ours, other) = pair(&mut rng);
        let id = vec![b'i'; round as usize * 7];
        let message = vec![b'm'; round as usize * 29];
        let public_key = ours.public_key().to_sec1();
        assert_eq!(other.public_key(), public_key);

        let signature = ours.sign(&id, &message, &mut rng).expect("signs");
        let theirs_says = theirs::verify_message(&message, &id, &public_key, &signature.to_bytes());
        assert!(theirs_says.is_ok(), "{theirs_says:?}");

        let signature = theirs::sign_message(&message, &id, &other, &mut rng);
        let signature = Signature::from_bytes(&signature).expect("in range");
        assert_eq!(ours.public_key().verify(&id, &message, &signature), Ok(()));
        assert!(ours.public_key().verify(&id, b"other", &signature).is_err());
    }
}

#[test]
fn each_decrypts_what_the_other_encrypts() {
    let mut rng = Seeded::new(2);
    for round in 0..ROUNDS {
        let (ours, other) = pair(&mut rng);
        let message = vec![b'm'; 1 + round as usize * 29];
        let raw = pke::encrypt(ours.public_key(), &message, &mut rng).expect("encrypts");
        assert_eq!(theirs::decrypt(&other, &raw).expect("decrypts"), message);
        let raw =
            theirs::encrypt(&ours.public_key().to_sec1(), &message, &mut rng).expect("encrypts");
        assert_eq!(
            pke::decrypt(&ours, &raw).expect("decrypts").expose(),
            message
        );
    }
}

#[test]
fn both_agree_on_one_secret() {
    let mut rng = Seeded::new(3);
    for _ in 0..ROUNDS {
        let ((ours, _), (peer, other)) = (pair(&mut rng), pair(&mut rng));
        let secret = ours.agree(peer.public_key()).expect("agrees");
        let of_theirs = theirs::key_exchange::ecdh(&other, &ours.public_key().to_sec1());
        assert_eq!(secret.expose(), of_theirs.expect("agrees"));
    }
}

#[test]
fn either_side_of_an_exchange_may_be_the_other_implementation() {
    let mut rng = Seeded::new(4);
    for round in 0..ROUNDS {
        let ((a, their_a), (b, their_b)) = (pair(&mut rng), pair(&mut rng));
        let (a_public, b_public) = (a.public_key().to_sec1(), b.public_key().to_sec1());
        let len = 16 + round as usize * 9;
        let (id_a, id_b) = (b"alice", b"bob");

        // We begin.
        let local = Local { key: &a, id: id_a };
        let peer = Peer {
            key: b.public_key(),
            id: id_b,
        };
        let (initiator, offer) = Initiator::start(local, peer, len, &mut rng).expect("starts");
        let ephemeral = theirs::key_exchange::EphemeralKey::generate(&mut rng);
        let result = theirs::key_exchange::exchange_b(
            len, id_a, id_b, &their_b, &a_public, &b_public, &ephemeral, &offer.0,
        )
        .expect("answers");
        let answer = Answer {
            point: *ephemeral.public_key(),
            confirmation: result.s_self,
        };
        let (key, confirmation) = initiator.finish(&answer).expect("finishes");
        assert_eq!(key.expose(), result.key);
        assert_eq!(confirmation.0, result.s_peer);

        // They begin.
        let ephemeral = theirs::key_exchange::EphemeralKey::generate(&mut rng);
        let local = Local { key: &b, id: id_b };
        let peer = Peer {
            key: a.public_key(),
            id: id_a,
        };
        let offer = Offer(*ephemeral.public_key());
        let (responder, answer) =
            Responder::answer(local, peer, len, &offer, &mut rng).expect("answers");
        let result = theirs::key_exchange::exchange_a(
            len,
            id_a,
            id_b,
            &their_a,
            &a_public,
            &b_public,
            &ephemeral,
            &answer.point,
        )
        .expect("finishes");
        assert_eq!(result.s_peer, answer.confirmation);
        let confirmation = smrtc_crypto::conformance::sm2_exchange::Confirmation(result.s_self);
        let key = responder.confirm(&confirmation).expect("confirms");
        assert_eq!(key.expose(), result.key);
    }
}

/// One key in both implementations.
fn pair(rng: &mut Seeded) -> (SecretKey, theirs::PrivateKey) {
    let ours = SecretKey::generate(rng).expect("generates");
    let bytes: [u8; 32] = ours.to_bytes().expose().try_into().expect("32 bytes");
    let other = theirs::PrivateKey::from_bytes(&bytes).expect("in range");
    let public_key = PublicKey::from_sec1(&other.public_key()).expect("on the curve");
    assert_eq!(&public_key, ours.public_key());
    (ours, other)
}

/// SM3 of a seed and a counter.
struct Seeded {
    seed: u64,
    counter: u64,
}

impl Seeded {
    fn new(seed: u64) -> Self {
        Self { seed, counter: 0 }
    }
}

impl Rng for Seeded {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RngError> {
        for chunk in out.chunks_mut(32) {
            let block = Hash::Sm3.digest(&[&self.seed.to_be_bytes(), &self.counter.to_be_bytes()]);
            chunk.copy_from_slice(&block.as_bytes()[..chunk.len()]);
            self.counter += 1;
        }
        Ok(())
    }
}

impl rand_core_06::RngCore for Seeded {
    fn next_u32(&mut self) -> u32 {
        self.next_u64() as u32
    }

    fn next_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.fill_bytes(&mut bytes);
        u64::from_be_bytes(bytes)
    }

    fn fill_bytes(&mut self, out: &mut [u8]) {
        self.fill(out).expect("never fails");
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), rand_core_06::Error> {
        self.fill_bytes(out);
        Ok(())
    }
}
