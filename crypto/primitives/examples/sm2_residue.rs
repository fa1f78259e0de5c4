//! SM2 as a Wasm module whose memory `tests/sm2_residue.mjs` searches for secrets after each
//! operation.
#![allow(
    unsafe_code,
    reason = "exported names; the functions themselves take and return integers"
)]

use std::cell::RefCell;

use smrtc_crypto::conformance::sm2_exchange::{Initiator, Local, Peer, Responder};
use smrtc_crypto::hash::Hash;
use smrtc_crypto::rng::{Rng, RngError};
use smrtc_crypto::sm2::{DEFAULT_ID, SecretKey, Signature, pke};

/// The place where the page reads what it must then search for, and where it writes a seed. It
/// wipes both.
#[unsafe(no_mangle)]
pub extern "C" fn window() -> *const u8 {
    STATE.with(|state| state.borrow().window.as_ptr())
}

/// Draws a key, from the 32 bytes in the window.
#[unsafe(no_mangle)]
pub extern "C" fn generate() {
    with(|state| {
        state.key = SecretKey::generate(&mut state.rng()).ok();
        assert!(state.key.is_some());
    });
}

/// Writes the private key to the window.
#[unsafe(no_mangle)]
pub extern "C" fn reveal_key() {
    with(|state| {
        let bytes = state.key().to_bytes();
        state.show(bytes.expose());
    });
}

/// Signs, and writes the signature to the window.
#[unsafe(no_mangle)]
pub extern "C" fn sign() {
    with(|state| {
        let mut rng = state.rng();
        let signature = state.key().sign(DEFAULT_ID, b"message", &mut rng);
        let signature = signature.map(|signature| signature.to_bytes());
        state.show(&signature.expect("signs"));
    });
}

/// Verifies the signature in the window.
#[unsafe(no_mangle)]
pub extern "C" fn verify() {
    with(|state| {
        let bytes = state.window[..64].try_into().expect("64 bytes");
        let signature = Signature::from_bytes(bytes).expect("in range");
        let key = state.key().public_key();
        assert_eq!(key.verify(DEFAULT_ID, b"message", &signature), Ok(()));
    });
}

/// Agrees on a secret with itself, and writes it to the window.
#[unsafe(no_mangle)]
pub extern "C" fn agree() {
    with(|state| {
        let secret = state.key().agree(state.key().public_key()).expect("agrees");
        state.show(secret.expose());
    });
}

/// Encrypts the 32 bytes in the window, wipes them and decrypts; writes what comes out to the
/// window.
#[unsafe(no_mangle)]
pub extern "C" fn encrypt_and_decrypt() {
    with(|state| {
        let mut rng = state.rng();
        let message = &state.window[..32];
        let raw = pke::encrypt(state.key().public_key(), message, &mut rng).expect("encrypts");
        state.window.fill(0);
        let message = pke::decrypt(state.key(), &raw).expect("decrypts");
        state.show(message.expose());
    });
}

/// Exchanges a key with itself, and writes it to the window.
#[unsafe(no_mangle)]
pub extern "C" fn exchange() {
    with(|state| {
        let mut rng = state.rng();
        let key = state.key();
        let local = Local {
            key,
            id: DEFAULT_ID,
        };
        let peer = Peer {
            key: key.public_key(),
            id: DEFAULT_ID,
        };
        let (initiator, offer) = Initiator::start(local, peer, 32, &mut rng).expect("starts");
        let (responder, answer) =
            Responder::answer(local, peer, 32, &offer, &mut rng).expect("answers");
        let (ours, confirmation) = initiator.finish(&answer).expect("finishes");
        let theirs = responder.confirm(&confirmation).expect("confirms");
        assert_eq!(ours, theirs);
        state.show(theirs.expose());
    });
}

/// Drops the key.
#[unsafe(no_mangle)]
pub extern "C" fn drop_key() {
    with(|state| state.key = None);
}

struct State {
    window: [u8; 64],
    key: Option<SecretKey>,
    draws: u64,
}

impl State {
    /// A source that nobody else has: the seed in the window is wiped by the page. Only the count
    /// stays here.
    fn rng(&mut self) -> Source {
        self.draws += 1;
        let seed = Hash::Sm3.digest(&[&self.window[..32], &self.draws.to_be_bytes()]);
        Source(seed, 0)
    }

    fn key(&self) -> &SecretKey {
        self.key.as_ref().expect("generated")
    }

    fn show(&mut self, bytes: &[u8]) {
        self.window[..bytes.len()].copy_from_slice(bytes);
    }
}

struct Source(smrtc_crypto::hash::Digest, u64);

impl Rng for Source {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RngError> {
        for chunk in out.chunks_mut(32) {
            self.1 += 1;
            let block = Hash::Sm3.digest(&[self.0.as_bytes(), &self.1.to_be_bytes()]);
            chunk.copy_from_slice(&block.as_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

fn with(operation: impl FnOnce(&mut State)) {
    STATE.with(|state| operation(&mut state.borrow_mut()));
}

thread_local! {
    static STATE: RefCell<State> = const {
        RefCell::new(State { window: [0; 64], key: None, draws: 0 })
    };
}
