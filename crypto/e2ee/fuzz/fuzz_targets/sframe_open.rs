//! No bytes open, none panic, in any order, with one store; a frame of ours still opens afterwards.
#![no_main]

use smrtc_e2ee::ExternalKey;
use smrtc_e2ee::KeyProvider;
use smrtc_e2ee::sframe::{CipherSuite, KeyStore, Kid, Sealer};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut provider = ExternalKey::new(CipherSuite::Sm4GcmSm3, &[7; 16]).expect("16 bytes");
    let base_key = provider.receiver_key(Kid(0)).expect("any KID has one");
    let mut store = KeyStore::new(Box::new(provider));
    for frame in bytes.split(|&byte| byte == b'|') {
        assert!(store.open(b"metadata", &mut frame.to_vec()).is_err());
    }
    let mut ours = Vec::new();
    let mut sealer = Sealer::new(CipherSuite::Sm4GcmSm3, Kid(0), &base_key);
    sealer.seal(b"metadata", bytes, &mut ours).expect("sealed");
    // A flood may have used up the tries for unknown KIDs; four more frames bring one back.
    let opened = (0..5).any(|_| store.open(b"metadata", &mut ours.clone()).is_ok());
    assert!(opened);
});
