//! Who may put a new group in the place of one that lives, and who may not.

use super::*;
use crate::delivery::replace::{ASKED_TO_REPLACE, SETTLING, SILENT};

const LISTENERS: std::ops::Range<ParticipantId> = 5..30;

impl Room {
    /// All four in one group, a while ago.
    fn in_one_group() -> (Self, u64) {
        let mut room = Self::new();
        room.commit(1, create()).unwrap();
        for (epoch, id) in (2..=4).enumerate() {
            let user = id.to_string();
            room.commit(id, ends(epoch as u64, Some(&user))).unwrap();
        }
        room.now += SETTLING;
        (room, 3)
    }

    /// A crowd comes into the group; how many.
    fn listen(&mut self, epoch: u64) -> u64 {
        for (epoch, id) in (epoch..).zip(LISTENERS) {
            self.join(id, Role::Audience);
            let user = id.to_string();
            self.commit(id, ends(epoch, Some(&user))).unwrap();
        }
        LISTENERS.count() as u64
    }

    /// `id` asks for the group with its tree, as one who has no way in.
    fn asks(&mut self, id: ParticipantId, times: u32) {
        for _ in 0..times {
            let get = v1::MlsGetGroup { with_tree: true };
            let (reply, _) = self.ask(id, Request::MlsGetGroup(get));
            assert!(reply.is_ok(), "{reply:?}");
        }
    }

    /// Members show that they follow the group.
    fn get_on(&mut self, members: std::ops::RangeInclusive<ParticipantId>, epoch: u64) {
        for id in members {
            self.heartbeat(id, epoch);
        }
    }

    fn creates(&mut self, id: ParticipantId, epoch: u64) -> Result<(bool, u64), Refusal> {
        let create = v1::MlsCommit { epoch, ..create() };
        self.commit(id, create)
    }
}

#[test]
fn nobody_replaces_a_group_that_the_others_get_on_with() {
    let (mut room, epoch) = Room::in_one_group();
    room.join(5, Role::Audience);
    assert_eq!(room.creates(1, epoch), Err(Refusal::GroupLives), "unasked");
    for id in [1, 5] {
        room.asks(id, 10 * ASKED_TO_REPLACE);
    }
    for _ in 0..10 {
        room.get_on(2..=4, epoch);
        assert_eq!(room.creates(1, epoch), Err(Refusal::GroupLives), "alone");
        assert_eq!(room.creates(5, epoch), Err(Refusal::NotAllowed), "audience");
    }
    // However many of an audience say that it is broken.
    for id in 6..30 {
        room.join(id, Role::Audience);
        room.asks(id, ASKED_TO_REPLACE);
    }
    room.get_on(2..=4, epoch);
    assert_eq!(room.creates(1, epoch), Err(Refusal::GroupLives));
    assert_eq!((room.counters.commits, room.counters.replaced), (4, 0));
    assert_eq!(room.members(), [1, 2, 3, 4]);
}

#[test]
fn a_group_that_more_fail_to_join_than_get_on_with_is_replaced() {
    let (mut room, epoch) = Room::in_one_group();
    let listeners = room.listen(epoch);
    // What 4 commits now nobody else can follow; it says that all is well, and so does a crowd of
    // listeners.
    let broken = epoch + listeners + 1;
    assert_eq!(room.commit(4, ends(broken - 1, None)), Ok((true, broken)));
    room.asks(1, ASKED_TO_REPLACE);
    assert_eq!(room.creates(1, broken), Err(Refusal::GroupLives), "1 of 4");
    room.heartbeat(4, broken);
    for id in [2, 3] {
        room.asks(id, ASKED_TO_REPLACE - 1);
    }
    assert_eq!(
        room.creates(2, broken),
        Err(Refusal::GroupLives),
        "too soon"
    );
    assert_eq!(room.creates(1, broken), Ok((true, 0)), "3 of 4");
    assert_eq!(room.counters.replaced, 1);

    // The others come in; to ask once is not to fail, and a young group stays.
    room.asks(4, ASKED_TO_REPLACE);
    assert_eq!(room.creates(4, 0), Err(Refusal::GroupLives), "young");
    for (epoch, id) in (2..=4).enumerate() {
        room.asks(id, 1);
        let user = id.to_string();
        room.commit(id, ends(epoch as u64, Some(&user))).unwrap();
    }
    room.now += SETTLING;
    assert_eq!(room.creates(4, 3), Err(Refusal::GroupLives));
}

#[test]
fn members_who_have_been_silent_for_long_keep_no_broken_group_alive() {
    let (mut room, epoch) = Room::in_one_group();
    room.now += SILENT;
    // Two pages are frozen, one goes on, and one cannot come in again.
    room.heartbeat(2, epoch);
    room.asks(1, ASKED_TO_REPLACE);
    assert_eq!(
        room.creates(1, epoch),
        Ok((true, 0)),
        "1 of 2 who are awake"
    );

    let (mut room, epoch) = Room::in_one_group();
    room.now += SILENT;
    room.heartbeat(2, epoch);
    room.heartbeat(3, epoch);
    room.asks(1, ASKED_TO_REPLACE);
    assert_eq!(room.creates(1, epoch), Err(Refusal::GroupLives), "1 of 3");

    let (mut room, epoch) = Room::in_one_group();
    room.now += SILENT;
    room.asks(1, ASKED_TO_REPLACE);
    assert_eq!(room.creates(1, epoch), Ok((true, 0)), "nobody says a word");
}

#[test]
fn where_publishers_are_divided_evenly_the_audience_decides() {
    let (mut room, epoch) = Room::in_one_group();
    let listeners = room.listen(epoch);
    let epoch = epoch + listeners;
    for id in [1, 2] {
        room.asks(id, ASKED_TO_REPLACE);
    }
    assert_eq!(
        room.creates(1, epoch),
        Err(Refusal::GroupLives),
        "they hear"
    );
    for id in LISTENERS {
        room.asks(id, ASKED_TO_REPLACE);
    }
    assert_eq!(room.creates(1, epoch), Ok((true, 0)), "they do not");
}

#[test]
fn one_who_gets_on_again_no_longer_counts_as_failing() {
    let (mut room, epoch) = Room::in_one_group();
    for id in [1, 2] {
        room.asks(id, ASKED_TO_REPLACE);
    }
    // A heartbeat in the group's epoch; one in an old epoch says nothing.
    room.heartbeat(2, epoch - 1);
    assert_eq!(room.heartbeat(2, epoch).len(), 3);
    assert_eq!(room.creates(1, epoch), Err(Refusal::GroupLives));
    // A commit, even one that comes too late.
    room.asks(2, ASKED_TO_REPLACE);
    assert_eq!(room.commit(2, ends(0, None)), Ok((false, epoch)));
    assert_eq!(room.creates(1, epoch), Err(Refusal::GroupLives));
    room.asks(2, ASKED_TO_REPLACE);
    assert_eq!(room.creates(1, epoch), Ok((true, 0)));
}

#[test]
fn a_heartbeat_of_an_epoch_that_is_not_yet_sends_nobody_to_look_for_it() {
    let (mut room, epoch) = Room::in_one_group();
    for ahead in [epoch + 1, u64::MAX] {
        assert_eq!(room.heartbeat(1, ahead), []);
    }
    assert_eq!(room.heartbeat(1, epoch - 1).len(), 3);
}

#[test]
fn where_no_group_lives_anybody_begins_one() {
    let mut room = Room::new();
    room.join(5, Role::Audience);
    assert_eq!(room.creates(5, u64::MAX), Ok((true, 0)));
    room.delivery.leave(5, &mut Vec::new());
    assert_eq!(room.creates(2, u64::MAX), Ok((true, 0)));
    assert_eq!(room.counters.replaced, 0);
}
