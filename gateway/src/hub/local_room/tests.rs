//! A model test: random requests against the simplest model that could be right. What the
//! participants know is what they were told, byte for byte.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use smrtc_engine::TrackId;
use smrtc_engine::control::v1::{
    Leave, MediaKind, Publish, ServerMessage, Subscribe, Track, Unpublish, Unsubscribe, UpdateTrack,
};

use super::*;
use crate::{auth::Role, edge::Output, room};

const LIMITS: room::Limits = room::Limits {
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
    let who = || 0u8..6;
    let track = || prop_oneof![9 => 0u32..3, 1 => Just(256u32)];
    let join = (0u8..6, any::<bool>()).prop_map(|(user, audience)| {
        let audience = audience && user == 0;
        Operation::Join { user, audience }
    });
    let publish = (who(), track()).prop_map(|(who, track)| Operation::Publish { who, track });
    let update = (who(), track(), any::<bool>())
        .prop_map(|(who, track, muted)| Operation::Update { who, track, muted });
    let unpublish = (who(), track()).prop_map(|(who, track)| Operation::Unpublish { who, track });
    let subscribe = (who(), who(), track()).prop_map(|(who, to, track)| Operation::Subscribe {
        who,
        to,
        track,
    });
    let unsubscribe = (who(), who(), track()).prop_map(|(who, to, track)| Operation::Unsubscribe {
        who,
        to,
        track,
    });
    prop_oneof![
        3 => join,
        1 => who().prop_map(|who| Operation::Leave { who }),
        3 => publish,
        1 => update,
        1 => unpublish,
        4 => subscribe,
        1 => unsubscribe,
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

    fn apply(&mut self, notifications: Vec<(ParticipantId, Body)>) {
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

/// A room with what it told since it was asked last.
struct Run {
    room: LocalRoom,
    shared: Shared,
    tickets: u8,
}

impl Run {
    fn new() -> Self {
        let limits = Limits {
            room: LIMITS,
            ..Limits::default()
        };
        Self {
            room: LocalRoom::new("room", RoomKey(1), &limits),
            shared: Shared::default(),
            tickets: 0,
        }
    }

    /// Who joined, what everybody else was told meanwhile, and who is in by the answer.
    #[expect(clippy::type_complexity, reason = "a test's own triple")]
    fn join(
        &mut self,
        user: u8,
        role: Role,
    ) -> Result<(ParticipantId, Vec<(ParticipantId, Body)>, Joined), Refusal> {
        self.tickets += 1;
        let permissions = Permissions::for_test("room", &user.to_string(), role);
        let request = (1, &Join::default());
        let ticket = [self.tickets; 32];
        let id = self.room.join(
            Instant::ZERO,
            &permissions,
            request,
            &ticket,
            &mut self.shared,
        )?;
        let (answer, told) = self.take_outputs(id);
        match answer {
            Some(Body::Joined(joined)) => Ok((id, told, joined)),
            other => panic!("{other:?}"),
        }
    }

    /// Whether a request is done, and what everybody was told for it.
    fn ask(&mut self, id: ParticipantId, request: Request) -> (bool, Vec<(ParticipantId, Body)>) {
        let now = Instant::ZERO;
        self.room
            .request(now, id, 1, Some(request), &mut self.shared);
        let (answer, told) = self.take_outputs(id);
        (matches!(answer, Some(Body::Done(_))), told)
    }

    /// The answer to `id`, and all else in order.
    fn take_outputs(&mut self, id: ParticipantId) -> (Option<Body>, Vec<(ParticipantId, Body)>) {
        let (mut answer, mut told) = (None, Vec::new());
        while let Some(output) = self.shared.outputs.pop() {
            let Output::Message(to, message) = output else {
                continue;
            };
            let ServerMessage { reply_to, body } = message.decode();
            let body = body.unwrap();
            if reply_to == 0 {
                told.push((to.participant, body));
            } else {
                assert_eq!((to.participant, reply_to), (id, 1));
                assert!(answer.replace(body).is_none(), "answered twice");
            }
        }
        (answer, told)
    }

    fn members(&self) -> Vec<ParticipantId> {
        let members = self.room.edge.members();
        members.map(|member| member.participant).collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    #[test]
    fn a_room_agrees_with_the_model_after_any_operations(
        operations in prop::collection::vec(operation(), 1..120)
    ) {
        let mut run = Run::new();
        let mut model = Model::default();
        for operation in operations {
            run.check(&mut model, operation)?;
            model.compare(&run)?;
        }
    }
}

impl Run {
    /// Asks for an operation and compares what comes of it with the model.
    fn check(&mut self, model: &mut Model, operation: Operation) -> Result<(), TestCaseError> {
        // The `who`-th participant, so that operations hit living ones; beyond the end, one who
        // never was.
        let members = self.members();
        let pick = |index: u8| members.get(usize::from(index)).copied().unwrap_or(999);
        match operation {
            Operation::Join { user, audience } => return self.check_join(model, user, audience),
            Operation::Leave { who } => {
                let id = pick(who);
                let (done, told) = self.ask(id, Request::Leave(Leave {}));
                prop_assert_eq!(done, model.participants.contains_key(&id));
                model.forget(id);
                model.apply(told);
            }
            Operation::Publish { who, track: number } => {
                let id = pick(who);
                let live = model.tracks.keys().filter(|t| t.sender == id).count();
                let ok = number < 256
                    && model.participants.get(&id).is_some_and(|(_, may)| *may)
                    && live < LIMITS.tracks
                    && !model.tracks.contains_key(&TrackId::new(id, number as u8));
                let track = track(number, false);
                let (done, told) = self.ask(id, Request::Publish(Publish { track }));
                prop_assert_eq!(done, ok);
                if ok {
                    model.tracks.insert(TrackId::new(id, number as u8), false);
                }
                model.apply(told);
            }
            Operation::Update {
                who,
                track: number,
                muted,
            } => {
                let id = pick(who);
                let ok = number < 256 && model.tracks.contains_key(&TrackId::new(id, number as u8));
                let track = track(number, muted);
                let (done, told) = self.ask(id, Request::UpdateTrack(UpdateTrack { track }));
                prop_assert_eq!(done, ok);
                if ok {
                    model.tracks.insert(TrackId::new(id, number as u8), muted);
                }
                model.apply(told);
            }
            Operation::Unpublish { who, track: number } => {
                let id = pick(who);
                let ok = number < 256
                    && model
                        .tracks
                        .remove(&TrackId::new(id, number as u8))
                        .is_some();
                let (done, told) = self.ask(id, Request::Unpublish(Unpublish { number }));
                prop_assert_eq!(done, ok);
                if ok {
                    model
                        .subscriptions
                        .retain(|(_, t)| *t != TrackId::new(id, number as u8));
                }
                model.apply(told);
            }
            Operation::Subscribe {
                who,
                to,
                track: number,
            } => {
                let (id, to) = (pick(who), pick(to));
                let wanted = (id, TrackId::new(to, number as u8));
                let held = model
                    .subscriptions
                    .iter()
                    .filter(|(who, _)| *who == id)
                    .count();
                let ok = number < 256
                    && id != to
                    && model.participants.contains_key(&id)
                    && model.tracks.contains_key(&wanted.1)
                    && (held < LIMITS.subscriptions || model.subscriptions.contains(&wanted));
                let request = Subscribe {
                    participant_id: to,
                    track: number,
                    ..Subscribe::default()
                };
                let (done, told) = self.ask(id, Request::Subscribe(request));
                prop_assert_eq!((done, told.len()), (ok, 0));
                if ok {
                    model.subscriptions.insert(wanted);
                }
            }
            Operation::Unsubscribe {
                who,
                to,
                track: number,
            } => {
                let (id, to) = (pick(who), pick(to));
                let ok = number < 256
                    && model
                        .subscriptions
                        .remove(&(id, TrackId::new(to, number as u8)));
                let request = Unsubscribe {
                    participant_id: to,
                    track: number,
                };
                let (done, told) = self.ask(id, Request::Unsubscribe(request));
                prop_assert_eq!((done, told.len()), (ok, 0));
            }
        }
        Ok(())
    }

    fn check_join(
        &mut self,
        model: &mut Model,
        user: u8,
        audience: bool,
    ) -> Result<(), TestCaseError> {
        let role = if audience {
            Role::Audience
        } else {
            Role::Anchor
        };
        let mut participants = model.participants.iter();
        let present = participants
            .find(|(_, (name, _))| *name == user)
            .map(|(id, _)| *id);
        let full = present.is_none() && model.participants.len() == LIMITS.participants;
        let (id, told, joined) = match self.join(user, role) {
            Ok(joined) => joined,
            Err(refusal) => {
                prop_assert!(full, "{refusal}");
                return Ok(());
            }
        };
        prop_assert!(!full);
        prop_assert_eq!(joined.participant_id, id);
        prop_assert!(id != 0 && model.ids_ever.insert(id));
        if let Some(old) = present {
            model.forget(old);
        }
        let tracks = joined.peers.iter().flat_map(|peer| {
            let of_peer = peer.tracks.iter();
            of_peer.map(|t| (TrackId::new(peer.participant_id, t.number as u8), t.muted))
        });
        let view: BTreeMap<_, _> = tracks.collect();
        let peers: Vec<_> = joined
            .peers
            .iter()
            .map(|peer| peer.participant_id)
            .collect();
        prop_assert_eq!(
            peers,
            model.participants.keys().copied().collect::<Vec<_>>()
        );
        model.apply(told);
        model.participants.insert(id, (user, !audience));
        model.views.insert(id, view);
        Ok(())
    }
}

impl Model {
    /// Whether the room holds what the model does, and everybody was told so.
    fn compare(&self, run: &Run) -> Result<(), TestCaseError> {
        let edge = &run.room.edge;
        prop_assert_eq!(
            run.members(),
            self.participants.keys().copied().collect::<Vec<_>>()
        );
        prop_assert_eq!(run.room.is_empty(), self.participants.is_empty());
        for (id, view) in &self.views {
            let others = self.tracks.iter().filter(|(track, _)| track.sender != *id);
            let others: BTreeMap<_, _> = others.map(|(track, muted)| (*track, *muted)).collect();
            prop_assert_eq!(view, &others, "what participant {} was told", id);
            let subscribed: Vec<_> = edge
                .subscriptions(*id)
                .into_iter()
                .map(|(t, _)| t)
                .collect();
            let expected = self.subscriptions.iter().filter(|(who, _)| who == id);
            let expected: Vec<_> = expected.map(|(_, track)| *track).collect();
            prop_assert_eq!(subscribed, expected);
        }
        for track in self.tracks.keys() {
            let receivers: Vec<_> = edge
                .receivers(*track)
                .into_iter()
                .map(|(id, _)| id)
                .collect();
            let expected = self.subscriptions.iter().filter(|(_, of)| of == track);
            let expected: Vec<_> = expected.map(|(who, _)| *who).collect();
            prop_assert_eq!(receivers, expected);
        }
        Ok(())
    }
}
