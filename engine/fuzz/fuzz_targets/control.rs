//! A control stream of any bytes is read or refused, the same however it is split, from either
//! side.
#![no_main]

use smrtc_engine::Instant;
use smrtc_engine::control::Framer;
use smrtc_engine::control::v1::{ClientMessage, client_message};
use smrtc_engine::signal::{Signal, SignalInput, SignalOutput};

fn read(pieces: &[&[u8]]) -> Vec<Option<ClientMessage>> {
    let mut framer = Framer::new();
    let mut read = Vec::new();
    for piece in pieces {
        framer.push(piece);
        loop {
            match framer.next_message() {
                Ok(Some(message)) => read.push(Some(message)),
                Ok(None) => break,
                Err(_) => {
                    read.push(None);
                    return read;
                }
            }
        }
    }
    read
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let (left, right) = bytes.split_at(bytes.len() / 3);
    assert_eq!(read(&[bytes]), read(&[left, right]));

    let mut signal = Signal::new();
    signal.request(Instant::ZERO, client_message::Body::Join(Default::default()));
    let _ = signal.handle_input(Instant::from_millis(1), SignalInput::Bytes(bytes));
    while !matches!(signal.poll_output(), SignalOutput::Timeout(_)) {}
});
