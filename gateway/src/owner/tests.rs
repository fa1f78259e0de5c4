//! An owner by itself: no sessions, no media, no edge.

use smrtc_engine::control::v1::{
    MediaKind, Publish, Subscribe, Track, Unpublish, client_message::Body as Request,
};
use smrtc_engine::{TrackId, wire::media};

use super::*;
use crate::{auth::Role, room::Recipients};

fn join(owner: &mut Owner, user: &str, out: &mut Vec<Event>) -> ParticipantId {
    let permissions = Permissions::for_test("room", user, Role::Anchor);
    let joined = owner.join(Instant::ZERO, &permissions, &Join::default(), out);
    joined.unwrap().id
}

fn ask(
    owner: &mut Owner,
    id: ParticipantId,
    request: Request,
    out: &mut Vec<Event>,
) -> Result<Option<Body>, Refusal> {
    let mut counters = delivery::Counters::default();
    owner.request(Instant::ZERO, id, 7, request, &mut counters, out)
}

fn publish(kind: MediaKind) -> Request {
    let track = Track {
        number: 3,
        kind: kind.into(),
        codec: "any".into(),
        ..Track::default()
    };
    Request::Publish(Publish { track: Some(track) })
}

#[test]
fn events_are_numbered_without_a_gap_and_say_what_an_edge_has_to_change() {
    let mut owner = Owner::new(room::Limits::default(), delivery::Limits::default());
    let mut out = Vec::new();
    let (ada, bob) = (
        join(&mut owner, "ada", &mut out),
        join(&mut owner, "bob", &mut out),
    );
    let done = |()| Some(Body::Done(Done {}));
    let published = ask(&mut owner, ada, publish(MediaKind::Screen), &mut out);
    assert_eq!(published, Ok(done(())));
    let end = Request::Unpublish(Unpublish { number: 3 });
    assert_eq!(ask(&mut owner, ada, end, &mut out), Ok(done(())));
    let again = join(&mut owner, "bob", &mut out);
    owner.leave(ada, LeaveReason::Left, &mut out);

    let numbers: Vec<_> = out.iter().map(|event| event.number).collect();
    assert_eq!(numbers, (1..=out.len() as u64).collect::<Vec<_>>());
    let changes: Vec<_> = out.iter().filter_map(|event| event.change).collect();
    assert_eq!(
        changes,
        [
            Change::Joined(ada),
            Change::Joined(bob),
            Change::Published(TrackId::new(ada, 3), media::MediaKind::Screen),
            Change::Unpublished(TrackId::new(ada, 3)),
            Change::Left(bob),
            Change::Joined(again),
            Change::Left(ada),
        ]
    );
    assert!(
        out.iter()
            .all(|event| matches!(event.to, Recipients::AllBut(_)))
    );
}

#[test]
fn a_refused_request_causes_no_event() {
    let mut owner = Owner::new(room::Limits::default(), delivery::Limits::default());
    let mut out = Vec::new();
    let ada = join(&mut owner, "ada", &mut out);
    out.clear();
    let stranger = ask(&mut owner, ada + 1, publish(MediaKind::Video), &mut out);
    assert_eq!(stranger, Err(Refusal::NotJoined));
    let end = Request::Unpublish(Unpublish { number: 3 });
    assert_eq!(
        ask(&mut owner, ada, end, &mut out),
        Err(Refusal::NoSuchTrack)
    );
    // Who receives what is for the edge to know.
    let subscribe = Request::Subscribe(Subscribe::default());
    assert_eq!(
        ask(&mut owner, ada, subscribe, &mut out),
        Err(Refusal::UnknownMessage)
    );
    assert_eq!(out, []);
}
