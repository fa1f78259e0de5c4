//! The rules of publishing. Whole rooms are compared with a model in `hub/local_room/tests.rs`.

use smrtc_engine::control::v1::{Join, MediaKind, Track};

use super::*;
use crate::auth::Permissions;

fn track(number: u32, muted: bool) -> Option<Track> {
    Some(Track {
        number,
        kind: MediaKind::Video.into(),
        codec: "vp8".into(),
        muted,
        ..Track::default()
    })
}

#[test]
fn an_audience_cannot_publish_and_a_live_track_keeps_its_kind() {
    let mut room = Room::new(Limits::default());
    let mut out = Vec::new();
    let mut join = |room: &mut Room, user: &str, role| {
        room.join(
            &Permissions::for_test("room", user, role),
            &Join::default(),
            &mut out,
        )
        .unwrap()
        .id
    };
    let listener = join(&mut room, "listener", Role::Audience);
    let speaker = join(&mut room, "speaker", Role::Anchor);
    let mut out = Vec::new();
    assert_eq!(
        room.publish(listener, track(0, false), &mut out),
        Err(Refusal::NotAllowed)
    );
    assert_eq!(room.publish(speaker, track(0, false), &mut out), Ok(()));
    let mut other = track(0, true).unwrap();
    other.kind = MediaKind::Audio.into();
    assert!(matches!(
        room.update_track(speaker, Some(other), &mut out),
        Err(Refusal::InvalidArgument(_))
    ));
    assert!(matches!(
        room.publish(speaker, None, &mut out),
        Err(Refusal::InvalidArgument(_))
    ));
}
