//! A session alone: what it makes of the certificate that it has itself.

use smrtc_e2ee::mls::{
    CertificateError, Event, Identity, Input, MlsSession, Now, Output, Refused, Request,
    SessionConfig, Timing,
};
use smrtc_e2ee::sframe::CipherSuite;

use super::support::SeededRng;
use super::support::certificates::certified;
use super::support::world::World;
use super::{SECOND, SM2, policy, root};

/// What a session with `identity` does that comes first into a room that asks for certificates.
fn first_in_the_room(identity: Identity, now: Now) -> Vec<Output> {
    let mut rng = SeededRng::new(3);
    let config = SessionConfig {
        identity,
        sframe_suite: CipherSuite::Sm4GcmSm3,
        room: "room".into(),
        policy: policy(root(), false),
        timing: Timing::default(),
    };
    rng.below(2);
    let mut session = MlsSession::new(config, Box::new(rng));
    let joined = Input::Joined {
        participant_id: 1,
        peers: Vec::new(),
    };
    session.handle_input(now, joined);
    session.handle_input(now, Input::Group(None));
    std::iter::from_fn(|| session.poll_output()).collect()
}

#[test]
fn a_certificate_serves_from_the_second_in_which_it_begins() {
    // 2026-01-01, when the certificates of root, intermediate and member begin.
    const BEGINS: u64 = 1_767_225_600;
    for (after, serves) in [(-1, false), (0, true), (2, true), (3_600, true)] {
        let now = Now {
            micros: SECOND,
            unix_seconds: BEGINS.saturating_add_signed(after),
        };
        let identity = certified(SM2, "alice", "alice", &["inter"]);
        let out = first_in_the_room(identity, now);
        let creates = out
            .iter()
            .any(|it| matches!(it, Output::Send(Request::Commit(commit)) if commit.create));
        assert_eq!(creates, serves, "{after}");
        let early = Event::CertificateInvalid {
            user: Some("alice".into()),
            why: CertificateError::NotYetValid,
        };
        let told = out
            .iter()
            .any(|it| matches!(it, Output::Event(event) if *event == early));
        assert_eq!(told, !serves, "{after}");
    }
}

#[test]
fn a_session_with_a_bad_certificate_of_its_own_says_so_and_begins_nothing() {
    let now = World::new(SM2, 1).clock();
    let identity = certified(SM2, "mallory", "mallory_expired", &[]);
    let out = first_in_the_room(identity, now);
    let invalid = Event::CertificateInvalid {
        user: Some("mallory".into()),
        why: CertificateError::Expired,
    };
    assert!(
        out.iter()
            .any(|it| matches!(it, Output::Event(event) if *event == invalid)),
        "{out:?}"
    );
    let own = |it: &Output| {
        matches!(
            it,
            Output::Event(Event::Refused {
                what: Refused::Own,
                ..
            })
        )
    };
    assert!(out.iter().any(own), "{out:?}");
    let commits = |it: &Output| matches!(it, Output::Send(smrtc_e2ee::mls::Request::Commit(_)));
    assert!(!out.iter().any(commits), "{out:?}");
}
