use super::*;
use crate::bots::notes::{Epoch, Seen};
use crate::bots::role::Role;

fn role(person: u32) -> Role {
    Role {
        room: 1,
        person,
        publishes: true,
        speaks: true,
    }
}

/// Notes of a member with an epoch at each of these times; its code is that of the epoch.
fn member(person: u32, epochs: &[(u64, u64)]) -> Notes {
    let mut notes = Notes::new(role(person), 1_000);
    notes.epochs = epochs
        .iter()
        .map(|&(at, number)| Epoch {
            at,
            number,
            verification_code: format!("code {number}"),
        })
        .collect();
    notes
}

#[test]
fn a_room_agrees_when_the_last_member_reaches_the_epoch_of_the_others() {
    let first = member(1, &[(2_000, 1), (4_000, 2), (6_000, 3)]);
    let second = member(2, &[(5_000, 2), (9_000, 3)]);
    let room = room_report("a".to_owned(), &[&first, &second]);
    assert_eq!((room.epochs, room.epoch), (3, Some(3)));
    assert_eq!(room.verification_code.as_deref(), Some("code 3"));
    assert_eq!(room.agreed_ms, Some(4.0));
}

#[test]
fn members_who_end_in_different_epochs_do_not_agree() {
    let first = member(1, &[(2_000, 1), (4_000, 2)]);
    let second = member(2, &[(5_000, 3)]);
    let room = room_report("a".to_owned(), &[&first, &second]);
    assert_eq!((room.epoch, room.verification_code), (None, None));
    assert_eq!(room.agreed_ms, None);
    let outside = member(3, &[]);
    assert_eq!(room_report("a".to_owned(), &[&first, &outside]).epoch, None);
}

#[test]
fn frames_are_expected_from_the_first_that_came_to_the_last_that_was_sent() {
    let mut sender = member(1, &[]);
    sender.last_video_frame = 10;
    let mut receiver = member(2, &[]);
    let seen = Seen {
        frames: 5,
        first_frame: Some(4),
    };
    receiver.seen.insert(sender.role.user(), seen);
    // Somebody who is no bot has no numbers.
    let other = Seen {
        frames: 99,
        first_frame: None,
    };
    receiver.seen.insert("ada".to_owned(), other);
    let video = video_report(&[sender, receiver]);
    assert_eq!((video.frames_expected, video.frames_received), (7, 5));
}

#[test]
fn what_a_publisher_sends_and_nobody_gets_is_missing() {
    let (sender, mut receiver) = (member(1, &[]), member(2, &[]));
    receiver.role.publishes = false;
    receiver.seen.insert(sender.role.user(), Seen::default());
    let missing = missing(&[&sender, &receiver]);
    let [one] = &missing[..] else {
        panic!("{missing:?}");
    };
    assert_eq!(
        (one.kind, &*one.from, &*one.to),
        ("audio", "bot-1-1", "bot-1-2")
    );
}
