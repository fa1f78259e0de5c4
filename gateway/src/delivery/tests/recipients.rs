//! Whom a commit reaches, and how much one sender can make others receive.

use super::*;

/// Most bytes that wait for a client before it is closed (`net/outlet.rs`).
const CONTROL_QUEUE: usize = 4 << 20;

fn bytes_to(to: ParticipantId, posts: &[Post]) -> usize {
    let of = |post: &Post| match &post.body {
        Body::MlsWelcome(welcome) => welcome.welcome.len() + welcome.ratchet_tree.len(),
        Body::MlsCommitted(committed) => committed.commit.len(),
        Body::MlsHeartbeat(heartbeat) => heartbeat.heartbeat.len(),
        _ => 0,
    };
    posts.iter().filter(|post| post.to == to).map(of).sum()
}

#[test]
fn recipients_that_a_commit_may_not_have_are_refused_and_none_of_them_hears_of_it() {
    let mut room = Room::new();
    room.commit(1, create()).unwrap();
    room.commit(2, ends(0, Some("2"))).unwrap();
    let three = room.claimed(1, &[3]);
    let (to, package) = three[0].clone();
    // As if it was another user's, under keys that the sender has made.
    let forged = key_package("3", 200);
    let with_welcomes = |welcomes: Vec<_>| v1::MlsCommit {
        welcomes,
        ..adds(1, &three)
    };
    let refused = [
        ("nobody", with_welcomes(vec![welcome(9999)])),
        ("64 times the same", with_welcomes(vec![welcome(3); 64])),
        (
            "twice",
            adds(1, &[(to, package.clone()), (to, package.clone())]),
        ),
        (
            "somebody else as well",
            with_welcomes(vec![welcome(3), welcome(4)]),
        ),
        ("another than is added", with_welcomes(vec![welcome(4)])),
        ("no Welcome", with_welcomes(vec![])),
        (
            "nobody is added",
            v1::MlsCommit {
                commit: commit(b"room", 1, None),
                ..adds(1, &three)
            },
        ),
        ("a KeyPackage of its own making", adds(1, &[(3, forged)])),
        (
            "by one who comes in",
            v1::MlsCommit {
                commit: commit_of(b"room", 1, Some("1"), std::slice::from_ref(&package)),
                ..adds(1, &three)
            },
        ),
    ];
    let count = refused.len() as u64;
    for (what, commit) in refused {
        let (reply, posts) = room.ask(1, Request::MlsCommit(commit));
        assert!(
            matches!(reply, Err(Refusal::InvalidArgument(_))),
            "{what}: {reply:?}"
        );
        assert_eq!(posts, [], "{what}");
    }
    let (reply, _) = room.ask(2, Request::MlsCommit(adds(1, &three)));
    assert!(reply.is_err(), "a KeyPackage that another was given");
    assert_eq!(room.counters.refused, count + 1);
    assert_eq!(room.members(), [1, 2]);

    // The number of one who comes later is not taken by an invention.
    room.join(9999, Role::Anchor);
    assert_eq!(room.upload(9999, 1), [1, 2]);
    assert_eq!(room.commit(1, adds(1, &three)), Ok((true, 2)));
    assert_eq!(room.members(), [1, 2, 3]);
    let again = room.ask(1, Request::MlsCommit(adds(2, &three)));
    assert!(again.0.is_err() && again.1.is_empty(), "a member already");
}

#[test]
fn one_who_left_before_it_was_welcomed_costs_the_others_no_commit() {
    let mut room = Room::new();
    room.commit(1, create()).unwrap();
    let both = room.claimed(1, &[2, 3]);
    room.delivery.leave(3, &mut Vec::new());
    let (reply, posts) = room.ask(1, Request::MlsCommit(adds(0, &both)));
    assert!(matches!(reply, Ok(Some(Body::MlsOutcome(it))) if it.accepted));
    let told: Vec<_> = posts.iter().map(|post| post.to).collect();
    assert_eq!((told, room.members()), (vec![2], vec![1, 2]));
}

#[test]
fn five_welcomes_with_large_trees_do_not_fill_the_queue_of_a_victim() {
    let mut room = Room::new();
    room.commit(1, create()).unwrap();
    let mut to_victim = 0;
    let mut accepted = 0;
    for number in 0..5 {
        room.upload(2, number);
        let commit = v1::MlsCommit {
            ratchet_tree: vec![9; 900 << 10],
            ..adds(accepted, &[(2, room.claim(1, 2))])
        };
        let (reply, posts) = room.ask(1, Request::MlsCommit(commit));
        match reply {
            Ok(Some(Body::MlsOutcome(outcome))) => accepted += u64::from(outcome.accepted),
            other => assert!(other.is_err(), "{other:?}"),
        }
        to_victim += bytes_to(2, &posts);
    }
    assert_eq!(accepted, 1, "it is a member after the first");
    assert!((900 << 10..1 << 20).contains(&to_victim), "{to_victim}");

    // Nor by commits, which go to all members.
    let mut room = Room::new();
    room.commit(1, create()).unwrap();
    room.commit(2, ends(0, Some("2"))).unwrap();
    let (mut to_victim, mut epoch) = (0, 1);
    let before = room.counters.bytes_out;
    for _ in 0..20 {
        let mut commit = ends(epoch, None);
        commit.commit.resize(512 << 10, 0);
        let (reply, posts) = room.ask(1, Request::MlsCommit(commit));
        match reply {
            Ok(_) => epoch += 1,
            Err(refusal) => assert!(matches!(refusal, Refusal::LimitReached(_)), "{refusal}"),
        }
        to_victim += bytes_to(2, &posts);
    }
    assert!((2 << 20..CONTROL_QUEUE).contains(&to_victim), "{to_victim}");
    assert_eq!(room.counters.bytes_out - before, to_victim as u64);
    assert!(room.counters.over_rate > 10);
}

#[test]
fn what_goes_to_many_is_in_memory_once() {
    let mut room = Room::new();
    room.join(5, Role::Audience);
    room.commit(1, create()).unwrap();
    room.commit(2, ends(0, Some("2"))).unwrap();
    room.commit(3, ends(1, Some("3"))).unwrap();
    let both = room.claimed(1, &[4, 5]);
    let (_, posts) = room.ask(1, Request::MlsCommit(adds(2, &both)));
    let mut trees = Vec::new();
    let mut commits = Vec::new();
    for post in &posts {
        match &post.body {
            Body::MlsWelcome(welcome) => trees.push(welcome.ratchet_tree.as_ptr()),
            Body::MlsCommitted(committed) => commits.push(committed.commit.as_ptr()),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((trees.len(), commits.len()), (2, 2));
    assert_eq!((trees[0], commits[0]), (trees[1], commits[1]));
    let group = room.get(4).0.unwrap();
    assert_eq!(group.ratchet_tree.as_ptr(), trees[0]);
}

#[test]
fn claims_cost_a_victim_a_few_key_packages_and_no_more() {
    let mut room = Room::new();
    room.commit(1, create()).unwrap();
    let (mut given, mut asked_for_more) = (0, 0);
    let mut package_of_two = Vec::new();
    for number in 0..40 {
        room.upload(2, number);
        let claim = Request::MlsClaim(v1::MlsClaim { participant_id: 2 });
        let (reply, posts) = room.ask(1, claim);
        let Ok(Some(Body::MlsKeyPackage(package))) = reply else {
            panic!("{reply:?}");
        };
        given += u32::from(!package.key_package.is_empty());
        if number == 0 {
            package_of_two = package.key_package;
        }
        asked_for_more += posts.len();
        if number > 10 {
            break; // 16 are held
        }
    }
    assert_eq!((given, asked_for_more), (4, 4));
    // Somebody else is given his own.
    room.commit(3, ends(0, Some("3"))).unwrap();
    assert!(!room.claim(3, 2).is_empty());
    // Whoever was added may be claimed again, for another group.
    room.commit(1, adds(1, &[(2, package_of_two)])).unwrap();
    assert!(!room.claim(1, 2).is_empty());
}
