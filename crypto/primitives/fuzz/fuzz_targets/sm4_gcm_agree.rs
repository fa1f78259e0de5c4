//! Every kernel of the machine seals as the oracle does, and opens what it sealed.
#![no_main]

use smrtc_crypto::aead::{self, Key};

#[path = "../../tests/support/oracle.rs"]
#[allow(dead_code, reason = "its random source is for tests")]
mod oracle;

// key ‖ nonce ‖ length of the associated data ‖ associated data ‖ text
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((key, rest)) = bytes.split_first_chunk::<16>() else { return };
    let Some((nonce, rest)) = rest.split_first_chunk::<12>() else { return };
    let Some((&aad_bytes, rest)) = rest.split_first() else { return };
    let (aad, text) = rest.split_at(rest.len().min(aad_bytes.into()));
    let (expected, expected_tag) = oracle::oracle(key, nonce, aad, text);
    for backend in aead::sm4_backends() {
        let key = Key::sm4_with_backend(backend, key).expect("it is listed");
        let mut buffer = text.to_vec();
        let tag = key.seal_in_place(nonce, aad, &mut buffer).expect("short");
        assert!(buffer == expected && tag.0 == expected_tag, "{backend}");
        key.open_in_place(nonce, aad, &mut buffer, &tag).expect("ours");
        assert!(buffer == text);
    }
});
