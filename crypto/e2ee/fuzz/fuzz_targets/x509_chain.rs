//! Chains and revocation lists of any bytes are read without a panic; whoever is named by one that
//! verifies is a user.
#![no_main]

use smrtc_e2ee::mls::{Suite, TrustAnchors};

const ROOT: &[u8] = include_bytes!("../../../../vectors/x509/root.der");

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let suite = Suite::Sm2Sm4GcmSm3;
    // The first two bytes cut the rest into a list and a chain of two, so that whole files of
    // `vectors/x509` are of use as a corpus.
    let (cut, rest) = match bytes {
        [high, low, rest @ ..] => (usize::from(*high) << 8 | usize::from(*low), rest),
        _ => return,
    };
    let (first, second) = rest.split_at(cut.min(rest.len()));
    let _ = TrustAnchors::new(suite, &[first]);
    let root = TrustAnchors::new(suite, &[ROOT]).expect("an authority");
    let root = match root.clone().with_revocation_list(second) {
        Ok(with_list) => with_list,
        Err(_) => root,
    };
    // The corpus may hold certificates that the root did sign; those do verify.
    for chain in [vec![first], vec![first, second], vec![second, first]] {
        if let Ok(user) = root.verify(&chain, 1_800_000_000) {
            assert!(!user.is_empty() && user.len() <= 128);
        }
    }
});
