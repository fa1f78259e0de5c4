//! Members come and go, and no frame of theirs is taken for one that cannot be decrypted.
//!
//! Control messages and media each take a time of their own: frames come before and after their
//! keys.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use super::network::Conditions;
use super::world::World;

const UNEVEN: Conditions = Conditions {
    loss: 0.0,
    delay: Duration::from_millis(5),
    jitter: Duration::from_millis(115),
    control_jitter: Duration::from_millis(80),
    tick: Duration::from_millis(20),
    interval: Duration::from_millis(20),
    frame_bytes: 100,
};

/// An alarm ends the test; see `Guest::on_event`.
#[test]
fn a_hundred_joins_and_leaves_alarm_nobody() {
    let mut world = World::new(5, &["ada", "bob"], UNEVEN);
    world.run(Duration::from_secs(4));
    let (mut guests, mut rejected) = (VecDeque::new(), 0);
    for n in 0..100 {
        // Some come while the last one is still on the way in, some leave then.
        let user = format!("guest {}", n % 8);
        world.join(&user);
        guests.push_back(user);
        let stay = 300 + world.rng.below(2_200);
        world.run(Duration::from_millis(stay));
        if guests.len() > 2 {
            let user = guests.pop_front().expect("three are here");
            rejected += world.close(&user).rejected(world.now);
        }
    }
    world.run(Duration::from_secs(10));
    let codes: BTreeSet<_> = world.guests.iter().map(|guest| &guest.code).collect();
    assert_eq!((world.guests.len(), codes.len()), (4, 1), "they agree");
    // Frames did come on the wrong side of changes, and the calls work.
    let here = world.guests.iter().map(|guest| guest.rejected(world.now));
    rejected += here.sum::<u64>();
    assert!(rejected > 100, "only {rejected} frames did not open");
    let opened = |of: &str, by: &str| {
        let guest = world.guests.iter().find(|guest| guest.user == by);
        guest.expect("here").opened(world.now, of)
    };
    let (by_newcomer, by_ada) = (opened("ada", &guests[1]), opened("bob", "ada"));
    // Of 7,500. Each is a key frame, so that one which was overtaken is not needed any more.
    assert!(
        by_newcomer > 100 && by_ada > 3_000,
        "{by_newcomer} and {by_ada} frames were opened"
    );
}
