//! SM2's parsers never panic, and each accepts one encoding of a value only.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smrtc_crypto::conformance::sm2_exchange::{Local, Offer, Peer, Responder};
use smrtc_crypto::sm2::pke::{decrypt, der_to_raw, raw_to_der};
use smrtc_crypto::sm2::{DEFAULT_ID, PublicKey, SecretKey, Signature};

fuzz_target!(|data: &[u8]| {
    let Some((kind, data)) = data.split_first() else {
        return;
    };
    let key = || SecretKey::from_bytes(&[7; 32]).expect("below n");
    match kind % 6 {
        0 => {
            if let Ok(point) = PublicKey::from_sec1(data) {
                let encoded = point.to_sec1();
                assert!(data == encoded || data.len() == 33 && data[1..] == encoded[1..33]);
            }
        }
        1 => {
            if let Ok(signature) = Signature::from_der(data) {
                assert_eq!(signature.to_der(), data);
                assert_eq!(Signature::from_bytes(&signature.to_bytes()), Ok(signature));
            }
        }
        2 => {
            if let Ok(bytes) = data.try_into()
                && let Ok(signature) = Signature::from_bytes(bytes)
            {
                assert_eq!(
                    Signature::from_der(&signature.to_der()),
                    Ok(signature.clone())
                );
                // Whatever it is, it is not this key's.
                assert!(
                    key()
                        .public_key()
                        .verify(DEFAULT_ID, b"", &signature)
                        .is_err()
                );
            }
        }
        3 => {
            if let Ok(raw) = der_to_raw(data) {
                assert_eq!(raw_to_der(&raw).as_deref(), Ok(data));
            }
        }
        4 => {
            let _ = decrypt(&key(), data);
            if let Ok(der) = raw_to_der(data) {
                assert_eq!(der_to_raw(&der).as_deref(), Ok(data));
            }
        }
        _ => {
            if let Ok(point) = data.try_into() {
                let key = key();
                let (local, peer) = (
                    Local {
                        key: &key,
                        id: DEFAULT_ID,
                    },
                    Peer {
                        key: key.public_key(),
                        id: DEFAULT_ID,
                    },
                );
                let on_curve = PublicKey::from_sec1(data).is_ok();
                let answer = Responder::answer_with_r(local, peer, 16, &Offer(point), &[9; 32]);
                assert_eq!(answer.is_ok(), on_curve);
            }
        }
    }
});
