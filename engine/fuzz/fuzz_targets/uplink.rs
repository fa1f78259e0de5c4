//! Whatever a gateway sends, in datagrams and on the control stream, a sending half goes on: a
//! deadline that was served is over, and its packets parse.
#![no_main]

use std::time::Duration;

use smrtc_client::UplinkHalf;
use smrtc_engine::send::FrameParams;
use smrtc_engine::wire::media::MediaPacket;
use smrtc_engine::wire::{Kind, kind};
use smrtc_engine::{Instant, MediaTime};
use smrtc_engine_fuzz::{AUDIO, Steps, VIDEO, has_failed, join, uplink};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut uplink = uplink();
    let mut now = Instant::ZERO;
    join(&mut uplink, now);
    let mut steps = Steps(bytes);
    while let Some((step, value)) = steps.next() {
        match step % 8 {
            0 | 4 => uplink.datagram(now, steps.bytes(value)),
            1 | 5 => frame(&mut uplink, now, AUDIO, step, value),
            2 | 6 => frame(&mut uplink, now, VIDEO, step, value),
            3 => uplink.control(now, steps.bytes(value)),
            _ => {
                now += Duration::from_millis(u64::from(value));
                uplink.timeout(now);
                assert!(uplink.next_timeout() > now, "a deadline that was served is still due");
            }
        }
        if has_failed(&mut uplink) {
            join(&mut uplink, now);
        }
        while uplink.poll_control().is_some() {}
        while let Some(datagram) = uplink.poll_datagram() {
            let kind = kind(&datagram).expect("our own datagrams have a kind");
            if kind == Kind::Media {
                MediaPacket::parse(&datagram).expect("our own packets parse");
            }
        }
    }
});

fn frame(uplink: &mut UplinkHalf, now: Instant, track: u8, step: u8, value: u8) {
    let params = FrameParams {
        key: step & 4 != 0,
        discardable: step & 8 != 0,
        spatial: step >> 6,
        temporal: step >> 4 & 3,
        reference_distance: 1,
        media_time: MediaTime::from_micros(now.as_micros()),
    };
    let mut frame = uplink.frame_buffer(1 + usize::from(value) * 40);
    frame.text_mut().fill(step);
    uplink.send_frame(now, track, params, frame);
}
