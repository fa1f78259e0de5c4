use proptest::prelude::*;

use super::*;
use crate::testing::{packet, video};

const NOW: Instant = Instant::from_millis(1_000);

fn reassembler() -> Reassembler {
    Reassembler::new(ReassemblerConfig::default())
}

fn complete(inserted: Inserted) -> Vec<u8> {
    match inserted {
        Inserted::Complete(assembled) => assembled.frame,
        other => panic!("not complete: {other:?}"),
    }
}

#[test]
fn fragments_in_any_order_make_the_frame_once() {
    let mut reassembler = reassembler();
    let header = video(3, 1);
    assert_eq!(
        reassembler.insert(NOW, &packet(header, 2, 3, b"g")),
        Inserted::First
    );
    assert_eq!(
        reassembler.insert(NOW, &packet(header, 0, 3, b"abc")),
        Inserted::Contradiction
    );
    assert_eq!(
        reassembler.insert(NOW, &packet(header, 0, 3, b"ab")),
        Inserted::Kept
    );
    assert_eq!(
        reassembler.insert(NOW, &packet(header, 0, 3, b"ab")),
        Inserted::Duplicate
    );
    let later = NOW + Duration::from_millis(4);
    let Inserted::Complete(assembled) = reassembler.insert(later, &packet(header, 1, 3, b"cd"))
    else {
        panic!("whole")
    };
    assert_eq!(assembled.frame, b"abcdg");
    assert_eq!(
        (
            assembled.packets,
            assembled.first_arrival,
            assembled.last_arrival
        ),
        (3, NOW, later)
    );
    assert_eq!(
        reassembler.insert(NOW, &packet(header, 1, 3, b"cd")),
        Inserted::Duplicate
    );
    assert_eq!(reassembler.bytes(), 0);
}

#[test]
fn packets_that_contradict_are_dropped() {
    let mut reassembler = reassembler();
    let header = video(0, 0);
    reassembler.insert(NOW, &packet(header, 1, 3, b"cd"));
    let other_metadata = FrameHeader {
        temporal: 1,
        ..header
    };
    assert_eq!(
        reassembler.insert(NOW, &packet(other_metadata, 0, 3, b"ab")),
        Inserted::Contradiction
    );
    assert_eq!(
        reassembler.insert(NOW, &packet(header, 0, 4, b"ab")),
        Inserted::Contradiction
    );
    assert_eq!(
        reassembler.insert(NOW, &packet(header, 0, 3, b"abcd")),
        Inserted::Contradiction
    );
    assert_eq!(
        reassembler.insert(NOW, &packet(header, 2, 3, b"abc")),
        Inserted::Contradiction,
        "larger ones come first"
    );
    reassembler.insert(NOW, &packet(header, 0, 3, b"abc"));
    assert_eq!(
        complete(reassembler.insert(NOW, &packet(header, 2, 3, b"ef"))).len(),
        7
    );
}

#[test]
fn a_track_begun_anew_may_use_its_numbers_again() {
    let mut reassembler = reassembler();
    let header = video(0, 0);
    complete(reassembler.insert(NOW, &packet(header, 0, 1, b"a")));
    let anew = FrameHeader {
        media_time: header.media_time + Duration::from_secs(9),
        ..header
    };
    assert_eq!(
        complete(reassembler.insert(NOW, &packet(anew, 0, 1, b"b"))),
        b"b"
    );
}

#[test]
fn the_oldest_frame_of_the_stream_makes_room() {
    let config = ReassemblerConfig {
        stream_frames: 3,
        ..ReassemblerConfig::default()
    };
    let mut reassembler = Reassembler::new(config);
    for frame in 0..4 {
        assert_eq!(
            reassembler.insert(NOW, &packet(video(frame, 1), 0, 2, b"ab")),
            Inserted::First
        );
    }
    let given_up = reassembler.take_given_up();
    assert_eq!(
        given_up,
        [Unfinished {
            header: video(0, 1),
            overflow: true
        }]
    );
    assert_eq!(
        reassembler.insert(NOW, &packet(video(0, 1), 1, 2, b"ab")),
        Inserted::Duplicate,
        "it stays given up"
    );
}

#[test]
fn unfinished_frames_expire_and_are_superseded() {
    let mut reassembler = reassembler();
    for frame in [5, 6, 7] {
        reassembler.insert(NOW, &packet(video(frame, 1), 0, 2, b"ab"));
    }
    let id = video(0, 0).stream_id();
    reassembler.give_up_before(id, 6);
    assert_eq!(reassembler.unfinished(id).collect::<Vec<_>>(), [6, 7]);
    let end = reassembler.next_timeout().expect("two wait");
    reassembler.expire(end);
    assert_eq!(reassembler.take_given_up().len(), 3);
    assert_eq!((reassembler.bytes(), reassembler.next_timeout()), (0, None));
}

#[test]
fn a_flood_stays_within_the_caps() {
    let config = ReassemblerConfig {
        streams: 8,
        stream_bytes: 20_000,
        total_bytes: 60_000,
        ..ReassemblerConfig::default()
    };
    let mut reassembler = Reassembler::new(config);
    let payload = [0; 1_100];
    let (mut refused, mut kept) = (0, 0);
    for n in 0..20_000_u32 {
        let header = FrameHeader {
            sender: n % 20,
            ..video(n, 1)
        };
        match reassembler.insert(NOW, &packet(header, (n % 1_000) as u16, 1_024, &payload)) {
            Inserted::Refused => refused += 1,
            _ => kept += 1,
        }
        assert!(reassembler.bytes() <= 60_000);
    }
    assert!(refused > 0 && kept > 0);
    assert!(
        reassembler
            .take_given_up()
            .iter()
            .all(|frame| frame.overflow)
    );
}

proptest! {
    /// Any mixture of packets leaves the books balanced: every frame begun is whole, given up or
    /// still held.
    #[test]
    fn any_packets_in_any_order(
        packets in proptest::collection::vec((0u32..6, 0u16..4, 1u16..5, 1usize..40, 0u8..2), 0..300),
    ) {
        let config = ReassemblerConfig { stream_frames: 3, stream_bytes: 900, total_bytes: 1_500, ..ReassemblerConfig::default() };
        let mut reassembler = Reassembler::new(config);
        let (mut begun, mut whole) = (0, 0);
        for (frame, index, count, length, spatial) in packets {
            let header = FrameHeader { spatial, ..video(frame, 1) };
            match reassembler.insert(NOW, &packet(header, index % count, count, &vec![1; length])) {
                Inserted::First => begun += 1,
                Inserted::Complete(assembled) => {
                    begun += usize::from(assembled.packets == 1);
                    whole += 1;
                }
                _ => {}
            }
            prop_assert!(reassembler.bytes() <= 1_500);
        }
        let held: usize = (0..2).map(|spatial| reassembler.unfinished(video(0, 1).track_id().stream(spatial)).count()).sum();
        let given_up = reassembler.take_given_up().len();
        prop_assert_eq!(begun, whole + held + given_up);
    }
}
