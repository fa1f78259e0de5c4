//! A header that parses encodes to the very bytes it came from.
#![no_main]

use smrtc_e2ee::sframe::Header;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok((header, len)) = Header::parse(bytes) {
        let mut again = Vec::new();
        header.encode(&mut again);
        assert_eq!(again, bytes[..len]);
    }
});
