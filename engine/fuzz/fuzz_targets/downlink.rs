//! Whatever a gateway sends and however the host answers, a downlink goes on: deadlines pass,
//! frames are counted.
//!
//! The input is a list of steps: a byte says what, another how long or how much. Packets are made
//! from few values, so that they meet each other; raw datagrams come too.
#![no_main]

use std::time::Duration;

use smrtc_engine::recv::{Downlink, DownlinkConfig, DownlinkInput, DownlinkOutput, OpenFailure};
use smrtc_engine::wire::media::{FrameHeader, MediaKind, MediaPacket};
use smrtc_engine::{Instant, MediaTime, TrackId};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut downlink = Downlink::new(DownlinkConfig::default(), 1);
    downlink.add_track(TrackId::new(1, 0), MediaKind::Audio);
    downlink.add_track(TrackId::new(1, 1), MediaKind::Video);
    let mut now = Instant::from_millis(1);
    let mut rest = bytes;
    while let [step, value, tail @ ..] = rest {
        rest = tail;
        match step % 8 {
            0 => {
                let (datagram, tail) = rest.split_at(usize::from(*value).min(rest.len()));
                rest = tail;
                handle(&mut downlink, now, DownlinkInput::Datagram(datagram));
            }
            1 => handle(
                &mut downlink,
                now,
                DownlinkInput::VideoDecodeFailed {
                    track: TrackId::new(1, 1),
                },
            ),
            2 => {
                let media_time = MediaTime::from_micros(u64::from(*value) * 10_000);
                handle(
                    &mut downlink,
                    now,
                    DownlinkInput::AudioPlayout {
                        sender: 1,
                        media_time,
                    },
                );
            }
            3 => {
                now += Duration::from_millis(u64::from(*value));
                handle(&mut downlink, now, DownlinkInput::Timeout);
            }
            _ => handle(
                &mut downlink,
                now,
                DownlinkInput::Datagram(&packet(*step, *value)),
            ),
        }
    }
    for stats in downlink.stats(now).inbound {
        let accounted = stats.frames_delivered + stats.frames_dropped + stats.frames_pending;
        assert_eq!(stats.frames_seen, accounted, "{stats:?}");
    }
});

/// One of a few thousand packets. The payload says whether the frame will open.
fn packet(step: u8, value: u8) -> Vec<u8> {
    let video = step & 0x10 == 0;
    let frame_id = u32::from(value >> 3).wrapping_sub(8);
    let header = FrameHeader {
        key: !video || value & 7 == 7,
        discardable: false,
        reserved_flags: 0,
        media_kind: if video {
            MediaKind::Video
        } else {
            MediaKind::Audio
        },
        track: u8::from(video),
        spatial: step >> 7,
        temporal: 0,
        sender: 1,
        frame_id,
        reference_distance: if video && value & 7 != 7 {
            u16::from(value & 3)
        } else {
            0
        },
        media_time: MediaTime::from_micros(33_333 * u64::from(value >> 3)),
    };
    let fragment_count = 1 + u16::from(step >> 5 & 3);
    let mut datagram = Vec::new();
    MediaPacket {
        rtx: false,
        transport_seq: u16::from(value),
        fragment_index: u16::from(value & 3) % fragment_count,
        fragment_count,
        header,
        metadata: header.metadata(),
        payload: if step & 0x08 == 0 { b"s" } else { b"x" },
    }
    .encode(&mut datagram);
    datagram
}

fn handle(downlink: &mut Downlink, now: Instant, input: DownlinkInput<'_>) {
    let timed_out = matches!(input, DownlinkInput::Timeout);
    downlink.handle_input(now, input);
    loop {
        match downlink.poll_output() {
            DownlinkOutput::Sealed { header, frame } => {
                let answer = if frame.starts_with(b"s") {
                    DownlinkInput::Opened {
                        header,
                        plaintext: frame,
                    }
                } else {
                    DownlinkInput::OpenFailed {
                        header,
                        reason: OpenFailure::Authentication,
                    }
                };
                downlink.handle_input(now, answer);
            }
            DownlinkOutput::Video { render_at, .. } => assert!(render_at >= now),
            DownlinkOutput::Timeout(next) => {
                assert!(
                    !timed_out || next > now,
                    "a deadline that was served is still due"
                );
                return;
            }
            _ => {}
        }
    }
}
