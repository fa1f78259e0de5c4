//! After one wrong known answer no suite seals or opens any more, for good.
//!
//! In a process of its own: the error state cannot be left.

use smrtc_crypto::aead::Algorithm;
use smrtc_e2ee::ExternalKey;
use smrtc_e2ee::sframe::{BaseKey, CipherSuite, KeyStore, Kid, OpenError, SealError, Sealer};

#[test]
fn a_failed_known_answer_stops_sealing_and_opening_in_every_suite() {
    let frame = |suite| {
        let mut sealer = Sealer::new(suite, Kid(9), &BaseKey::new(&[1; 16]));
        let mut out = Vec::new();
        sealer.seal(b"", b"frame", &mut out).map(|()| out)
    };
    let open = |suite, mut frame: Vec<u8>| {
        let provider = ExternalKey::new(suite, &[1; 16]).unwrap();
        KeyStore::new(Box::new(provider))
            .open(b"", &mut frame)
            .map(|_| ())
    };
    let sealed = frame(CipherSuite::Sm4GcmSm3).unwrap();
    let of_another_suite = frame(CipherSuite::Aes256GcmSha512).unwrap();

    smrtc_crypto::self_test::danger_fail(Algorithm::Sm4Gcm);

    assert_eq!(frame(CipherSuite::Sm4GcmSm3), Err(SealError::SelfTest));
    assert_eq!(
        open(CipherSuite::Sm4GcmSm3, sealed),
        Err(OpenError::SelfTest)
    );
    assert_eq!(
        frame(CipherSuite::Aes256GcmSha512),
        Err(SealError::SelfTest)
    );
    assert_eq!(
        open(CipherSuite::Aes256GcmSha512, of_another_suite),
        Err(OpenError::SelfTest)
    );
}
