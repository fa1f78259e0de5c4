//! Media through loss, an outage and a departure, under the keys of a group.

use std::collections::BTreeSet;
use std::time::Duration;

use super::guest::Guest;
use super::network::Conditions;
use super::world::World;

fn lossy(loss: f64) -> Conditions {
    Conditions {
        loss,
        ..Conditions::default()
    }
}

#[test]
fn participants_see_each_other_through_loss_an_outage_and_a_departure() {
    let mut world = World::new(7, &["ada", "bob", "eve"], lossy(0.05));
    world.run(Duration::from_secs(8));
    // About 240 frames were sent; the first are from before the keys.
    assert!(world.fewest() > 100, "only {} frames", world.fewest());
    let code = world.guests[0].code.clone();
    assert!(world.guests.iter().all(|guest| guest.code == code));

    world.outage(Duration::from_secs(5));
    world.forget_frames();
    world.run(Duration::from_secs(6));
    assert!(world.fewest() > 60, "only {} after", world.fewest());
    let joined = |guest: &Guest| {
        guest
            .log
            .iter()
            .filter(|line| line.contains("Joined {"))
            .count()
    };
    assert!(world.guests.iter().all(|guest| joined(guest) >= 2));
    let code_again = world.guests[0].code.clone();
    assert!(world.guests.iter().all(|guest| guest.code == code_again));
    assert_ne!(code, code_again, "another group");

    // The last one leaves; the others make new keys without it.
    let now = world.now;
    world.guests[2].participant.leave(now);
    world.run(Duration::from_secs(1));
    let gone = world.guests.pop().expect("eve");
    world.forget_frames();
    world.run(Duration::from_secs(4));
    assert!(world.fewest() > 60, "only {} without eve", world.fewest());
    let codes: BTreeSet<_> = world.guests.iter().map(|guest| &guest.code).collect();
    assert_eq!(codes.len(), 1);
    assert!(
        !codes.contains(&gone.code),
        "eve has no part in the new keys"
    );
}

#[test]
fn a_run_of_participants_is_a_function_of_its_seed() {
    let run = |seed| {
        let mut world = World::new(seed, &["ada", "bob"], lossy(0.1));
        world.run(Duration::from_secs(3));
        world.outage(Duration::from_secs(1));
        world.run(Duration::from_secs(3));
        world.log()
    };
    let first = run(3);
    assert!(first.len() > 20, "nothing happened: {first:?}");
    assert_eq!(first, run(3));
    assert_ne!(first, run(4));
}
