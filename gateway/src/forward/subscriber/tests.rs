use std::collections::BTreeMap;

use smrtc_engine::{
    time::{Bitrate, Instant, MediaTime},
    wire::media::{FrameHeader, MediaKind},
};

use super::*;

const TRACK: TrackKey = (7, 1);
const ALL: Layers = (15, 15);

fn header(spatial: u8, key: bool) -> FrameHeader {
    FrameHeader {
        key,
        discardable: false,
        reserved_flags: 0,
        media_kind: MediaKind::Video,
        track: TRACK.1,
        spatial,
        temporal: 0,
        sender: TRACK.0,
        frame_id: 0,
        reference_distance: 1,
        media_time: MediaTime::from_micros(0),
    }
}

/// What a track of two sizes can be had for, up to one of them.
fn points(max: u8) -> BTreeMap<TrackKey, Vec<Point>> {
    let points = [(0, 150), (1, 800)].map(|(spatial, kbps)| Point {
        spatial,
        temporal: 0,
        rate: Bitrate::from_kbps(kbps),
    });
    let points = points.into_iter().filter(|point| point.spatial <= max);
    BTreeMap::from([(TRACK, points.collect())])
}

#[test]
fn whoever_asks_for_another_size_keeps_the_one_it_has_until_that_begins() {
    let mut subscriber = Subscriber::new(Limits::default(), Instant::ZERO);
    subscriber.tick(Instant::ZERO, Bitrate::ZERO, &points(15));
    assert!(subscriber.wants(&header(1, true), ALL));

    let small: Layers = (0, 15);
    subscriber.choose_anew(TRACK);
    let wanted = subscriber.tick(Instant::from_millis(10), Bitrate::ZERO, &points(0));
    assert_eq!(wanted, [(TRACK.0, TRACK.1, 0)]);
    assert!(
        subscriber.wants(&header(1, false), small),
        "the picture stands still"
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
    assert_eq!(wanted, [(TRACK.0, TRACK.1, 1)]);
    assert!(subscriber.wants(&header(0, false), ALL));
    assert!(subscriber.wants(&header(1, true), ALL));
    assert!(!subscriber.wants(&header(0, false), ALL));
}

#[test]
fn a_size_that_was_not_asked_for_is_never_begun() {
    let mut subscriber = Subscriber::new(Limits::default(), Instant::ZERO);
    let small: Layers = (0, 15);
    assert!(
        !subscriber.wants(&header(1, true), small),
        "nothing is known yet"
    );
    subscriber.tick(Instant::ZERO, Bitrate::ZERO, &points(0));
    assert!(!subscriber.wants(&header(1, true), small));
    assert!(subscriber.wants(&header(0, true), small));
}
