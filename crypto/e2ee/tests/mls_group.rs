//! The life of a group between pages and an honest delivery service.
#![allow(
    clippy::unwrap_used,
    reason = "a room that does not agree fails the test"
)]

mod support;

use smrtc_e2ee::mls::{Event, Input, Policy, State, Suite};
use smrtc_e2ee::sframe::OpenError;
use support::world::{World, open_with};

const SECOND: u64 = 1_000_000;

fn room(suite: Suite, users: &[&str]) -> World {
    World::of(suite, 7, users)
}

#[test]
fn members_come_and_go_and_always_share_one_epoch_roster_and_code_in_every_suite() {
    for suite in Suite::ALL {
        let mut world = room(suite, &["alice", "bob", "carol"]);
        world.assert_all_hear_all();
        let code = world.pages[&1]
            .session
            .verification_code()
            .map(str::to_owned);
        world.leave(2);
        world.run(SECOND);
        world.agreed().unwrap();
        world.assert_all_hear_all();
        let dave = world.join("dave");
        world.run(SECOND);
        world.agreed().unwrap();
        world.assert_all_hear_all();
        let now = world.pages[&dave]
            .session
            .verification_code()
            .map(str::to_owned);
        assert!(code.is_some() && now.is_some() && code != now);
        for page in world.pages.values() {
            let refused = page
                .events
                .iter()
                .any(|event| matches!(event, Event::Refused { .. }));
            assert!(!refused, "{:?}", page.events);
        }
    }
}

#[test]
fn a_join_is_one_commit_that_adds_and_welcomes() {
    let mut world = room(Suite::P256Aes128GcmSha256, &["alice", "bob"]);
    let commits = world.service.commits;
    world.join("carol");
    // Not enough time for an external commit, which waits 2 s.
    world.run(300_000);
    world.agreed().unwrap();
    assert_eq!(world.service.commits, commits + 1);
}

#[test]
fn with_nobody_to_add_it_a_page_comes_in_by_external_commit() {
    let mut world = room(Suite::P256Aes128GcmSha256, &["alice", "bob"]);
    // Claims find nothing: nobody can add her.
    world.tamper_request = Some(Box::new(|_, _, request| match request {
        smrtc_e2ee::mls::Request::KeyPackages(_) => Vec::new(),
        other => vec![other],
    }));
    let carol = world.join("carol");
    world.run(SECOND);
    assert_eq!(world.pages[&carol].session.state(), State::Joining);
    world.run(3 * SECOND);
    world.agreed().unwrap();
    world.assert_all_hear_all();
}

#[test]
fn departures_within_the_batch_are_one_commit() {
    let mut world = room(Suite::P256Aes128GcmSha256, &["a", "b", "c", "d", "e"]);
    let commits = world.service.commits;
    for id in [2, 4, 5] {
        world.leave(id);
        world.run(20_000);
    }
    world.run(SECOND);
    world.agreed().unwrap();
    assert_eq!(world.service.commits, commits + 1);
}

#[test]
fn when_the_committer_is_silent_the_next_one_steps_in() {
    let mut world = room(Suite::P256Aes128GcmSha256, &["a", "b", "c", "d"]);
    // Whoever commits first loses its connection before: its commit goes nowhere.
    let mut first = None;
    world.tamper_request = Some(Box::new(move |_, from, request| match request {
        smrtc_e2ee::mls::Request::Commit(_) if *first.get_or_insert(from) == from => Vec::new(),
        other => vec![other],
    }));
    world.leave(4);
    world.run(SECOND);
    assert_eq!(world.pages[&1].session.roster().len(), 4);
    world.run(2 * SECOND);
    let left = world
        .pages
        .values()
        .filter(|page| page.session.roster().len() == 3)
        .count();
    assert!(left >= 2, "{left}");
    world.tamper_request = None;
    world.run(10 * SECOND);
    world.agreed().unwrap();
}

#[test]
fn a_page_that_was_taken_out_opens_nothing_sealed_after_and_its_key_no_more() {
    let mut world = room(Suite::Sm2Sm4GcmSm3, &["alice", "bob", "carol"]);
    let before = world.seal(1, b"before").unwrap();
    let mut gone = world.leave(3);
    world.run(SECOND);
    world.agreed().unwrap();
    assert_eq!(open_with(&mut gone.store, &before).unwrap().1, b"before");
    for _ in 0..20 {
        for from in [1, 2] {
            let frame = world.seal(from, b"after").unwrap();
            let opened = open_with(&mut gone.store, &frame);
            assert!(
                matches!(opened, Err(OpenError::UnknownKid(_))),
                "{opened:?}"
            );
        }
    }
}

#[test]
fn a_late_page_opens_nothing_sealed_before_it_came() {
    let mut world = room(Suite::Sm2Sm4GcmSm3, &["alice", "bob"]);
    let before = world.seal(1, b"before").unwrap();
    let late = world.join("carol");
    world.run(SECOND);
    let opened = world.open(late, &before);
    assert!(
        matches!(opened, Err(OpenError::UnknownKid(_))),
        "{opened:?}"
    );
    world.assert_all_hear_all();
}

#[test]
fn frames_of_an_old_epoch_open_for_ten_seconds_and_then_never_again() {
    let mut world = room(Suite::P256Aes128GcmSha256, &["alice", "bob", "carol"]);
    let frames: Vec<_> = (0..2).map(|_| world.seal(1, b"old").unwrap()).collect();
    let epoch = world.pages[&2].session.epoch();
    world.deliver(2, Input::Rotate);
    world.run(4 * SECOND);
    assert!(world.pages[&2].session.epoch() > epoch);
    assert!(world.open(3, &frames[0]).is_ok());
    world.run(10 * SECOND);
    assert_eq!(world.pages[&3].store.provider().epochs().len(), 1);
    assert!(matches!(
        world.open(3, &frames[1]),
        Err(OpenError::UnknownKid(_))
    ));
}

#[test]
fn a_reload_is_a_new_leaf_and_takes_the_old_one_out() {
    let mut world = room(Suite::P256Aes128GcmSha256, &["alice", "bob", "carol"]);
    for _ in 0..3 {
        let id = world
            .pages
            .iter()
            .find(|(_, page)| page.user == "bob")
            .map(|(id, _)| *id);
        world.seal(id.unwrap(), b"one").unwrap();
        world.leave(id.unwrap());
        world.join("bob");
        world.run(5 * SECOND);
        world.agreed().unwrap();
        world.assert_all_hear_all();
    }
}

#[test]
fn a_page_that_lost_its_connection_comes_back_in_a_new_epoch() {
    let mut world = room(Suite::P256Aes128GcmSha256, &["alice", "bob", "carol"]);
    let epoch = world.pages[&2].session.epoch();
    let bob = world.reconnect(2);
    world.run(3 * SECOND);
    world.agreed().unwrap();
    assert!(world.pages[&bob].session.epoch() > epoch);
    world.assert_all_hear_all();
}

#[test]
fn thirty_who_come_at_once_all_get_in() {
    let mut world = World::new(Suite::P256Aes128GcmSha256, 3);
    for user in 0..30 {
        world.join(&format!("user{user}"));
    }
    world.run(20 * SECOND);
    world.agreed().unwrap();
    assert!(
        world.service.commits < 10,
        "{} commits",
        world.service.commits
    );
}

#[test]
fn a_user_whom_the_policy_does_not_admit_is_added_by_nobody() {
    let mut world = World::new(Suite::P256Aes128GcmSha256, 5);
    world.policy = Policy::Users(["alice", "bob"].map(str::to_owned).into());
    world.join("alice");
    world.run(SECOND);
    world.join("bob");
    world.run(SECOND);
    world.agreed().unwrap();
    // Mallory's own policy takes herself; the others' does not.
    world.policy = Policy::Everyone;
    let mallory = world.join("mallory");
    world.run(30 * SECOND);
    world.leave(mallory);
    world.run(30 * SECOND);
    for page in world.pages.values() {
        assert!(
            page.session
                .roster()
                .iter()
                .all(|member| member.user != "mallory")
        );
        assert!(
            page.events
                .iter()
                .any(|event| matches!(event, Event::Refused { .. }))
        );
    }
    world.agreed().unwrap();
}

#[test]
fn heartbeats_confirm_every_member_and_fingerprints_stay_from_call_to_call() {
    let mut world = room(Suite::Sm2Sm4GcmSm3, &["alice", "bob", "carol"]);
    world.run(15 * SECOND);
    let epoch = world.pages[&1].session.epoch().unwrap();
    for page in world.pages.values() {
        let confirmed = page
            .events
            .iter()
            .filter(|event| matches!(event, Event::Confirmed { epoch: of, .. } if *of == epoch));
        assert_eq!(confirmed.count(), 2, "{}", page.user);
    }
    let of = |world: &World, user: &str| {
        let page = world
            .pages
            .values()
            .find(|page| page.user == "alice")
            .unwrap();
        let roster = page.session.roster();
        roster
            .iter()
            .find(|member| member.user == user)
            .unwrap()
            .fingerprint
            .clone()
    };
    let bobs = of(&world, "bob");
    let ids: Vec<_> = world.pages.keys().copied().collect();
    for id in ids {
        world.leave(id);
    }
    world.join("bob");
    world.run(SECOND);
    world.join("alice");
    world.run(SECOND);
    world.agreed().unwrap();
    assert_eq!(of(&world, "bob"), bobs);
}

#[test]
fn an_epoch_that_is_five_minutes_old_is_followed_by_another() {
    let mut world = room(Suite::P256Aes128GcmSha256, &["alice", "bob"]);
    let epoch = world.pages[&1].session.epoch();
    world.run(290 * SECOND);
    assert_eq!(world.pages[&1].session.epoch(), epoch);
    world.run(20 * SECOND);
    assert!(world.pages[&1].session.epoch() > epoch);
    world.agreed().unwrap();
}

#[test]
fn whoever_reloads_with_the_key_that_it_had_is_confirmed_again() {
    let mut world = room(Suite::P256Aes128GcmSha256, &["alice", "bob"]);
    // Long enough for many heartbeats, which the session after the reload does not know of.
    world.run(120 * SECOND);
    let key = |world: &World| {
        let roster = world.pages[&1].session.roster();
        let bob = roster.iter().find(|member| member.user == "bob").unwrap();
        (bob.leaf_index, bob.public_key.clone())
    };
    let before = key(&world);
    world.leave(2);
    world.join("bob");
    world.run(5 * SECOND);
    world.agreed().unwrap();
    assert_eq!(key(&world), before, "the same leaf and key");
    let epoch = world.pages[&1].session.epoch().unwrap();
    let confirmed = Event::Confirmed {
        user: "bob".into(),
        epoch,
    };
    assert!(world.pages[&1].events.contains(&confirmed));
    world.run(60 * SECOND);
    let silent = |it: &Event| matches!(it, Event::Unconfirmed { users } if !users.is_empty());
    assert!(!world.pages[&1].events.iter().any(silent));
}
