//! A delivery service that does what it likes: what members see of it, and what they do not fall
//! for.
#![allow(
    clippy::unwrap_used,
    reason = "a room that does not agree fails the test"
)]

#[path = "mls_hostile/single_session.rs"]
mod single_session;
mod support;

use std::collections::BTreeSet;

use smrtc_e2ee::Rng;
use smrtc_e2ee::mls::{Event, Input, Suite};
use support::world::{Tamper, World};

const SECOND: u64 = 1_000_000;
const SUITE: Suite = Suite::P256Aes128GcmSha256;

fn room(users: &[&str]) -> World {
    World::of(SUITE, 11, users)
}

fn is_mls(input: &Input) -> bool {
    !matches!(
        input,
        Input::Joined { .. } | Input::PeerJoined { .. } | Input::PeerLeft { .. } | Input::Rotate
    )
}

/// Loses a share of all messages of MLS.
fn dropping(percent: u64) -> Tamper {
    Box::new(move |rng, _, input| {
        let lost = is_mls(&input) && rng.below(100) < percent;
        if lost { Vec::new() } else { vec![input] }
    })
}

fn bytes_of(input: &mut Input) -> Vec<&mut Vec<u8>> {
    match input {
        Input::Group(Some(snapshot)) => {
            let tree = snapshot.ratchet_tree.as_mut();
            [Some(&mut snapshot.group_info), tree]
                .into_iter()
                .flatten()
                .collect()
        }
        Input::Committed { commit, .. } => vec![commit],
        Input::Welcome {
            welcome,
            ratchet_tree,
            ..
        } => vec![welcome, ratchet_tree],
        Input::KeyPackage { key_package, .. } => key_package.iter_mut().collect(),
        Input::Heartbeat { heartbeat, .. } => vec![heartbeat],
        _ => Vec::new(),
    }
}

fn told(world: &World, what: impl Fn(&Event) -> bool) -> usize {
    let pages = world.pages.values();
    pages.filter(|page| page.events.iter().any(&what)).count()
}

#[test]
fn dropped_commits_heal() {
    for percent in [5, 30] {
        let mut world = room(&["alice", "bob", "carol", "dave"]);
        world.tamper = Some(dropping(percent));
        for round in 0..4 {
            world.deliver(1 + round % 4, Input::Rotate);
            world.run(15 * SECOND);
        }
        world.tamper = None;
        world.run(60 * SECOND);
        world.agreed().unwrap();
        world.assert_all_hear_all();
    }
}

#[test]
fn flipped_bits_are_never_accepted() {
    let mut world = room(&["alice", "bob", "carol"]);
    world.tamper = Some(Box::new(|rng, _, mut input| {
        for bytes in bytes_of(&mut input) {
            if !bytes.is_empty() {
                let bit = rng.below(8 * bytes.len() as u64) as usize;
                bytes[bit / 8] ^= 1 << (bit % 8);
            }
        }
        vec![input]
    }));
    let roster = world.pages[&1].session.roster().to_vec();
    for round in 0..10 {
        world.deliver(1 + round % 3, Input::Rotate);
        world.run(3 * SECOND);
    }
    // Whoever took a changed message would be in an epoch that nobody else is in, with this roster
    // or another.
    assert!(told(&world, |event| matches!(event, Event::Refused { .. })) > 0);
    assert_eq!(
        told(&world, |event| matches!(event, Event::Confirmed { .. })),
        3
    );
    for page in world.pages.values() {
        let users: BTreeSet<_> = page.session.roster().iter().map(|it| &it.user).collect();
        let known: BTreeSet<_> = roster.iter().map(|it| &it.user).collect();
        assert!(users.is_subset(&known), "{users:?}");
    }
    world.tamper = None;
    world.run(60 * SECOND);
    world.agreed().unwrap();
    world.assert_all_hear_all();
}

#[test]
fn garbage_from_the_gateway_changes_nothing() {
    let mut world = room(&["alice", "bob", "carol"]);
    let code = world.pages[&2]
        .session
        .verification_code()
        .map(str::to_owned);
    let epoch = world.pages[&2].session.epoch().unwrap();
    for round in 0..200 {
        let mut garbage = vec![0; world.rng.below(300) as usize];
        world.rng.fill(&mut garbage).unwrap();
        if round % 2 == 0 && garbage.len() > 4 {
            garbage[..4].copy_from_slice(&[0, 1, 0, 1]);
        }
        let input = match round % 5 {
            0 => Input::Committed {
                epoch,
                participant_id: 1,
                commit: garbage,
                created: false,
            },
            1 => Input::Welcome {
                epoch,
                welcome: garbage.clone(),
                ratchet_tree: garbage,
            },
            2 => Input::Heartbeat {
                participant_id: 1,
                heartbeat: garbage,
            },
            3 => Input::KeyPackage {
                participant_id: 3,
                key_package: Some(garbage),
            },
            _ => Input::Outcome {
                accepted: true,
                epoch: epoch + 1,
            },
        };
        world.deliver(2, input);
        world.run(50_000);
    }
    world.run(5 * SECOND);
    world.agreed().unwrap();
    assert_eq!(
        world.pages[&2]
            .session
            .verification_code()
            .map(str::to_owned),
        code
    );
    world.assert_all_hear_all();
}

#[test]
fn replayed_commits_and_welcomes_do_nothing() {
    let mut world = World::new(SUITE, 2);
    let recorded = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
    let tape = recorded.clone();
    world.tamper = Some(Box::new(move |_, to, input| {
        if matches!(input, Input::Committed { .. } | Input::Welcome { .. }) {
            tape.borrow_mut().push((to, input.clone()));
        }
        vec![input]
    }));
    for user in ["alice", "bob", "carol"] {
        world.join(user);
        world.run(SECOND);
    }
    world.deliver(1, Input::Rotate);
    world.run(5 * SECOND);
    world.tamper = None;
    world.agreed().unwrap();
    let code = world.pages[&1]
        .session
        .verification_code()
        .map(str::to_owned);
    let tape = recorded.borrow().clone();
    assert!(tape.len() >= 4, "{}", tape.len());
    let now = world.pages[&1].session.epoch().unwrap();
    for (to, input) in tape {
        // As it was, and as if it were of this epoch.
        world.deliver(to, input.clone());
        if let Input::Committed {
            participant_id,
            commit,
            ..
        } = input
        {
            let created = false;
            world.deliver(
                to,
                Input::Committed {
                    epoch: now,
                    participant_id,
                    commit,
                    created,
                },
            );
        }
        world.run(SECOND);
    }
    world.agreed().unwrap();
    assert_eq!(
        world.pages[&1]
            .session
            .verification_code()
            .map(str::to_owned),
        code
    );
}

#[test]
fn a_ghost_is_in_every_roster_and_changes_the_code() {
    let mut world = room(&["alice", "bob"]);
    let code = world.pages[&1]
        .session
        .verification_code()
        .map(str::to_owned);
    // The gateway lets in somebody of its own and tells nobody.
    world.tamper = Some(Box::new(|_, _, input| match input {
        Input::PeerJoined { .. } => Vec::new(),
        other => vec![other],
    }));
    world.join("ghost");
    world.run(2_500_000);
    for id in [1, 2] {
        let page = &world.pages[&id];
        let seen = page.events.iter().any(|event| {
            matches!(event, Event::Roster { joined, .. } if joined.iter().any(|it| it.user == "ghost"))
        });
        assert!(seen, "{:?}", page.events);
        assert_ne!(page.session.verification_code().map(str::to_owned), code);
    }
    // And out it goes again, for nobody knows it.
    world.run(5 * SECOND);
    for id in [1, 2] {
        let roster = world.pages[&id].session.roster();
        assert!(roster.iter().all(|member| member.user != "ghost"));
    }
}

#[test]
fn two_groups_show_by_heartbeat_and_by_code() {
    let mut world = room(&["alice", "bob", "carol", "dave"]);
    world.second = Some((world.service.clone(), BTreeSet::from([3, 4])));
    world.deliver(1, Input::Rotate);
    world.deliver(3, Input::Rotate);
    world.run(30 * SECOND);
    let codes: Vec<_> = world
        .pages
        .values()
        .map(|page| page.session.verification_code().map(str::to_owned))
        .collect();
    assert_eq!(codes[0], codes[1]);
    assert_eq!(codes[2], codes[3]);
    assert_ne!(codes[0], codes[2]);
    let split = |event: &Event| matches!(event, Event::Split { .. });
    assert_eq!(told(&world, split), 4);
    let frame = world.seal(1, b"for one half").unwrap();
    assert!(world.open(2, &frame).is_ok());
    assert!(world.open(3, &frame).is_err());
}

#[test]
fn withheld_heartbeats_and_commits_are_told() {
    let mut world = room(&["alice", "bob", "carol"]);
    // Alice is kept in the dark.
    world.tamper = Some(Box::new(|_, to, input| match input {
        Input::Heartbeat { .. } | Input::Committed { .. } if to == 1 => Vec::new(),
        other => vec![other],
    }));
    world.run(60 * SECOND);
    let dark = world.pages[&1]
        .events
        .iter()
        .any(|event| matches!(event, Event::Unconfirmed { users } if users == &["bob", "carol"]));
    assert!(dark, "{:?}", world.pages[&1].events);
    assert!(
        !world.pages[&2]
            .events
            .iter()
            .any(|it| matches!(it, Event::Unconfirmed { .. }))
    );
}
