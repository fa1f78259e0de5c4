//! NACKs and key-frame requests that parse encode to the very bytes they came from.
#![no_main]

use smrtc_engine::wire::keyframe::{self, KeyFrameRequest};
use smrtc_engine::wire::nack::{self, Nack};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut again = Vec::new();
    if let Ok(nack) = Nack::parse(bytes) {
        assert!(nack.entries().all(|entry| entry.is_whole_frame() || entry.fragments().count() > 0));
        nack::encode(&nack.entries().collect::<Vec<_>>(), &mut again);
        assert_eq!(again[2..], bytes[2..]);
    } else if let Ok(request) = KeyFrameRequest::parse(bytes) {
        keyframe::encode(&request.entries().collect::<Vec<_>>(), &mut again);
        assert_eq!(again[2..], bytes[2..]);
    }
});
