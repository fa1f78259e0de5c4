//! What a gateway could still try, beyond `mls_hostile.rs`: with what it recorded, with members of
//! its own, with frames.
#![allow(
    clippy::unwrap_used,
    reason = "a room that does not agree fails the test"
)]

mod support;

use std::cell::RefCell;
use std::rc::Rc;

use smrtc_e2ee::mls::{Event, Input, Output, Request, State, Suite};
use smrtc_e2ee::sframe::OpenError;
use support::world::{World, open_with};

const SECOND: u64 = 1_000_000;
const SUITE: Suite = Suite::P256Aes128GcmSha256;

fn room(seed: u64, users: &[&str]) -> World {
    World::of(SUITE, seed, users)
}

fn code(world: &World, id: u32) -> Option<String> {
    let session = &world.pages[&id].session;
    session.verification_code().map(str::to_owned)
}

/// Records everything that the gateway delivers to anybody.
fn record(world: &mut World) -> Rc<RefCell<Vec<Input>>> {
    let tape = Rc::new(RefCell::new(Vec::new()));
    let recorder = tape.clone();
    world.tamper = Some(Box::new(move |_, _, input| {
        recorder.borrow_mut().push(input.clone());
        vec![input]
    }));
    tape
}

#[test]
fn a_removed_page_that_is_given_everything_learns_nothing_that_comes_after() {
    let mut world = room(31, &["alice", "bob", "carol"]);
    let mut gone = world.leave(3);
    let tape = record(&mut world);
    world.run(SECOND);
    let dave = world.join("dave");
    world.run(SECOND);
    world.deliver(1, Input::Rotate);
    world.run(5 * SECOND);
    world.agreed().unwrap();
    let frames: Vec<_> = [1, 2, dave]
        .map(|id| world.seal(id, b"after").unwrap())
        .into();

    let group = world.service.group.clone().unwrap();
    let everything = tape.borrow().clone();
    assert!(
        everything
            .iter()
            .any(|it| matches!(it, Input::Committed { .. }))
    );
    assert!(
        everything
            .iter()
            .any(|it| matches!(it, Input::Welcome { .. }))
    );
    let now = world.clock();
    for input in everything {
        gone.session.handle_input(now, input);
        // It may even be told that it is in: a commit of its own is accepted that nobody else has
        // seen.
        let snapshot = smrtc_e2ee::mls::GroupSnapshot {
            epoch: group.epoch,
            group_info: group.group_info.clone(),
            ratchet_tree: group.tree.clone(),
        };
        gone.session.handle_input(now, Input::Group(Some(snapshot)));
        let accepted = true;
        let epoch = group.epoch + 1;
        gone.session
            .handle_input(now, Input::Outcome { accepted, epoch });
        while let Some(output) = gone.session.poll_output() {
            if let Output::Keys(keys) = output {
                gone.store.provider_mut().install(world.now, keys);
            }
        }
        for frame in &frames {
            let opened = open_with(&mut gone.store, frame);
            assert!(opened.is_err(), "{opened:?}");
        }
    }
    // And nobody in the room has noticed a thing.
    world.run(SECOND);
    world.agreed().unwrap();
    assert_eq!(world.pages[&1].session.roster().len(), 3);
}

#[test]
fn messages_of_a_group_of_the_gateways_own_change_nothing() {
    let mut world = room(32, &["alice", "bob"]);
    let code_before = code(&world, 1);
    // Its own room of the same name, with members of the same names.
    let mut own = room(33, &["alice", "bob"]);
    let tape = record(&mut own);
    own.deliver(1, Input::Rotate);
    own.join("bob");
    own.run(20 * SECOND);
    let forged = tape.borrow().clone();
    let now = world.pages[&1].session.epoch().unwrap();
    let mut commits = 0;
    for input in forged {
        for id in [1, 2] {
            let input = match input.clone() {
                Input::Committed {
                    participant_id,
                    commit,
                    ..
                } => {
                    commits += 1;
                    Input::Committed {
                        epoch: now,
                        participant_id,
                        commit,
                        created: false,
                    }
                }
                input @ (Input::Welcome { .. } | Input::Heartbeat { .. } | Input::Group(_)) => {
                    input
                }
                _ => continue,
            };
            world.deliver(id, input);
            world.run(100_000);
        }
    }
    assert!(commits > 0);
    world.run(5 * SECOND);
    world.agreed().unwrap();
    assert_eq!(code(&world, 1), code_before);
    for page in world.pages.values() {
        let split = page
            .events
            .iter()
            .any(|it| matches!(it, Event::Split { .. }));
        assert!(!split, "a stranger's heartbeat is no proof of anything");
    }
    world.assert_all_hear_all();
}

#[test]
fn a_key_package_that_is_given_out_again_makes_no_second_member() {
    let mut world = World::new(SUITE, 34);
    let kept = Rc::new(RefCell::new(None));
    let first = kept.clone();
    world.tamper = Some(Box::new(move |_, _, input| match input {
        Input::KeyPackage {
            participant_id,
            key_package: Some(new),
        } => {
            // The first KeyPackage of Bob, for each participant who comes as Bob.
            let key_package = Some(first.borrow_mut().get_or_insert(new).clone());
            vec![Input::KeyPackage {
                participant_id,
                key_package,
            }]
        }
        other => vec![other],
    }));
    world.join("alice");
    world.run(SECOND);
    let bob = world.join("bob");
    world.run(SECOND);
    world.agreed().unwrap();
    let mut gone = world.leave(bob);
    world.run(SECOND);
    let again = world.join("bob");
    world.run(20 * SECOND);
    assert!(kept.borrow().is_some());
    world.agreed().unwrap();
    world.assert_all_hear_all();
    // The page that is gone had the secret of that KeyPackage, and forgot it when it was used.
    let frame = world.seal(again, b"after").unwrap();
    assert!(open_with(&mut gone.store, &frame).is_err());
    assert_eq!(world.pages[&1].session.roster().len(), 2);
}

#[test]
fn late_and_overtaking_messages_heal() {
    let mut world = room(35, &["alice", "bob", "carol", "dave"]);
    let mut held: Vec<(u32, Input)> = Vec::new();
    world.tamper = Some(Box::new(move |rng, to, input| {
        let mls = matches!(
            input,
            Input::Committed { .. }
                | Input::Outcome { .. }
                | Input::Heartbeat { .. }
                | Input::Welcome { .. }
        );
        if mls && rng.below(3) == 0 {
            held.push((to, input));
            return Vec::new();
        }
        let (late, rest) = std::mem::take(&mut held)
            .into_iter()
            .partition(|(of, _)| *of == to);
        held = rest;
        let late: Vec<(u32, Input)> = late;
        std::iter::once(input)
            .chain(late.into_iter().map(|(_, input)| input))
            .collect()
    }));
    for round in 0..6 {
        world.deliver(1 + round % 4, Input::Rotate);
        world.run(10 * SECOND);
    }
    world.tamper = None;
    world.run(60 * SECOND);
    world.agreed().unwrap();
    world.assert_all_hear_all();
}

/// 20 bytes of metadata as `engine/WIRE.md` has them; what each part means does not matter here.
const METADATA: [u8; 20] = [
    1, 0, 2, 0, 0, 0, 0, 1, 0, 0, 0, 9, 0, 1, 0, 0, 0, 3, 0x12, 0x34,
];

#[test]
fn a_frame_moved_to_another_sender_layer_or_time_or_spliced_is_refused() {
    let mut world = room(36, &["alice", "bob", "carol"]);
    let frame = world.seal_with(1, 0, &METADATA, b"alice speaks").unwrap();
    let other = world.seal_with(2, 0, &METADATA, b"bob is here!").unwrap();
    // Their KIDs are known, so that nothing is refused for being one of many unknown ones.
    for id in [1, 2] {
        let first = world.seal(id, b"hello").unwrap();
        assert!(world.open(3, &first).is_ok());
    }
    let store = &mut world.pages.get_mut(&3).unwrap().store;
    for bit in 0..8 * METADATA.len() {
        let mut moved = METADATA;
        moved[bit / 8] ^= 1 << (bit % 8);
        let opened = store.open(&moved, &mut frame.clone()).map(|_| ());
        assert_eq!(opened, Err(OpenError::Authentication), "bit {bit}");
    }
    // The header of one with the body of the other, and with each other's tags.
    assert_eq!(frame.len(), other.len());
    for cut in 1..frame.len() {
        for (front, back) in [(&frame, &other), (&other, &frame)] {
            let mut spliced = [&front[..cut], &back[cut..]].concat();
            if spliced != frame && spliced != other {
                assert!(store.open(&METADATA, &mut spliced).is_err(), "cut {cut}");
            }
        }
    }
    let opened = store.open(&METADATA, &mut frame.clone()).unwrap().kid;
    assert_eq!(store.provider().sender_of(opened), Some((0, "alice")));
}

#[test]
fn a_frame_in_clear_is_never_taken_for_one_that_opened() {
    let mut world = room(37, &["alice", "bob"]);
    let sealed = world.seal(1, b"sealed").unwrap();
    for clear in [&b""[..], b"plain", &[0; 400], &sealed[..sealed.len() - 16]] {
        assert!(world.open(2, clear).is_err(), "{clear:?}");
    }
    assert!(world.open(2, &sealed).is_ok());
}

#[test]
fn two_tabs_of_one_user_never_share_a_key_and_nonce() {
    let mut world = room(38, &["alice", "bob"]);
    let tab = world.join("bob");
    for _ in 0..40 {
        world.run(250_000);
        for id in [1, 2, tab] {
            // `seal` fails on a pair that occurs twice.
            world.seal(id, b"frame");
        }
    }
    // The later tab has taken the leaf; the earlier one knows that it is out, and gets in again
    // when it is alone.
    assert_eq!(world.pages[&2].session.state(), State::Removed);
    world.leave(tab);
    let back = world.reconnect(2);
    world.run(20 * SECOND);
    world.agreed().unwrap();
    world.assert_all_hear_all();
    assert_eq!(world.pages[&back].session.state(), State::InGroup);
}

#[test]
fn a_flood_of_notifications_makes_a_bounded_number_of_requests() {
    let mut world = room(39, &["alice", "bob"]);
    let requests = Rc::new(RefCell::new(0));
    let counter = requests.clone();
    world.tamper_request = Some(Box::new(move |_, _, request| {
        *counter.borrow_mut() += 1;
        match request {
            Request::Claim(_) => Vec::new(),
            other => vec![other],
        }
    }));
    for participant_id in 100..5100 {
        world.deliver(1, Input::AddWanted { participant_id });
    }
    world.run(20 * SECOND);
    let sent = *requests.borrow();
    assert!((1000..1200).contains(&sent), "{sent}");
    assert_eq!(world.pages[&1].session.state(), State::InGroup);
    world.agreed().unwrap();
}
