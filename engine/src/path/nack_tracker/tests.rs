use super::*;
use crate::testing::{SENDER, audio, packet, video};
use crate::wire::nack::Nack;
use crate::wire::repair::RepairPacket;

const START: Instant = Instant::from_millis(1_000);

fn at(millis: u64) -> Instant {
    START + Duration::from_millis(millis)
}

fn tracker(video_holes: Holes) -> NackTracker {
    let mut tracker = NackTracker::new(NackConfig {
        video_holes,
        ..NackConfig::default()
    });
    tracker.set_rtt(Duration::from_millis(50));
    tracker
}

fn receive(
    tracker: &mut NackTracker,
    now: Instant,
    frame: u32,
    distance: u16,
    index: u16,
    count: u16,
) -> bool {
    tracker.on_packet(now, &packet(video(frame, distance), index, count, b"x"))
}

/// (frame, fragment or `None` for all of it).
fn asked(tracker: &mut NackTracker, now: Instant) -> Vec<(u32, Option<u16>)> {
    let mut asked = Vec::new();
    while let Some(datagram) = tracker.poll(now) {
        for entry in Nack::parse(&datagram).expect("own NACK").entries() {
            assert_eq!(entry.sender, SENDER);
            if entry.is_whole_frame() {
                asked.push((entry.frame_id, None));
            }
            asked.extend(
                entry
                    .fragments()
                    .map(|fragment| (entry.frame_id, Some(fragment))),
            );
        }
    }
    assert!(
        tracker.next_timeout().is_none_or(|next| next > now),
        "a due time that poll does not serve spins the host"
    );
    asked
}

#[test]
fn a_gap_within_a_frame_is_asked_for_after_the_reorder_window() {
    let mut tracker = tracker(Holes::Referenced);
    receive(&mut tracker, at(0), 0, 0, 0, 5);
    receive(&mut tracker, at(0), 0, 0, 2, 5);
    assert_eq!(asked(&mut tracker, at(0)), []);
    assert_eq!(tracker.next_timeout(), Some(at(10)));
    assert_eq!(asked(&mut tracker, at(10)), [(0, Some(1))]);
}

#[test]
fn later_packets_do_not_end_the_reorder_window() {
    let mut tracker = tracker(Holes::Referenced);
    for index in [0, 2, 3, 4, 5, 6] {
        receive(&mut tracker, at(0), 0, 0, index, 7);
    }
    assert_eq!(asked(&mut tracker, at(9)), []);
    assert_eq!(asked(&mut tracker, at(10)), [(0, Some(1))]);
}

#[test]
fn the_reorder_window_grows_with_the_reordering_that_is_seen() {
    let mut tracker = tracker(Holes::Referenced);
    receive(&mut tracker, at(0), 0, 0, 1, 2);
    assert_eq!(asked(&mut tracker, at(10)), [(0, Some(0))]);
    // It was only turned round: 24 ms later than the one it was sent before.
    receive(&mut tracker, at(24), 0, 0, 0, 2);
    receive(&mut tracker, at(40), 1, 1, 1, 2);
    assert_eq!(asked(&mut tracker, at(50)), []);
    assert_eq!(asked(&mut tracker, at(60)), [(1, Some(0))]);
}

fn repair<'a>(frame: u32, index: u16, count: u16) -> RepairPacket<'a> {
    let header = video(frame, u16::from(frame > 0));
    RepairPacket {
        hop: false,
        transport_seq: 0,
        repair_index: index,
        fragment_count: 4,
        header,
        metadata: header.metadata(),
        long_fragments: count,
        repair_count: 2,
        payload: b"xy",
    }
}

#[test]
fn what_repair_packets_make_up_for_is_not_asked_for() {
    let mut tracker = tracker(Holes::Referenced);
    // The first frame tells that the stream is protected.
    for index in 0..4 {
        receive(&mut tracker, at(0), 0, 0, index, 4);
    }
    tracker.on_repair(at(1), &repair(0, 0, 4));
    receive(&mut tracker, at(33), 1, 1, 1, 4);
    receive(&mut tracker, at(33), 1, 1, 3, 4);
    assert_eq!(
        asked(&mut tracker, at(45)),
        [],
        "the rest may be on its way"
    );
    tracker.on_repair(at(46), &repair(1, 0, 4));
    tracker.on_repair(at(46), &repair(1, 1, 4));
    assert_eq!(asked(&mut tracker, at(200)), []);
    assert_eq!(tracker.tracked_frames(), 0);
}

#[test]
fn what_they_do_not_make_up_for_is_asked_for_once_all_was_sent() {
    let mut tracker = tracker(Holes::Referenced);
    receive(&mut tracker, at(0), 0, 0, 3, 4);
    tracker.on_repair(at(1), &repair(0, 1, 4));
    assert_eq!(asked(&mut tracker, at(10)), []);
    let wanted = [(0, Some(0)), (0, Some(1)), (0, Some(2))];
    assert_eq!(asked(&mut tracker, at(11)), wanted);
}

#[test]
fn reordering_within_the_window_asks_for_nothing() {
    let mut tracker = tracker(Holes::Lost);
    for (millis, frame, index) in [
        (0, 0, 1),
        (4, 0, 0),
        (5, 2, 0),
        (6, 1, 1),
        (7, 2, 1),
        (8, 1, 0),
    ] {
        receive(
            &mut tracker,
            at(millis),
            frame,
            u16::from(frame > 0),
            index,
            2,
        );
        assert_eq!(asked(&mut tracker, at(millis)), []);
    }
    assert_eq!(asked(&mut tracker, at(100)), []);
    assert_eq!(tracker.tracked_frames(), 0);
}

#[test]
fn a_request_is_repeated_twice_in_a_round_trip_until_the_deadline() {
    let mut tracker = tracker(Holes::Referenced);
    receive(&mut tracker, at(0), 0, 0, 1, 2);
    let mut times = Vec::new();
    let mut now = START;
    while let Some(next) = tracker.next_timeout() {
        now = next;
        if !asked(&mut tracker, now).is_empty() {
            times.push((now - START).as_millis());
        }
    }
    assert_eq!(times[..4], [10, 35, 60, 85]);
    assert_eq!(
        times.last(),
        Some(&935),
        "one at 960 ms could not come by 1,000 ms"
    );
    assert_eq!(now, at(1_000));
    assert_eq!(tracker.tracked_frames(), 0);
}

#[test]
fn a_whole_frame_is_asked_for_when_a_frame_refers_to_it() {
    let mut tracker = tracker(Holes::Referenced);
    receive(&mut tracker, at(0), 0, 0, 0, 1);
    // 1 was left out (2 refers to 0), 3 and 4 were lost (5 refers to 4, and 4 most likely to 3).
    receive(&mut tracker, at(66), 2, 2, 0, 1);
    receive(&mut tracker, at(166), 5, 1, 0, 1);
    assert_eq!(asked(&mut tracker, at(176)), [(3, None), (4, None)]);
    receive(&mut tracker, at(230), 4, 1, 0, 1);
    receive(&mut tracker, at(230), 3, 1, 0, 1);
    assert_eq!(asked(&mut tracker, at(500)), []);
}

#[test]
fn every_hole_is_a_loss_where_nothing_is_left_out() {
    let mut tracker = tracker(Holes::Lost);
    receive(&mut tracker, at(0), 0, 0, 0, 1);
    receive(&mut tracker, at(66), 2, 2, 0, 1);
    assert_eq!(asked(&mut tracker, at(76)), [(1, None)]);
}

#[test]
fn a_lost_tail_shows_by_the_next_frame_or_by_silence() {
    let mut tracker = tracker(Holes::Referenced);
    receive(&mut tracker, at(0), 0, 0, 0, 3);
    assert_eq!(asked(&mut tracker, at(10)), [], "it may be paced");
    assert_eq!(asked(&mut tracker, at(20)), [(0, Some(1)), (0, Some(2))]);
    receive(&mut tracker, at(30), 1, 1, 0, 3);
    receive(&mut tracker, at(31), 2, 1, 0, 1);
    assert_eq!(asked(&mut tracker, at(41)), [(1, Some(1)), (1, Some(2))]);
}

#[test]
fn frame_ids_wrap() {
    let mut tracker = tracker(Holes::Lost);
    receive(&mut tracker, at(0), u32::MAX - 1, 0, 0, 1);
    receive(&mut tracker, at(33), 1, 1, 0, 1);
    assert_eq!(asked(&mut tracker, at(43)), [(u32::MAX, None), (0, None)]);
}

#[test]
fn one_forged_frame_id_moves_nothing() {
    let mut tracker = tracker(Holes::Lost);
    receive(&mut tracker, at(0), 0, 0, 0, 1);
    receive(&mut tracker, at(1), 1 << 30, 1, 0, 1);
    receive(&mut tracker, at(33), 2, 1, 0, 1);
    assert_eq!(asked(&mut tracker, at(43)), [(1, None)]);
}

#[test]
fn lost_audio_is_asked_for_while_it_can_be_of_use() {
    let mut tracker = tracker(Holes::Referenced);
    for frame in [0, 2] {
        tracker.on_packet(at(0), &packet(audio(frame), 0, 1, b"x"));
    }
    assert_eq!(asked(&mut tracker, at(10)), [(1, None)]);
    assert_eq!(asked(&mut tracker, at(60)), [(1, None)]);
    assert_eq!(
        asked(&mut tracker, at(159)),
        [(1, None)],
        "due at 110, in time then"
    );
    assert_eq!(asked(&mut tracker, at(200)), []);
}

#[test]
fn counters_tell_loss_from_lateness() {
    let mut tracker = tracker(Holes::Lost);
    for frame in [0, 3] {
        receive(&mut tracker, at(0), frame, u16::from(frame > 0), 0, 1);
    }
    assert_eq!(asked(&mut tracker, at(10)), [(1, None), (2, None)]);
    receive(&mut tracker, at(15), 1, 1, 0, 1);
    let again = packet(video(2, 1), 0, 1, b"x");
    assert!(tracker.on_packet(
        at(60),
        &crate::wire::media::MediaPacket { rtx: true, ..again }
    ));
    let id = TrackId::new(SENDER, 1).stream(0);
    assert_eq!(
        tracker.counters(id),
        NackCounters {
            requested: 2,
            lost: 1,
            frames_lost: 0
        }
    );
}

#[test]
fn a_flood_stays_within_the_caps() {
    let mut tracker = tracker(Holes::Lost);
    for n in 0..50_000_u32 {
        let mut header = video(n.wrapping_mul(200), 1);
        header.sender = n % 1_000;
        tracker.on_packet(at(n.into()), &packet(header, 0, 1_024, b"x"));
    }
    assert!(tracker.streams.len() <= 256);
    assert!(tracker.tracked_frames() <= 256 * 256);
}
