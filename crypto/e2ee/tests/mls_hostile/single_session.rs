//! A session alone, which is shown a group of another room, or has no randomness.

use smrtc_e2ee::mls::{
    Event, Identity, Input, MlsSession, Output, Policy, Refused, Request, SessionConfig, State,
    Suite, Timing,
};
use smrtc_e2ee::sframe::CipherSuite;
use smrtc_e2ee::{Rng, RngError};

use super::support::SeededRng;
use super::support::world::World;
use super::{SUITE, room};

fn session(suite: Suite, room: &str, sframe_suite: CipherSuite) -> MlsSession {
    let mut rng = SeededRng::new(77);
    let config = SessionConfig {
        identity: Identity::generate(suite, "mallory", &mut rng).unwrap(),
        sframe_suite,
        room: room.into(),
        policy: Policy::Everyone,
        timing: Timing::default(),
    };
    MlsSession::new(config, Box::new(rng))
}

#[test]
fn another_suite_or_room_is_not_joined() {
    let world = room(&["alice", "bob"]);
    let group = world.service.group.clone().unwrap();
    let sm4 = CipherSuite::Sm4GcmSm3;
    for (suite, room, sframe_suite, joins) in [
        (SUITE, "room", sm4, true),
        (SUITE, "another room", sm4, false),
        (SUITE, "room", CipherSuite::Aes128GcmSha256, false),
        (Suite::Sm2Sm4GcmSm3, "room", sm4, false),
    ] {
        let mut session = session(suite, room, sframe_suite);
        let joined = Input::Joined {
            participant_id: 9,
            peers: Vec::new(),
        };
        session.handle_input(world.clock(), joined);
        let snapshot = smrtc_e2ee::mls::GroupSnapshot {
            epoch: group.epoch,
            group_info: group.group_info.clone(),
            ratchet_tree: group.tree.clone(),
        };
        // Alone in the room, it asks again, with the tree.
        for _ in 0..2 {
            session.handle_input(world.clock(), Input::Group(Some(snapshot.clone())));
        }
        let out: Vec<_> = std::iter::from_fn(|| session.poll_output()).collect();
        let commits = out
            .iter()
            .any(|it| matches!(it, Output::Send(Request::Commit(_))));
        let refuses = out.iter().any(|it| {
            matches!(
                it,
                Output::Event(Event::Refused {
                    what: Refused::Group,
                    ..
                })
            )
        });
        assert_eq!(
            (commits, refuses),
            (joins, !joins),
            "{suite:?} {room} {out:?}"
        );
    }
}

struct NoRandomness;

impl Rng for NoRandomness {
    fn fill(&mut self, _out: &mut [u8]) -> Result<(), RngError> {
        Err(RngError)
    }
}

#[test]
fn without_randomness_there_is_no_key_and_no_group() {
    for suite in Suite::ALL {
        assert!(Identity::generate(suite, "alice", &mut NoRandomness).is_err());
        let config = SessionConfig {
            identity: Identity::generate(suite, "alice", &mut SeededRng::new(4)).unwrap(),
            sframe_suite: CipherSuite::Sm4GcmSm3,
            room: "room".into(),
            policy: Policy::Everyone,
            timing: Timing::default(),
        };
        let mut session = MlsSession::new(config, Box::new(NoRandomness));
        let now = World::new(suite, 1).clock();
        let joined = Input::Joined {
            participant_id: 1,
            peers: Vec::new(),
        };
        session.handle_input(now, joined);
        session.handle_input(now, Input::Group(None));
        assert_eq!(session.state(), State::Joining);
        let out: Vec<_> = std::iter::from_fn(|| session.poll_output()).collect();
        let sent = out.iter().any(|it| {
            matches!(
                it,
                Output::Send(Request::Commit(_) | Request::KeyPackages(_)) | Output::Keys(_)
            )
        });
        let own = |it: &Output| {
            matches!(
                it,
                Output::Event(Event::Refused {
                    what: Refused::Own,
                    ..
                })
            )
        };
        assert!(!sent && out.iter().any(own), "{out:?}");
    }
}
