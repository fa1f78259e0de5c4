//! A repair packet that parses encodes to the very bytes it came from, and nothing it says makes
//! the reassembler panic.
#![no_main]

use smrtc_engine::recv::{Reassembler, ReassemblerConfig};
use smrtc_engine::time::Instant;
use smrtc_engine::wire::{media::MediaPacket, repair::RepairPacket};

libfuzzer_sys::fuzz_target!(|datagrams: Vec<Vec<u8>>| {
    let mut reassembler = Reassembler::new(ReassemblerConfig::default());
    for datagram in &datagrams {
        if let Ok(packet) = RepairPacket::parse(datagram) {
            let mut again = Vec::new();
            packet.encode(&mut again);
            assert_eq!(again[2..], datagram[2..]);
            reassembler.insert_repair(Instant::ZERO, &packet);
        } else if let Ok(packet) = MediaPacket::parse(datagram) {
            reassembler.insert(Instant::ZERO, &packet);
        }
    }
});
