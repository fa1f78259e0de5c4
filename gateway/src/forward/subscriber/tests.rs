use std::collections::BTreeMap;

use smrtc_engine::{
    time::{Bitrate, Instant, MediaTime},
    wire::media::{FrameHeader, MediaKind},
};

use super::*;

const TRACK: TrackId = TrackId::new(7, 1);
const ALL: LayerId = LayerId::new(15, 15);

fn header(spatial: u8, key: bool) -> FrameHeader {
    FrameHeader {
        key,
        discardable: false,
        reserved_flags: 0,
        media_kind: MediaKind::Video,
        track: TRACK.number,
        spatial,
        temporal: 0,
        sender: TRACK.sender,
        frame_id: 0,
        reference_distance: 1,
        media_time: MediaTime::from_micros(0),
    }
}

/// What a track of two sizes can be had for, up to one of them.
fn points(max: u8) -> BTreeMap<TrackId, Vec<Point>> {
    let points = [(0, 150), (1, 800)].map(|(spatial, kbps)| Point {
        spatial,
        temporal: 0,
        rate: Bitrate::from_kbps(kbps),
        fragments: 1,
    });
    let points = points.into_iter().filter(|point| point.spatial <= max);
    BTreeMap::from([(TRACK, points.collect())])
}

#[test]
fn whoever_asks_for_another_size_keeps_the_one_it_has_until_that_begins() {
    let mut subscriber = Subscriber::new(Limits::default(), Instant::ZERO);
    subscriber.tick(Instant::ZERO, Bitrate::ZERO, &points(15));
    assert!(subscriber.wants(&header(1, true), ALL));

    let small: LayerId = LayerId::new(0, 15);
    subscriber.choose_anew(TRACK);
    let wanted = subscriber.tick(Instant::from_millis(10), Bitrate::ZERO, &points(0));
    assert_eq!(wanted, [(TRACK.stream(0), Need::Urgent)]);
    assert!(
        subscriber.wants(&header(1, false), small),
        "the video stands still"
    );
    assert!(
        !subscriber.wants(&header(0, false), small),
        "it cannot be decoded"
    );
    assert!(subscriber.wants(&header(0, true), small));
    assert!(!subscriber.wants(&header(1, false), small));
    assert!(!subscriber.wants(&header(1, true), small));

    // Back at once: nobody waits as for a step up that nobody asked for.
    subscriber.choose_anew(TRACK);
    let wanted = subscriber.tick(Instant::from_millis(20), Bitrate::ZERO, &points(15));
    assert_eq!(wanted, [(TRACK.stream(1), Need::Urgent)]);
    assert!(subscriber.wants(&header(0, false), ALL));
    assert!(subscriber.wants(&header(1, true), ALL));
    assert!(!subscriber.wants(&header(0, false), ALL));
}

#[test]
fn a_size_that_was_not_asked_for_is_never_begun() {
    let mut subscriber = Subscriber::new(Limits::default(), Instant::ZERO);
    let small: LayerId = LayerId::new(0, 15);
    assert!(
        !subscriber.wants(&header(1, true), small),
        "nothing is known yet"
    );
    subscriber.tick(Instant::ZERO, Bitrate::ZERO, &points(0));
    assert!(!subscriber.wants(&header(1, true), small));
    assert!(subscriber.wants(&header(0, true), small));
}

/// A packet of frame `frame_id` of the small size.
fn packet(frame_id: u32, key: bool) -> (FrameHeader, Class) {
    let header = FrameHeader {
        frame_id,
        ..header(0, key)
    };
    (header, crate::forward::accepted(&header).class)
}

#[test]
fn a_path_that_had_to_leave_frames_out_gets_none_until_a_key_frame_that_others_can_spare() {
    let stream: StreamId = TRACK.stream(0);
    let mut subscriber = Subscriber::new(Limits::default(), Instant::ZERO);
    subscriber.tick(Instant::ZERO, Bitrate::ZERO, &points(0));
    let push = |subscriber: &mut Subscriber, at, frame_id, key| {
        let (header, class) = packet(frame_id, key);
        let wanted = subscriber.wants(&header, ALL);
        if wanted {
            let datagram = Datagram::copy_of(&[0; 100]);
            subscriber
                .queue
                .push(Instant::from_millis(at), class, datagram);
        }
        wanted
    };
    assert!(push(&mut subscriber, 0, 1, false));
    assert_eq!(subscriber.key_frame_need(stream), Some(Need::Urgent));
    assert_eq!(subscriber.pop(Instant::from_millis(700)), None, "too late");
    assert!(!push(&mut subscriber, 700, 2, false));
    let wanted = subscriber.tick(Instant::from_millis(700), Bitrate::ZERO, &points(0));
    assert_eq!(wanted, [(stream, Need::Narrow)]);
    assert_eq!(subscriber.key_frame_need(stream), Some(Need::Narrow));

    assert!(push(&mut subscriber, 800, 3, true));
    assert_eq!(subscriber.key_frame_need(stream), None, "it is on its way");
    assert!(push(&mut subscriber, 833, 4, false));
    let wanted = subscriber.tick(Instant::from_millis(840), Bitrate::ZERO, &points(0));
    assert_eq!(wanted, []);
}

#[test]
fn what_waits_of_a_size_that_another_takes_the_place_of_is_left_out() {
    let mut subscriber = Subscriber::new(Limits::default(), Instant::ZERO);
    subscriber.tick(Instant::ZERO, Bitrate::ZERO, &points(15));
    let push = |subscriber: &mut Subscriber, spatial, key| {
        let header = header(spatial, key);
        assert!(subscriber.wants(&header, ALL));
        let class = crate::forward::accepted(&header).class;
        let datagram = Datagram::copy_of(&[spatial; 100]);
        subscriber.queue.push(Instant::ZERO, class, datagram);
    };
    push(&mut subscriber, 1, true);
    push(&mut subscriber, 1, false);
    subscriber.choose_anew(TRACK);
    subscriber.tick(Instant::from_millis(10), Bitrate::ZERO, &points(0));
    push(&mut subscriber, 0, true);
    let first = subscriber.pop(Instant::from_millis(10)).unwrap();
    assert_eq!(first.payload()[0], 0);
    assert!(subscriber.queue.is_empty());
}

#[test]
fn on_a_path_that_loses_half_a_size_in_large_frames_takes_less_for_its_repairs() {
    let mut subscriber = Subscriber::new(Limits::default(), Instant::ZERO);
    let point = |fragments| Point {
        spatial: 0,
        temporal: 0,
        rate: Bitrate::from_kbps(100),
        fragments,
    };
    let kbps = |subscriber: &Subscriber, fragments| {
        subscriber.on_path(point(fragments)).rate.as_bps() / 1_000
    };
    assert_eq!((kbps(&subscriber, 1), kbps(&subscriber, 4)), (100, 100));
    for n in 0..100 {
        let at = Instant::from_millis(n * 50);
        subscriber
            .path_loss
            .update(at, 0.5, 1.0, Duration::from_millis(50));
    }
    let (one, four) = (kbps(&subscriber, 1), kbps(&subscriber, 4));
    assert!(four > 250 && one > four * 5 / 4, "{one} and {four} kbit/s");
}
