//! Breaks each self-test in turn and shows that the module then refuses everything (GM/T 0028
//! style).
//!
//! The error state cannot be left, so each test is broken in a process of its own: this program,
//! started again with the number of the test in its environment.
//!
//! ```sh
//! cargo test -p smrtc-crypto --features _test_support --test break_known_answers -- --nocapture
//! ```
#![cfg(feature = "_test_support")]

use std::env;
use std::process::Command;

use smrtc_crypto::aead::{Algorithm, Key, OpenError, SealError, Tag};
use smrtc_crypto::conformance::ccm::Sm4Ccm;
use smrtc_crypto::conformance::sm2_exchange::{
    Answer, ExchangeError, Initiator, Local, Offer, Peer, Responder,
};
use smrtc_crypto::rng::{Rng, RngError};
use smrtc_crypto::self_test::{self, SelfTestFailed, Status, Test};
use smrtc_crypto::sm2::pke::{self, DecryptError, EncryptError};
use smrtc_crypto::sm2::{
    AgreeError, DEFAULT_ID, KeyGenerationError, SecretKey, SignError, Signature, VerifyError,
};

#[test]
fn a_broken_known_answer_stops_everything() {
    for (number, test) in Test::ALL.iter().enumerate() {
        let output = run(&number.to_string());
        let line = line_of(&output);
        assert_eq!(
            line,
            format!(
                "RESULT {}: refused {SERVICES} of {SERVICES} services",
                test.name()
            )
        );
        println!("{line}");
    }
}

#[test]
fn with_nothing_broken_everything_is_served() {
    let line = line_of(&run("none"));
    assert_eq!(
        line,
        format!("RESULT nothing: refused 0 of {SERVICES} services")
    );
    println!("{line}");
}

#[test]
fn an_inconsistent_new_pair_stops_everything() {
    let line = line_of(&run("pair"));
    assert_eq!(
        line,
        format!("RESULT pair: refused {SERVICES} of {SERVICES} services")
    );
    println!("{line}");
}

/// The other process. `--exact` and `--ignored` choose it.
#[test]
#[ignore = "started by the other tests, in a process of its own"]
fn child() {
    let what = env::var(VARIABLE).expect("started by the other tests");
    let name = match what.as_str() {
        "none" => "nothing",
        "pair" => {
            // All known answers are right; the pair that is generated next is not.
            self_test::run_all().expect("nothing is broken yet");
            self_test::danger_break(Test::Sm2Pairwise);
            assert_eq!(
                SecretKey::generate(&mut Counter(0)).map(|_| ()),
                Err(KeyGenerationError::SelfTest(SelfTestFailed))
            );
            assert_eq!(Test::Sm2Pairwise.status(), Status::Failed);
            "pair"
        }
        number => {
            let test = Test::ALL[number.parse::<usize>().expect("a number")];
            self_test::danger_break(test);
            assert_eq!(test.status(), Status::Untested);
            assert_eq!(self_test::run_all(), Err(SelfTestFailed));
            assert_eq!(test.status(), Status::Failed);
            test.name()
        }
    };
    let expected = match what.as_str() {
        "none" => Status::Untested,
        _ => Status::Failed,
    };
    assert_eq!(self_test::status(), expected);
    let refused = services().into_iter().filter(|refused| *refused).count();
    println!("RESULT {name}: refused {refused} of {SERVICES} services");
}

/// Whether each service refused because of the self-tests. Anything else than that and success
/// panics.
fn services() -> [bool; SERVICES] {
    let mut rng = Counter(7);
    // Keys can be imported in the error state, but not used.
    let key = SecretKey::from_bytes(&[1; 32]).expect("below n");
    let peer = key.public_key();
    let (local, remote) = (
        Local {
            key: &key,
            id: DEFAULT_ID,
        },
        Peer {
            key: peer,
            id: DEFAULT_ID,
        },
    );
    let mut raw = [4; 97 + 1];
    raw[..65].copy_from_slice(&peer.to_sec1());
    let signature = Signature::from_bytes(&[1; 64]).expect("below n");
    let nonce = [0; 12];
    let seal = |algorithm, key: &[u8]| {
        let key = Key::new(algorithm, key).expect("right length");
        match key.seal_in_place(&nonce, b"", &mut [0; 16]) {
            Ok(_) => false,
            Err(SealError::SelfTest) => true,
            Err(other) => panic!("{other}"),
        }
    };
    let open = |algorithm, key: &[u8]| {
        let key = Key::new(algorithm, key).expect("right length");
        match key.open_in_place(&nonce, b"", &mut [0; 16], &Tag([0; 16])) {
            Err(OpenError::Authentication) => false,
            Err(OpenError::SelfTest) => true,
            other => panic!("{other:?}"),
        }
    };
    let ccm = Sm4Ccm::new(&[0; 16]);
    [
        seal(Algorithm::Sm4Gcm, &[0; 16]),
        open(Algorithm::Sm4Gcm, &[0; 16]),
        seal(Algorithm::Aes128Gcm, &[0; 16]),
        open(Algorithm::Aes128Gcm, &[0; 16]),
        seal(Algorithm::Aes256Gcm, &[0; 32]),
        open(Algorithm::Aes256Gcm, &[0; 32]),
        match ccm.seal_in_place(&nonce, b"", &mut [0; 16]) {
            Ok(_) => false,
            Err(SealError::SelfTest) => true,
            Err(other) => panic!("{other}"),
        },
        match ccm.open_in_place(&nonce, b"", &mut [0; 16], &Tag([0; 16])) {
            Err(OpenError::Authentication) => false,
            Err(OpenError::SelfTest) => true,
            other => panic!("{other:?}"),
        },
        match SecretKey::generate(&mut rng) {
            Ok(_) => false,
            Err(KeyGenerationError::SelfTest(_)) => true,
            Err(other) => panic!("{other}"),
        },
        match key.sign(DEFAULT_ID, b"message", &mut rng) {
            Ok(_) => false,
            Err(SignError::SelfTest(_)) => true,
            Err(other) => panic!("{other}"),
        },
        match peer.verify(DEFAULT_ID, b"message", &signature) {
            Err(VerifyError::Signature) => false,
            Err(VerifyError::SelfTest(_)) => true,
            other => panic!("{other:?}"),
        },
        match key.agree(peer) {
            Ok(_) => false,
            Err(AgreeError::SelfTest(_)) => true,
            Err(other) => panic!("{other}"),
        },
        match pke::encrypt(peer, b"message", &mut rng) {
            Ok(_) => false,
            Err(EncryptError::SelfTest(_)) => true,
            Err(other) => panic!("{other}"),
        },
        match pke::decrypt(&key, &raw) {
            Err(DecryptError::Authentication) => false,
            Err(DecryptError::SelfTest(_)) => true,
            other => panic!("{other:?}"),
        },
        match Initiator::start(local, remote, 16, &mut rng) {
            Ok((initiator, _)) => {
                // An exchange that has begun is served as well.
                let answer = Answer {
                    point: peer.to_sec1(),
                    confirmation: [0; 32],
                };
                let refused = initiator.finish(&answer).map(|_| ());
                assert_eq!(refused, Err(ExchangeError::Confirmation));
                false
            }
            Err(ExchangeError::SelfTest(_)) => true,
            Err(other) => panic!("{other}"),
        },
        match Responder::answer(local, remote, 16, &Offer(peer.to_sec1()), &mut rng) {
            Ok(_) => false,
            Err(ExchangeError::SelfTest(_)) => true,
            Err(other) => panic!("{other}"),
        },
    ]
}

fn run(what: &str) -> String {
    let program = env::current_exe().expect("this program has a path");
    let output = Command::new(program)
        .args(["--exact", "child", "--ignored", "--nocapture"])
        .env(VARIABLE, what)
        .output()
        .expect("this program starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{what}: {text}{errors}");
    text
}

fn line_of(output: &str) -> String {
    let start = output.find("RESULT").expect("the child reports");
    output[start..].lines().next().unwrap_or_default().into()
}

/// A source that moves on; the keys made of it protect nothing.
struct Counter(u8);

impl Rng for Counter {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RngError> {
        for byte in out {
            self.0 = self.0.wrapping_mul(5).wrapping_add(1);
            *byte = self.0;
        }
        self.0 = self.0.wrapping_add(1);
        Ok(())
    }
}

const SERVICES: usize = 16;
const VARIABLE: &str = "SMRTC_BREAK_SELF_TEST";
