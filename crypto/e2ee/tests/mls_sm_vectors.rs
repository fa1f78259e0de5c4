//! Values of the private suites that the independent reference in `vectors/reference/mls.py`
//! computed.
#![allow(
    clippy::unwrap_used,
    reason = "a vector that is not as it should be fails the test"
)]

mod support;

use mls_rs::CipherSuiteProvider;
use mls_rs_core::crypto::HpkeCiphertext;
use serde::Deserialize;
use smrtc_e2ee::mls::{Ciphers, Provider, Suite};
use smrtc_e2ee::sframe::{BaseKey, CipherSuite, Kid, Sealer};
use smrtc_vectors::{Hex, load};

use support::SeededRng;

#[derive(Deserialize)]
struct Case {
    cipher_suite: u16,
    hpke: Hpke,
    initial_init_secret: Hex,
    epochs: Vec<Epoch>,
}

#[derive(Deserialize)]
struct Hpke {
    ikm: Hex,
    secret: Hex,
    public: Hex,
    sealed: Vec<Sealed>,
}

#[derive(Deserialize)]
struct Sealed {
    info: Hex,
    aad: Hex,
    text: Hex,
    enc: Hex,
    ciphertext: Hex,
}

#[derive(Deserialize)]
struct Epoch {
    epoch: u64,
    commit_secret: Hex,
    group_context: Hex,
    joiner_secret: Hex,
    welcome_secret: Hex,
    exporter_secret: Hex,
    epoch_authenticator: Hex,
    external_secret: Hex,
    external_pub: Hex,
    base_key: Hex,
    kid: String,
    frame: Hex,
}

/// ExpandWithLabel of RFC 9420 §8; labels and contexts here are shorter than 16,384 bytes.
fn expand(ciphers: &Ciphers, secret: &[u8], label: &str, context: &[u8], length: u16) -> Vec<u8> {
    let mut info = length.to_be_bytes().to_vec();
    for part in [format!("MLS 1.0 {label}").as_bytes(), context] {
        match part.len() {
            short @ 0..64 => info.push(short as u8),
            long => info.extend_from_slice(&(long as u16 | 0x4000).to_be_bytes()),
        }
        info.extend_from_slice(part);
    }
    ciphers
        .kdf_expand(secret, &info, length.into())
        .unwrap()
        .to_vec()
}

#[test]
fn hpke_key_schedule_and_frames_agree_with_the_reference() {
    let cases: Vec<Case> = load("mls/sm_suites.json");
    let suites: Vec<_> = cases.iter().map(|case| case.cipher_suite).collect();
    assert_eq!(suites, [0xF001, 0xF002]);
    for case in cases {
        let suite = Suite::try_from(case.cipher_suite).unwrap();
        let ciphers = Provider::new(suite, Box::new(SeededRng::new(1))).ciphers();
        let hpke = case.hpke;
        let (secret, public) = ciphers.kem_derive(&hpke.ikm).unwrap();
        assert_eq!((&*secret, &*public), (&*hpke.secret, &*hpke.public));
        assert_eq!(hpke.sealed.len(), 3);
        for sealed in hpke.sealed {
            let (info, aad) = (&sealed.info, Some(&*sealed.aad));
            let theirs = HpkeCiphertext {
                kem_output: sealed.enc.0,
                ciphertext: sealed.ciphertext.0,
            };
            let ours = ciphers.hpke_seal(&public, info, aad, &sealed.text).unwrap();
            assert_eq!(ours.kem_output.len(), theirs.kem_output.len());
            for mut ciphertext in [theirs, ours] {
                let opened = ciphers.hpke_open(&ciphertext, &secret, &public, info, aad);
                assert_eq!(*opened.unwrap(), sealed.text.0);
                let last = ciphertext.kem_output.len() - 1;
                ciphertext.kem_output[last] ^= 1;
                let opened = ciphers.hpke_open(&ciphertext, &secret, &public, info, aad);
                assert!(opened.is_err());
            }
        }

        let mut init = case.initial_init_secret.0;
        assert_eq!(case.epochs.len(), 3);
        for epoch in case.epochs {
            let context = &epoch.group_context;
            let extracted = ciphers.kdf_extract(&init, &epoch.commit_secret).unwrap();
            let joiner = expand(&ciphers, &extracted, "joiner", context, 32);
            assert_eq!(joiner, epoch.joiner_secret.0);
            let member = ciphers.kdf_extract(&joiner, &[0; 32]).unwrap();
            let secret = expand(&ciphers, &member, "epoch", context, 32);
            let derive = |from: &[u8], label| expand(&ciphers, from, label, b"", 32);
            assert_eq!(derive(&member, "welcome"), epoch.welcome_secret.0);
            assert_eq!(derive(&secret, "exporter"), epoch.exporter_secret.0);
            assert_eq!(
                derive(&secret, "authentication"),
                epoch.epoch_authenticator.0
            );
            assert_eq!(derive(&secret, "external"), epoch.external_secret.0);
            let (_, external_pub) = ciphers.kem_derive(&epoch.external_secret).unwrap();
            assert_eq!(*external_pub, *epoch.external_pub);
            let derived = derive(&epoch.exporter_secret, "SFrame 1.0 Base Key");
            let empty = ciphers.hash(b"").unwrap();
            let base_key = expand(&ciphers, &derived, "exported", &empty, 16);
            assert_eq!(base_key, epoch.base_key.0);

            let kid = Kid(epoch.kid.parse().unwrap());
            assert_eq!(kid.0 & 0xff, epoch.epoch & 0xff);
            let mut sealer = Sealer::new(CipherSuite::Sm4GcmSm3, kid, &BaseKey::new(&base_key));
            let mut frame = Vec::new();
            for _ in 0..=epoch.epoch {
                frame.clear();
                sealer.seal(b"metadata", b"a frame", &mut frame).unwrap();
            }
            assert_eq!(frame, epoch.frame.0);
            init = derive(&secret, "init");
        }
    }
}
