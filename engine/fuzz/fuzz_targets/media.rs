//! A media packet that parses encodes to an equal one, and its metadata to the very bytes.
#![no_main]

use smrtc_engine::wire::media::MediaPacket;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(packet) = MediaPacket::parse(bytes) {
        assert_eq!(packet.header.metadata(), packet.metadata);
        let mut again = Vec::new();
        packet.encode(&mut again);
        assert_eq!(MediaPacket::parse(&again), Ok(packet));
    }
});
