//! Random lives of a room: joins, leaves, crashes, reconnections and rotations at any moment,
//! messages lost, doubled and late.
#![allow(
    clippy::unwrap_used,
    reason = "a room that does not agree fails the test"
)]

mod support;

use std::collections::BTreeMap;

use smrtc_e2ee::mls::{Event, Input, State, Suite};
use support::world::{Tamper, World};

const SECOND: u64 = 1_000_000;

/// Loses a twentieth of all messages of MLS, doubles another, and holds a third back until one or
/// more others have overtaken it.
fn unreliable() -> Tamper {
    let mut held: BTreeMap<u32, Vec<Input>> = BTreeMap::new();
    Box::new(move |rng, to, input| {
        let mls = !matches!(
            input,
            Input::Joined { .. } | Input::PeerJoined { .. } | Input::PeerLeft { .. }
        );
        let mut arrives = match rng.below(20) {
            0 if mls => Vec::new(),
            1 if mls => vec![input.clone(), input],
            2 if mls => {
                held.entry(to).or_default().push(input);
                return Vec::new();
            }
            _ => vec![input],
        };
        if rng.below(3) == 0 {
            arrives.extend(held.remove(&to).into_iter().flatten());
        }
        arrives
    })
}

/// What one life came to.
#[derive(Default)]
struct Life {
    frames: usize,
    commits: u64,
    /// Crashes, of pages and of workers.
    crashes: u32,
}

/// One life of a room, from a seed.
fn live(suite: Suite, seed: u64) -> Life {
    let mut world = World::new(suite, seed);
    world.tamper = Some(unreliable());
    let (mut users, mut crashes) = (0, 0);
    for _ in 0..25 {
        let ids: Vec<u32> = world.pages.keys().copied().collect();
        let any = ids
            .get(world.rng.below(ids.len().max(1) as u64) as usize)
            .copied();
        match (world.rng.below(8), any) {
            (0 | 1, _) | (_, None) if ids.len() < 6 => {
                users += 1;
                world.join(&format!("user{users}"));
            }
            (2, Some(id)) if ids.len() > 2 => {
                world.leave(id);
            }
            (3, Some(id)) => {
                // A crash, or a reload: the same user without a memory.
                let user = world.leave(id).user;
                world.join(&user);
                crashes += 1;
            }
            (4, Some(id)) => {
                world.reconnect(id);
            }
            (5, Some(id)) => world.deliver(id, Input::Rotate),
            _ => {}
        }
        for _ in 0..5 {
            let pause = world.rng.below(600_000);
            world.run(pause);
            for id in world.pages.keys().copied().collect::<Vec<_>>() {
                // A worker crashes between any two frames, and begins again with the same keys.
                let worker = world.rng.below(8) as usize;
                if worker < 2 {
                    world.crash_worker(id, worker);
                    crashes += 1;
                }
                for worker in [0, 1, 0] {
                    world.seal_with(id, worker, b"metadata", b"frame");
                }
            }
        }
    }
    world.tamper = None;
    world.run(90 * SECOND);
    // Where messages overtake each other, a member may be taken for one that is gone. It is told
    // so, stays outside, and joins again.
    let pages = world.pages.iter();
    let outside = pages.filter(|(_, page)| page.session.state() == State::Removed);
    for id in outside.map(|(id, _)| *id).collect::<Vec<_>>() {
        let page = world.leave(id);
        assert!(
            page.events
                .iter()
                .any(|event| matches!(event, Event::Removed { .. }))
        );
        world.join(&page.user);
        world.run(10 * SECOND);
    }
    world
        .agreed()
        .unwrap_or_else(|why| panic!("seed {seed}: {why}"));
    world.assert_all_hear_all();
    Life {
        frames: world.sealed.len(),
        commits: world.service.commits,
        crashes,
    }
}

#[test]
fn no_key_and_nonce_occur_twice_and_all_end_in_one_epoch() {
    let mut all = Life::default();
    let seeds = (0..4).map(|seed| (Suite::P256Aes128GcmSha256, seed));
    for (suite, seed) in seeds.chain([(Suite::Sm2Sm4GcmSm3, 99)]) {
        let life = live(suite, seed);
        all.frames += life.frames;
        all.commits += life.commits;
        all.crashes += life.crashes;
    }
    // `World::seal_with` fails on the first pair that comes twice.
    let Life {
        frames,
        commits,
        crashes,
    } = all;
    assert!(
        frames > 3000 && commits > 100 && crashes > 200,
        "{frames} frames, {commits} commits, {crashes} crashes"
    );
}

/// The recorder would see a repetition if there were one.
#[test]
#[should_panic(expected = "a key and nonce twice")]
fn the_recorder_notices_a_counter_that_begins_again_under_its_kid() {
    let mut world = World::new(Suite::P256Aes128GcmSha256, 1);
    world.join("alice");
    world.run(SECOND);
    world.seal(1, b"one").unwrap();
    // A broken worker: it comes back with the randomness that it had.
    world.crash_worker(1, 0);
    world.rng = support::SeededRng::new(5);
    world.seal(1, b"two").unwrap();
    world.crash_worker(1, 0);
    world.rng = support::SeededRng::new(5);
    world.seal(1, b"three");
}
