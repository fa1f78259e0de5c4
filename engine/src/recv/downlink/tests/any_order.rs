//! Inputs of every kind in every order.

use std::time::Duration;

use proptest::prelude::*;

use super::host::{AUDIO, Host, VIDEO};
use crate::ids::TrackId;
use crate::recv::{DownlinkEvent, DownlinkInput};
use crate::stats::DropReason;
use crate::testing::{SENDER, audio, video};
use crate::time::MediaTime;
use crate::wire::media::{FrameHeader, MediaKind};

/// One thing that happens in [`any_input_in_any_order`].
#[derive(Clone, Debug)]
enum Step {
    Packet {
        header: FrameHeader,
        index: u16,
        count: u16,
        sealed: bool,
    },
    Bytes(Vec<u8>),
    Wait(u64),
    /// The clock jumps ahead, or is set back.
    Jump(u64),
    Back(u64),
    DecodeFailed,
    AudioAt(u64),
    Remove,
}

fn step() -> impl Strategy<Value = Step> {
    let packets = (
        0_u32..30,
        0_u16..4,
        0_u16..4,
        1_u16..4,
        any::<bool>(),
        0_u8..3,
        any::<bool>(),
    );
    let packets = packets.prop_map(
        |(offset, distance, index, count, is_audio, spatial, sealed)| {
            let frame_id = offset.wrapping_sub(15);
            let header = if is_audio {
                audio(frame_id)
            } else {
                FrameHeader {
                    spatial,
                    ..video(frame_id, distance)
                }
            };
            let media_time = MediaTime::from_micros(1 << 40) + Duration::from_millis(33) * offset;
            Step::Packet {
                header: FrameHeader {
                    media_time,
                    ..header
                },
                index: index % count,
                count,
                sealed,
            }
        },
    );
    prop_oneof![
        20 => packets,
        1 => proptest::collection::vec(any::<u8>(), 0..60).prop_map(Step::Bytes),
        8 => (0_u64..60).prop_map(Step::Wait),
        1 => (0_u64..1 << 44).prop_map(Step::Jump),
        1 => (0_u64..100_000).prop_map(Step::Back),
        1 => Just(Step::DecodeFailed),
        1 => any::<u64>().prop_map(Step::AudioAt),
        1 => Just(Step::Remove),
    ]
}

fn are_in_order(host: &Host) -> bool {
    host.video.windows(2).all(|pair| pair[0].2 <= pair[1].2)
}

proptest! {
    /// No order of inputs and no jump of the clock panics, spins the host, loses count of a frame
    /// or shows video frames out of order.
    #[test]
    fn any_input_in_any_order(steps in proptest::collection::vec(step(), 0..200)) {
        let mut host = Host::new();
        for step in steps {
            match step {
                Step::Packet { header, index, count, sealed } => {
                    let payload: &[u8] = if sealed { b"s" } else { b"x" };
                    host.receive_payload(host.now, header, index, count, payload);
                }
                Step::Bytes(bytes) => host.input(DownlinkInput::Datagram(&bytes)),
                Step::Wait(millis) => host.run_to(host.now + Duration::from_millis(millis)),
                Step::Jump(micros) => {
                    host.now += Duration::from_micros(micros);
                    host.input(DownlinkInput::Timeout);
                }
                Step::Back(millis) => {
                    host.now = host.now - Duration::from_millis(millis);
                    host.input(DownlinkInput::Timeout);
                }
                Step::DecodeFailed => host.input(DownlinkInput::VideoDecodeFailed { track: TrackId::new(SENDER, VIDEO) }),
                Step::AudioAt(micros) => host.input(DownlinkInput::AudioPlayout {
                    sender: SENDER,
                    media_time: MediaTime::from_micros(micros),
                }),
                Step::Remove => {
                    // A track that begins again shows video frames at once, whatever was still to
                    // be shown of the one before.
                    prop_assert!(are_in_order(&host), "{:?}", host.video);
                    host.video.clear();
                    host.downlink.remove_track(TrackId::new(SENDER, VIDEO));
                    host.downlink.add_track(TrackId::new(SENDER, VIDEO), MediaKind::Video);
                }
            }
            host.stats(VIDEO);
            host.stats(AUDIO);
        }
        prop_assert!(are_in_order(&host), "{:?}", host.video);
        host.run_to(host.now + Duration::from_secs(20));
        let dropped_late = host.events.iter().filter(|event| matches!(
            event, DownlinkEvent::FrameDropped { reason: DropReason::Overflow, .. }
        )).count();
        prop_assert_eq!(dropped_late, 0, "nothing here is large");
    }
}
