//! A model test: random operations against the simplest model that could be right.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use smrtc_engine::control::v1::{
    Join, LeaveReason, MediaKind, Subscribe, Track, Unsubscribe, server_message::Body,
};

use super::*;
use crate::auth::Permissions;

const LIMITS: Limits = Limits {
    participants: 4,
    tracks: 2,
    subscriptions: 3,
};

#[derive(Clone, Debug)]
enum Operation {
    Join { user: u8, audience: bool },
    Leave { who: u8 },
    Publish { who: u8, track: u32 },
    Update { who: u8, track: u32, muted: bool },
    Unpublish { who: u8, track: u32 },
    Subscribe { who: u8, to: u8, track: u32 },
    Unsubscribe { who: u8, to: u8, track: u32 },
}

fn operation() -> impl Strategy<Value = Operation> {
    // Users and participants overlap often; one number above the range of a track to meet its
    // check.
    let who = 0u8..6;
    let track = prop_oneof![9 => 0u32..3, 1 => Just(256u32)];
    prop_oneof![
        3 => (0u8..6, any::<bool>()).prop_map(|(user, audience)| Operation::Join { user, audience: audience && user == 0 }),
        1 => who.clone().prop_map(|who| Operation::Leave { who }),
        3 => (who.clone(), track.clone()).prop_map(|(who, track)| Operation::Publish { who, track }),
        1 => (who.clone(), track.clone(), any::<bool>()).prop_map(|(who, track, muted)| Operation::Update { who, track, muted }),
        1 => (who.clone(), track.clone()).prop_map(|(who, track)| Operation::Unpublish { who, track }),
        4 => (who.clone(), who.clone(), track.clone()).prop_map(|(who, to, track)| Operation::Subscribe { who, to, track }),
        1 => (who.clone(), who, track).prop_map(|(who, to, track)| Operation::Unsubscribe { who, to, track }),
    ]
}

/// What a client that believes every notification knows, and the truth beside it.
#[derive(Default)]
struct Model {
    /// participant → (user, may publish)
    participants: BTreeMap<u32, (u8, bool)>,
    tracks: BTreeMap<TrackId, bool>,
    subscriptions: BTreeSet<(u32, TrackId)>,
    /// Each participant's view of the others' tracks, fed by notifications only.
    views: BTreeMap<u32, BTreeMap<TrackId, bool>>,
    ids_ever: BTreeSet<u32>,
}

impl Model {
    fn forget(&mut self, id: u32) {
        self.participants.remove(&id);
        self.views.remove(&id);
        self.tracks.retain(|track, _| track.sender != id);
        self.subscriptions
            .retain(|(who, track)| *who != id && track.sender != id);
    }

    fn apply(&mut self, notifications: Vec<Notification>) {
        for (to, body) in notifications {
            let view = self
                .views
                .get_mut(&to)
                .expect("only those in the room are told");
            match body {
                Body::PeerJoined(peer) => assert_ne!(peer.participant_id, to),
                Body::PeerLeft(left) => view.retain(|track, _| track.sender != left.participant_id),
                Body::TrackPublished(change) => {
                    let track = change.track.unwrap();
                    let fresh = view.insert(
                        TrackId::new(change.participant_id, track.number as u8),
                        track.muted,
                    );
                    assert_eq!(fresh, None, "published twice");
                }
                Body::TrackUpdated(change) => {
                    let track = change.track.unwrap();
                    let known = view.insert(
                        TrackId::new(change.participant_id, track.number as u8),
                        track.muted,
                    );
                    assert!(known.is_some(), "updated before it was published");
                }
                Body::TrackUnpublished(gone) => {
                    assert!(
                        view.remove(&TrackId::new(gone.participant_id, gone.number as u8))
                            .is_some()
                    );
                }
                other => panic!("not a notification: {other:?}"),
            }
        }
    }
}

fn track(number: u32, muted: bool) -> Option<Track> {
    Some(Track {
        number,
        kind: MediaKind::Video.into(),
        codec: "vp8".into(),
        muted,
        ..Track::default()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    #[test]
    fn a_room_agrees_with_the_model_after_any_operations(operations in prop::collection::vec(operation(), 1..120)) {
        let mut room = Room::new(LIMITS);
        let mut model = Model::default();
        for operation in operations {
            let mut out = Vec::new();
            // The `who`-th participant, so that operations hit living ones; beyond the end, one who
            // never was.
            let pick = |index: u8| room.participants().nth(index.into()).unwrap_or(999);
            match operation {
                Operation::Join { user, audience } => {
                    let role = if audience { Role::Audience } else { Role::Anchor };
                    let permissions = Permissions::for_test("room", &user.to_string(), role);
                    let present = model.participants.iter().find(|(_, (name, _))| *name == user).map(|(id, _)| *id);
                    let full = present.is_none() && model.participants.len() == LIMITS.participants;
                    match room.join(&permissions, &Join::default(), &mut out) {
                        Ok(joined) => {
                            prop_assert!(!full);
                            prop_assert_eq!(joined.replaced, present);
                            prop_assert!(joined.id != 0 && model.ids_ever.insert(joined.id));
                            if let Some(old) = present {
                                model.forget(old);
                            }
                            let view: BTreeMap<_, _> = joined.peers.iter()
                                .flat_map(|peer| peer.tracks.iter().map(|t| (TrackId::new(peer.participant_id, t.number as u8), t.muted)))
                                .collect();
                            let ids: Vec<_> = joined.peers.iter().map(|peer| peer.participant_id).collect();
                            prop_assert_eq!(ids, model.participants.keys().copied().collect::<Vec<_>>());
                            model.apply(out);
                            model.participants.insert(joined.id, (user, !audience));
                            model.views.insert(joined.id, view);
                        }
                        Err(refusal) => prop_assert!(full, "{refusal}"),
                    }
                }
                Operation::Leave { who } => {
                    let id = pick(who);
                    room.leave(id, LeaveReason::Left, &mut out);
                    model.forget(id);
                    model.apply(out);
                }
                Operation::Publish { who, track: number } => {
                    let id = pick(who);
                    let live = model.tracks.keys().filter(|t| t.sender == id).count();
                    let ok = number < 256
                        && model.participants.get(&id).is_some_and(|(_, may)| *may)
                        && live < LIMITS.tracks
                        && !model.tracks.contains_key(&TrackId::new(id, number as u8));
                    prop_assert_eq!(room.publish(id, track(number, false), &mut out).is_ok(), ok);
                    if ok {
                        model.tracks.insert(TrackId::new(id, number as u8), false);
                    }
                    model.apply(out);
                }
                Operation::Update { who, track: number, muted } => {
                    let id = pick(who);
                    let ok = number < 256 && model.tracks.contains_key(&TrackId::new(id, number as u8));
                    prop_assert_eq!(room.update_track(id, track(number, muted), &mut out).is_ok(), ok);
                    if ok {
                        model.tracks.insert(TrackId::new(id, number as u8), muted);
                    }
                    model.apply(out);
                }
                Operation::Unpublish { who, track: number } => {
                    let id = pick(who);
                    let ok = number < 256 && model.tracks.remove(&TrackId::new(id, number as u8)).is_some();
                    prop_assert_eq!(room.unpublish(id, number, &mut out).is_ok(), ok);
                    if ok {
                        model.subscriptions.retain(|(_, t)| *t != TrackId::new(id, number as u8));
                    }
                    model.apply(out);
                }
                Operation::Subscribe { who, to, track: number } => {
                    let (id, to) = (pick(who), pick(to));
                    let wanted = (id, TrackId::new(to, number as u8));
                    let held = model.subscriptions.iter().filter(|(who, _)| *who == id).count();
                    let ok = number < 256
                        && id != to
                        && model.participants.contains_key(&id)
                        && model.tracks.contains_key(&wanted.1)
                        && (held < LIMITS.subscriptions || model.subscriptions.contains(&wanted));
                    let request = Subscribe { participant_id: to, track: number, ..Subscribe::default() };
                    prop_assert_eq!(room.subscribe(id, &request).is_ok(), ok);
                    if ok {
                        model.subscriptions.insert(wanted);
                    }
                }
                Operation::Unsubscribe { who, to, track: number } => {
                    let (id, to) = (pick(who), pick(to));
                    let ok = number < 256 && model.subscriptions.remove(&(id, TrackId::new(to, number as u8)));
                    let request = Unsubscribe { participant_id: to, track: number };
                    prop_assert_eq!(room.unsubscribe(id, &request).is_ok(), ok);
                }
            }

            prop_assert_eq!(room.participants().collect::<Vec<_>>(), model.participants.keys().copied().collect::<Vec<_>>());
            for (id, view) in &model.views {
                let others: BTreeMap<_, _> = model.tracks.iter().filter(|(t, _)| t.sender != *id).map(|(t, m)| (*t, *m)).collect();
                prop_assert_eq!(view, &others, "what participant {} was told", id);
                let subscribed: Vec<_> = room.subscriptions(*id).map(|(track, _)| track).collect();
                let expected: Vec<_> = model.subscriptions.iter().filter(|(who, _)| who == id).map(|(_, t)| *t).collect();
                prop_assert_eq!(subscribed, expected);
            }
            for track in model.tracks.keys() {
                let receivers: BTreeSet<_> = room.subscribers(*track).map(|(id, _)| id).collect();
                let expected: BTreeSet<_> = model.subscriptions.iter().filter(|(_, t)| t == track).map(|(who, _)| *who).collect();
                prop_assert_eq!(receivers, expected);
            }
        }
    }
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
