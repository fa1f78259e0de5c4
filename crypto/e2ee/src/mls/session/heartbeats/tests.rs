//! Heartbeats alone, in virtual time, with real signatures.

use super::*;
use crate::mls::session::membership::Arrivals;
use crate::mls::session::tests::{Counting, SUITE, member};

const SECOND: u64 = 1_000_000;
const PERIOD: u64 = 10 * SECOND;

/// Us on leaf 0, and Bob on leaf 1.
struct Pair {
    heartbeats: Heartbeats,
    membership: Membership,
    rng: SharedRng,
    bobs_secret: Vec<u8>,
}

impl Pair {
    /// In epoch 5 of the group, from 0 on.
    fn new() -> Self {
        let mut rng = SharedRng::new(Box::new(Counting(1)));
        let (secret, public) = SUITE.curve().generate(&mut rng).expect("a key");
        let (mut us, mut bob) = (member(0, "us"), member(1, "bob"));
        us.own = true;
        bob.public_key = public.to_vec();
        let mut membership = Membership::default();
        membership.begin_epoch(vec![us, bob], Arrivals::Unknown);
        let mut pair = Self {
            heartbeats: Heartbeats::default(),
            membership,
            rng,
            bobs_secret: secret.to_vec(),
        };
        pair.begin(0, 5, &[0, 1]);
        pair
    }

    fn begin(&mut self, now: u64, epoch: u64, arrived: &[u16]) {
        let new = NewEpoch {
            group_id: b"group".to_vec(),
            epoch,
            tag: tag_of(epoch),
            membership: &self.membership,
            arrived: &arrived.iter().copied().collect(),
            replaces: false,
        };
        self.heartbeats.begin_epoch(now, new, &mut self.rng);
    }

    /// Bob says that he is in this epoch of this group.
    fn bob_says(
        &mut self,
        now: u64,
        group: &[u8],
        (epoch, tag): (u64, [u8; 32]),
        count: u64,
    ) -> Option<Finding> {
        let heartbeat = Heartbeat {
            leaf: 1,
            epoch,
            count,
            tag,
        };
        let signed = heartbeat.sign(SUITE, group, &self.bobs_secret, &mut self.rng);
        let received = Received {
            user: "bob",
            bytes: &signed.expect("a signature"),
            other_group: Some(b"other group"),
        };
        self.heartbeats
            .on_received(now, SUITE, &self.membership, received)
    }

    fn timeout(&mut self, now: u64) -> Option<Due> {
        self.heartbeats
            .on_timeout(now, PERIOD, &self.membership, &mut self.rng)
    }

    fn most_have_stayed(&self) -> bool {
        self.heartbeats.most_have_stayed([1].into_iter())
    }
}

fn tag_of(epoch: u64) -> [u8; 32] {
    [epoch as u8; 32]
}

#[test]
fn the_first_comes_within_a_second_and_the_others_about_a_period_apart() {
    let mut pair = Pair::new();
    let mut last = 0;
    for count in 1..20 {
        let at = pair.heartbeats.deadline().expect("one is due");
        let pause = at - last;
        if count == 1 {
            assert!(pause < SECOND, "{pause}");
        } else {
            assert!(
                (PERIOD * 7 / 8..=PERIOD * 9 / 8).contains(&pause),
                "{pause}"
            );
        }
        assert_eq!(pair.timeout(at - 1), None);
        let due = pair.timeout(at).expect("it is due");
        assert_eq!((due.heartbeat.epoch, due.heartbeat.leaf), (5, 0));
        assert_eq!((due.heartbeat.count, due.heartbeat.tag), (count, tag_of(5)));
        last = at;
    }
    pair.heartbeats.send_soon(last + 1);
    assert!(pair.timeout(last + 1).is_some());
}

#[test]
fn a_member_with_our_tag_is_confirmed_once_in_an_epoch() {
    let mut pair = Pair::new();
    let here = (5, tag_of(5));
    assert_eq!(
        pair.bob_says(1, b"group", here, 1),
        Some(Finding::Confirmed)
    );
    assert_eq!(pair.bob_says(2, b"group", here, 2), None);
    pair.begin(3, 6, &[]);
    let here = (6, tag_of(6));
    assert_eq!(
        pair.bob_says(4, b"group", here, 3),
        Some(Finding::Confirmed)
    );
}

#[test]
fn another_tag_for_an_epoch_of_ours_is_a_split_and_a_later_epoch_is_ahead() {
    let mut pair = Pair::new();
    let split = pair.bob_says(1, b"group", (5, [9; 32]), 1);
    assert_eq!(split, Some(Finding::Split(5)));
    assert!(!pair.most_have_stayed(), "one against one");
    pair.begin(2, 6, &[]);
    assert!(pair.most_have_stayed(), "nothing was said in this epoch");
    let earlier = pair.bob_says(3, b"group", (5, [9; 32]), 2);
    assert_eq!(earlier, Some(Finding::Split(5)));
    let ahead = pair.bob_says(4, b"group", (7, [9; 32]), 3);
    assert_eq!(ahead, Some(Finding::Ahead));
}

#[test]
fn a_claim_to_be_ahead_that_was_looked_into_counts_no_more_in_the_epoch() {
    let mut pair = Pair::new();
    let claim = (u64::MAX, [9; 32]);
    assert_eq!(pair.bob_says(1, b"group", claim, 1), Some(Finding::Ahead));
    pair.heartbeats.doubt_claims();
    assert!(pair.most_have_stayed());
    assert_eq!(pair.bob_says(2, b"group", claim, 2), None);
    pair.begin(3, 6, &[]);
    assert_eq!(pair.bob_says(4, b"group", claim, 3), Some(Finding::Ahead));
}

#[test]
fn an_old_count_and_what_was_said_before_the_member_came_in_say_nothing() {
    let mut pair = Pair::new();
    let here = (5, tag_of(5));
    assert_eq!(
        pair.bob_says(1, b"group", here, 7),
        Some(Finding::Confirmed)
    );
    pair.begin(2, 6, &[1]);
    assert_eq!(
        pair.bob_says(3, b"group", here, 8),
        None,
        "of an epoch before"
    );
    let here = (6, tag_of(6));
    // After a reload the count begins again.
    assert_eq!(
        pair.bob_says(4, b"group", here, 1),
        Some(Finding::Confirmed)
    );
    assert_eq!(
        pair.bob_says(5, b"group", (6, [9; 32]), 1),
        None,
        "heard before"
    );
}

#[test]
fn a_forged_heartbeat_and_one_under_another_name_say_nothing() {
    let mut pair = Pair::new();
    let here = (5, tag_of(5));
    assert_eq!(pair.bob_says(1, b"forged", here, 1), None);
    let heartbeat = Heartbeat {
        leaf: 1,
        epoch: 5,
        count: 2,
        tag: [9; 32],
    };
    let secret = pair.bobs_secret.clone();
    let signed = heartbeat.sign(SUITE, b"group", &secret, &mut pair.rng);
    let received = Received {
        user: "eve",
        bytes: &signed.expect("a signature"),
        other_group: None,
    };
    let heard = pair
        .heartbeats
        .on_received(2, SUITE, &pair.membership, received);
    assert_eq!(heard, None);
    assert!(pair.most_have_stayed());
}

#[test]
fn a_member_in_the_group_that_we_cannot_follow_has_not_stayed() {
    let mut pair = Pair::new();
    assert_eq!(pair.bob_says(1, b"other group", (0, [9; 32]), 1), None);
    assert!(!pair.most_have_stayed());
    let here = (5, tag_of(5));
    assert_eq!(
        pair.bob_says(2, b"group", here, 2),
        Some(Finding::Confirmed)
    );
    assert!(pair.most_have_stayed());
}

#[test]
fn three_periods_of_silence_are_told_once_and_so_is_their_end() {
    let mut pair = Pair::new();
    let mut told = Vec::new();
    while told.is_empty() {
        let at = pair.heartbeats.deadline().expect("one is due");
        let due = pair.timeout(at).expect("it is due");
        if let Some(silent) = due.silent {
            told.push((at, silent));
        }
    }
    let (at, silent) = &told[0];
    assert_eq!(silent, &["bob"]);
    assert!((3 * PERIOD..5 * PERIOD).contains(at), "{at}");
    let next = pair.heartbeats.deadline().expect("one is due");
    assert_eq!(pair.timeout(next).expect("it is due").silent, None);
    pair.bob_says(next, b"group", (5, tag_of(5)), 1);
    let next = pair.heartbeats.deadline().expect("one is due");
    let due = pair.timeout(next).expect("it is due");
    assert_eq!(due.silent, Some(Vec::new()));
}
