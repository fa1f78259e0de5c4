//! Random lives of a room: joins, leaves, crashes, reconnections and rotations at any moment, messages lost, doubled and late.
#![allow(
    clippy::unwrap_used,
    reason = "a room that does not agree fails the test"
)]

mod support;

use smrtc_e2ee::mls::{Input, Suite};
use support::world::World;

const SECOND: u64 = 1_000_000;

/// One life; how many frames were sealed, and in how many epochs.
fn live(suite: Suite, seed: u64) -> (usize, u64) {
    let mut world = World::new(suite, seed);
    world.tamper = Some(Box::new(|rng, _, input| {
        let mls = !matches!(
            input,
            Input::Joined { .. } | Input::PeerJoined { .. } | Input::PeerLeft { .. }
        );
        match rng.below(20) {
            0 if mls => Vec::new(),
            1 if mls => vec![input.clone(), input],
            _ => vec![input],
        }
    }));
    let mut users = 0;
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
                world.seal(id, b"frame");
            }
        }
    }
    world.tamper = None;
    world.run(90 * SECOND);
    world
        .agreed()
        .unwrap_or_else(|why| panic!("seed {seed}: {why}"));
    world.assert_all_hear_all();
    (world.sealed.len(), world.service.commits)
}

#[test]
fn no_key_and_nonce_occur_twice_and_all_end_in_one_epoch() {
    let (mut frames, mut commits) = (0, 0);
    for seed in 0..4 {
        let (sealed, committed) = live(Suite::P256Aes128GcmSha256, seed);
        frames += sealed;
        commits += committed;
    }
    let (sealed, committed) = live(Suite::Sm2Sm4GcmSm3, 99);
    frames += sealed;
    commits += committed;
    // `World::seal` fails on the first pair that comes twice.
    assert!(
        frames > 1000 && commits > 100,
        "{frames} frames, {commits} commits"
    );
}
