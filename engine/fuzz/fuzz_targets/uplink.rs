//! Whatever a gateway sends, an uplink goes on: it ends each round with a deadline, and its packets
//! parse.
//!
//! The input is a list of steps: a byte says what, one or two say how long or how much.
#![no_main]

use std::time::Duration;

use smrtc_engine::send::{FrameParams, TrackConfig, Uplink, UplinkConfig, UplinkInput, UplinkOutput};
use smrtc_engine::wire::media::{MediaKind, MediaPacket};
use smrtc_engine::wire::{Kind, kind};
use smrtc_engine::{Bitrate, Instant, MediaTime};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut uplink = Uplink::new(UplinkConfig::default(), 1, 2);
    uplink.set_track(0, TrackConfig { kind: MediaKind::Audio, max_bitrate: Bitrate::from_kbps(32) });
    uplink.set_track(1, TrackConfig { kind: MediaKind::Video, max_bitrate: Bitrate::from_kbps(1_000) });
    let mut now = Instant::ZERO;
    let mut rest = bytes;
    while let [step, length, tail @ ..] = rest {
        rest = tail;
        let result = match step % 4 {
            0 => {
                let (datagram, tail) = rest.split_at(usize::from(*length).min(rest.len()));
                rest = tail;
                uplink.handle_input(now, UplinkInput::Datagram(datagram))
            }
            1 | 2 => {
                let params = FrameParams {
                    key: step & 4 != 0,
                    discardable: step & 8 != 0,
                    spatial: step >> 6,
                    temporal: step >> 4 & 3,
                    reference_distance: 1,
                    media_time: MediaTime::from_micros(now.as_micros()),
                };
                let header = uplink.begin_frame(step % 4 - 1, params).expect("the track is set");
                let sealed = vec![*step; 1 + usize::from(*length) * 40];
                uplink.handle_input(now, UplinkInput::Frame { header, sealed })
            }
            _ => {
                now += Duration::from_millis(u64::from(*length));
                uplink.handle_input(now, UplinkInput::Timeout)
            }
        };
        let _ = result;
        loop {
            match uplink.poll_output() {
                UplinkOutput::Transmit(datagram) => {
                    if kind(&datagram) == Ok(Kind::Media) {
                        MediaPacket::parse(&datagram).expect("our own packets parse");
                    } else {
                        kind(&datagram).expect("so does the rest");
                    }
                }
                UplinkOutput::Event(_) => {}
                UplinkOutput::Timeout(_) => break,
            }
        }
    }
});
