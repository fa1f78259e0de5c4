//! Commits that the delivery service accepts and members refuse: what goes on all the same, and who
//! is alone with its error.
#![allow(
    clippy::unwrap_used,
    reason = "a room that does not agree fails the test"
)]

mod support;

use std::collections::BTreeSet;

use smrtc_e2ee::mls::{
    CommitRequest, Event, Input, Policy, Refused, Request, RequestKind, State, Suite,
};
use support::service::StoredGroup;
use support::world::{World, open_with};

const SECOND: u64 = 1_000_000;
const SUITE: Suite = Suite::P256Aes128GcmSha256;

fn room(seed: u64, users: &[&str]) -> World {
    World::of(SUITE, seed, users)
}

/// What the gateway reads of a commit and its GroupInfo is right (RFC 9420 §6, §12.4.3: versions,
/// kinds, group, epoch, sender), and nothing else is. There is no tree.
fn garbage(group: &StoredGroup) -> CommitRequest {
    // MLSMessage: version and wire format; GroupContext: version, suite, and the group id of 32
    // bytes with its length.
    let mut group_info = group.group_info.clone();
    let id = group_info[8..41].to_vec();
    assert_eq!(id[0], 32);
    assert_eq!(group_info[41..49], group.epoch.to_be_bytes());
    group_info[41..49].copy_from_slice(&(group.epoch + 1).to_be_bytes());
    let mut commit = vec![0, 1, 0, 1];
    commit.extend_from_slice(&id);
    commit.extend_from_slice(&group.epoch.to_be_bytes());
    // A member's, by leaf 0, without authenticated data; a commit with no proposals and a path that
    // is none.
    commit.extend_from_slice(&[1, 0, 0, 0, 0, 0, 3, 0, 1]);
    commit.extend_from_slice(&[0xa5; 200]);
    CommitRequest {
        epoch: group.epoch,
        commit,
        group_info,
        ratchet_tree: Vec::new(),
        welcomes: Vec::new(),
        create: false,
    }
}

fn inject_garbage(world: &mut World, from: u32) {
    let group = world.service.group.clone().unwrap();
    world.request(from, Request::Commit(garbage(&group)));
    let epoch = world.service.group.as_ref().unwrap().epoch;
    assert_eq!(epoch, group.epoch + 1, "the service has taken it");
}

fn refused(world: &World, id: u32, what: Refused) -> usize {
    let events = world.pages[&id].events.iter();
    events
        .filter(|it| matches!(it, Event::Refused { what: of, .. } if *of == what))
        .count()
}

/// Lets `seconds` pass, in each of which these pages hear each other.
fn run_hearing(world: &mut World, seconds: u64, pages: &[u32]) {
    for _ in 0..seconds {
        world.run(SECOND);
        world.assert_hear_each_other(pages);
    }
}

#[test]
fn a_garbage_commit_keeps_nobody_in_who_has_left() {
    let mut world = room(61, &["alice", "bob", "carol"]);
    inject_garbage(&mut world, 3);
    world.run(SECOND);
    let mut gone = world.leave(3);
    world.run(60 * SECOND);
    world.agreed().unwrap();
    world.assert_all_hear_all();
    for id in [1, 2] {
        assert!(refused(&world, id, Refused::Commit) > 0);
        let page = &world.pages[&id];
        assert_eq!(page.session.roster().len(), 2);
        let epoch = page.session.epoch().unwrap();
        let known = gone
            .base_keys
            .values()
            .any(|key| *key == page.base_keys[&epoch]);
        assert!(!known);
        let frame = world.seal(id, b"after").unwrap();
        assert!(open_with(&mut gone.store, &frame).is_err());
    }
    assert_eq!(world.service.replacements, 1);
}

#[test]
fn garbage_that_does_not_end_keeps_nobody_in_either() {
    let mut world = room(60, &["alice", "bob", "carol", "mallory"]);
    inject_garbage(&mut world, 4);
    world.run(SECOND);
    let mut gone = world.leave(3);
    // As often as the gateway lets one commit, at any moment, until there is a new group.
    let mut injected = 0;
    while world.service.replacements == 0 && injected < 120 {
        let pause = 400_000 + world.rng.below(200_000);
        world.run(pause);
        if world.service.replacements == 0 {
            inject_garbage(&mut world, 4);
            injected += 1;
        }
    }
    assert!((10..120).contains(&injected), "{injected}");
    world.run(5 * SECOND);
    world.agreed().unwrap();
    world.assert_all_hear_all();
    let frame = world.seal(1, b"after").unwrap();
    assert!(open_with(&mut gone.store, &frame).is_err());
}

#[test]
fn a_garbage_commit_alone_changes_nothing_and_the_next_who_comes_gets_in() {
    let mut world = room(62, &["alice", "bob", "carol"]);
    inject_garbage(&mut world, 2);
    run_hearing(&mut world, 100, &[1, 2, 3]);
    assert_eq!(world.service.replacements, 0);
    for page in world.pages.values() {
        assert_eq!(page.session.state(), State::InGroup);
    }
    world.join("dave");
    world.run(60 * SECOND);
    world.agreed().unwrap();
    world.assert_all_hear_all();
    assert_eq!(world.service.replacements, 1);
}

#[test]
fn a_new_group_that_is_refused_is_tried_again_ever_more_rarely_and_told() {
    let mut world = room(63, &["alice", "bob", "carol"]);
    world.service.keeps_live_groups = true;
    inject_garbage(&mut world, 3);
    world.run(SECOND);
    world.leave(3);
    run_hearing(&mut world, 900, &[1, 2]);
    let tried = world.service.refused_replacements;
    assert!((4..=16).contains(&tried), "{tried}");
    for id in [1, 2] {
        let why = "the delivery service refused a request";
        let told = |it: &Event| matches!(it, Event::Refused { why: of, .. } if of == why);
        assert!(world.pages[&id].events.iter().any(told));
    }
    world.service.keeps_live_groups = false;
    world.run(330 * SECOND);
    world.agreed().unwrap();
    world.assert_all_hear_all();
}

#[test]
fn garbage_in_each_new_group_makes_new_groups_ever_more_rarely() {
    let mut world = room(64, &["alice", "bob", "mallory"]);
    let mut seen: Option<Vec<u8>> = None;
    let mut apart = 0;
    for _ in 0..1200 {
        let group = world.service.group.clone().unwrap();
        // Each new group, once all are in, and always something to commit.
        if group.epoch > 0 && seen.as_deref() != Some(&group.group_info[8..41]) {
            seen = Some(group.group_info[8..41].to_vec());
            inject_garbage(&mut world, 3);
        }
        world.deliver(1, Input::Rotate);
        world.run(SECOND);
        let frame = world.seal(1, b"text").unwrap();
        apart += u32::from(world.open(2, &frame).is_err());
    }
    let replaced = world.service.replacements;
    assert!((3..=9).contains(&replaced), "{replaced} in 20 minutes");
    assert!(apart <= 30, "{apart} of 1200 s");
}

#[test]
fn whoever_refuses_alone_whom_the_others_take_is_alone_with_its_error() {
    let mut world = room(65, &["alice", "bob"]);
    world.policy = Policy::Users(["alice", "bob", "carol"].map(str::to_owned).into());
    let carol = world.join("carol");
    world.run(SECOND);
    world.agreed().unwrap();
    world.policy = Policy::Everyone;
    let dave = world.join("dave");
    world.run(SECOND);
    // Carol has lost the others, and they lose nobody, for longer than an epoch lasts.
    run_hearing(&mut world, 400, &[1, 2, dave]);
    assert_eq!(world.service.replacements, 0);
    assert_eq!(world.pages[&carol].session.state(), State::Healing);
    assert!(refused(&world, carol, Refused::Group) > 0);
    world.leave(dave);
    run_hearing(&mut world, 60, &[1, 2]);
    world.agreed().unwrap();
    world.assert_all_hear_all();
}

#[test]
fn whoever_comes_and_takes_not_all_who_are_in_ends_nobodys_group() {
    for admitted in [&["alice", "carol"][..], &["carol", "zoe"]] {
        let mut world = room(66, &["alice", "bob"]);
        world.policy = Policy::Users(admitted.iter().map(|it| (*it).to_owned()).collect());
        let carol = world.join("carol");
        if admitted.contains(&"alice") {
            run_hearing(&mut world, 60, &[1, 2]);
            assert_eq!(world.service.replacements, 0);
        }
        let mut apart = 0;
        for _ in 0..600 {
            world.run(SECOND);
            let frame = world.seal(1, b"text").unwrap();
            apart += u32::from(world.open(2, &frame).is_err());
        }
        world.assert_hear_each_other(&[1, 2]);
        assert_ne!(world.pages[&carol].session.roster().len(), 3);
        assert!(refused(&world, carol, Refused::Group) > 0);
        // She begins a group of her own once, after minutes if somebody of hers is there, and they
        // follow her into it together.
        assert!(
            world.service.replacements <= 1 && apart <= 3,
            "{} groups, {apart} s",
            world.service.replacements
        );
    }
}

#[test]
fn a_group_of_nobody_like_us_keeps_nobody_out() {
    // Mallory is first, and adds the others, who do not take her and do not come: their leaves are
    // in her tree all the same.
    let mut world = World::new(SUITE, 67);
    let mallory = world.join("mallory");
    world.run(SECOND);
    world.policy = Policy::Users(["alice", "bob"].map(str::to_owned).into());
    world.join("alice");
    world.join("bob");
    world.run(20 * SECOND);
    assert_eq!(world.pages[&mallory].session.roster().len(), 3);
    world.run(220 * SECOND);
    world.assert_hear_each_other(&[2, 3]);
    for id in [2, 3] {
        let users: BTreeSet<_> = world.pages[&id]
            .session
            .roster()
            .iter()
            .map(|member| member.user.as_str())
            .collect();
        assert_eq!(users, BTreeSet::from(["alice", "bob"]));
    }
    run_hearing(&mut world, 30, &[2, 3]);
    world.leave(mallory);
    run_hearing(&mut world, 30, &[2, 3]);
    world.agreed().unwrap();
}

#[test]
fn two_tabs_of_one_user_that_come_at_once_bring_nobody_down() {
    let mut world = room(68, &["alice"]);
    let tabs = [world.join("bob"), world.join("bob")];
    let dave = world.join("dave");
    world.run(20 * SECOND);
    world.assert_hear_each_other(&[1, dave]);
    let states = tabs.map(|id| world.pages[&id].session.state());
    assert!(states.contains(&State::InGroup), "{states:?}");
    let roster = world.pages[&1].session.roster();
    assert_eq!(roster.len(), 3, "{roster:?}");
}

#[test]
fn a_service_that_refuses_every_commit_is_asked_ever_more_rarely() {
    let mut world = room(69, &["alice", "bob", "carol"]);
    let commits = std::rc::Rc::new(std::cell::Cell::new(0));
    let counter = commits.clone();
    // Of one who comes and of one who is in.
    world.tamper_request = Some(Box::new(move |_, _, request| match request {
        Request::Commit(_) => {
            counter.set(counter.get() + 1);
            Vec::new()
        }
        Request::KeyPackages(_) => Vec::new(),
        other => vec![other],
    }));
    let dave = world.join("dave");
    world.leave(3);
    let mut seen = 0;
    for _ in 0..3000 {
        world.run(SECOND / 10);
        for _ in seen..commits.get() {
            for id in [1, 2, dave] {
                world.deliver(id, Input::Refused(RequestKind::Commit));
            }
        }
        seen = commits.get();
    }
    // Three who ask, for five minutes.
    assert!((10..=90).contains(&seen), "{seen}");
    world.tamper_request = None;
    world.run(60 * SECOND);
    world.agreed().unwrap();
}
