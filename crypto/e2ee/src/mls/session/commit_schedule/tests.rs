//! The schedule alone, in virtual time.

use super::*;
use crate::mls::session::membership::Arrivals;
use crate::mls::session::tests::{at, member};

/// A group of alice (leaf 0), us (leaf 1) and carol (leaf 2), all of whom are in the room.
struct Group {
    schedule: CommitSchedule,
    membership: Membership,
    room: Room,
    timing: Timing,
    epoch: u64,
    way: Way,
}

impl Group {
    fn new() -> Self {
        let mut us = member(1, "us");
        us.own = true;
        let mut membership = Membership::default();
        membership.begin_epoch(
            vec![member(0, "alice"), us, member(2, "carol")],
            Arrivals::Unknown,
        );
        let mut room = Room::default();
        room.enter(vec![(10, "alice".into()), (12, "carol".into())]);
        Self {
            schedule: CommitSchedule::default(),
            membership,
            room,
            timing: Timing::default(),
            // The first turn is ours.
            epoch: 1,
            way: Way::Commit,
        }
    }

    fn situation(&self) -> Situation<'_> {
        Situation {
            epoch: self.epoch,
            membership: &self.membership,
            room: &self.room,
            timing: &self.timing,
            parted: self.way != Way::Commit,
            way: self.way,
        }
    }

    fn deadline(&self) -> Option<u64> {
        self.schedule
            .deadline(&self.timing, Some(&self.situation()))
    }

    fn tasks(&mut self, now: u64) -> Vec<Task> {
        let mut schedule = std::mem::take(&mut self.schedule);
        let tasks = schedule.on_timeout(at(now), &self.timing, Some(&self.situation()));
        self.schedule = schedule;
        tasks
    }
}

#[test]
fn whoever_waits_is_claimed_and_then_added_by_the_first_in_turn() {
    let mut group = Group::new();
    group.room.insert(13, "dave".into());
    group.schedule.want(100, 13);
    assert_eq!(group.deadline(), Some(100));
    assert_eq!(group.tasks(100), [Task::Claim(13)]);
    // The answer is waited for, half a second.
    assert_eq!(group.deadline(), Some(100 + CLAIM_MICROS));
    assert_eq!(group.tasks(200), []);
    group.schedule.claimed(13, vec![7]);
    assert_eq!(group.tasks(300), [Task::Commit]);
    assert_eq!(group.schedule.adds(&group.room), [(13, vec![7])]);
}

#[test]
fn a_claim_that_nobody_answers_is_given_up() {
    let mut group = Group::new();
    group.room.insert(13, "dave".into());
    group.schedule.want(0, 13);
    assert_eq!(group.tasks(0), [Task::Claim(13)]);
    assert_eq!(group.tasks(CLAIM_MICROS), [Task::Commit]);
    assert!(!group.schedule.wants(13));
}

#[test]
fn each_next_in_turn_acts_later_by_the_fallback() {
    for (epoch, turn) in [(1, 0), (0, 1), (2, 2)] {
        let mut group = Group::new();
        group.epoch = epoch;
        group.schedule.rotate(100);
        let due = 100 + turn * group.timing.fallback;
        assert_eq!(group.deadline(), Some(due), "epoch {epoch}");
        assert_eq!(group.tasks(due - 1), []);
        assert_eq!(group.tasks(due), [Task::Commit]);
    }
}

#[test]
fn departures_are_collected_and_whoever_comes_back_meanwhile_stays() {
    let mut group = Group::new();
    group.room.remove(12);
    assert_eq!(group.tasks(100), []);
    assert!(group.schedule.is_departing("carol"));
    let due = 100 + group.timing.departure_batch;
    assert_eq!(group.deadline(), Some(due));
    group.room.insert(14, "carol".into());
    assert_eq!(group.tasks(due), []);
    assert!(!group.schedule.is_departing("carol"));
    group.room.remove(14);
    assert_eq!(group.tasks(due + 1), []);
    let due = due + 1 + group.timing.departure_batch;
    assert_eq!(group.tasks(due), [Task::Commit]);
}

#[test]
fn a_certificate_that_has_run_out_is_told_and_takes_its_member_out() {
    let mut group = Group::new();
    let mut members = group.membership.members().to_vec();
    members[2].expires = Some(at(0).unix_seconds);
    group.membership.begin_epoch(members, Arrivals::Unknown);
    let told = Task::Tell(vec![(Some("carol".into()), CertificateError::Expired)]);
    assert_eq!(group.tasks(0), [told]);
    assert!(group.schedule.is_departing("carol"));
}

#[test]
fn an_epoch_that_is_five_minutes_old_is_rotated() {
    let mut group = Group::new();
    group.schedule.begin_epoch(1_000);
    let due = 1_000 + group.timing.rotation;
    assert_eq!(group.deadline(), Some(due));
    assert_eq!(group.tasks(due), [Task::Commit]);
}

#[test]
fn a_commit_under_way_is_given_up_when_no_answer_comes() {
    let mut group = Group::new();
    group.schedule.rotate(0);
    group.schedule.submit(Submitted {
        id: 5,
        since: 100,
        added: BTreeMap::new(),
    });
    let due = 100 + group.timing.answer;
    assert_eq!(group.deadline(), Some(due));
    assert_eq!(group.tasks(due - 1), []);
    assert_eq!(group.tasks(due), [Task::GiveUp(5)]);
    assert!(group.schedule.take_submitted(4).is_none());
    assert!(group.schedule.take_submitted(5).is_some());
    assert!(group.schedule.take_submitted(5).is_none());
}

#[test]
fn refusals_hold_commits_back_for_twice_as_long_each_time_until_an_epoch_begins() {
    let mut group = Group::new();
    let second = group.timing.catch_up;
    for pause in [1, 2, 4, 8, 16, 32, 32] {
        group.schedule.rotate(0);
        group.schedule.refused(0, &group.timing);
        assert_eq!(group.deadline(), Some(pause * second));
    }
    group.schedule.begin_epoch(0);
    group.schedule.rotate(0);
    group.schedule.refused(0, &group.timing);
    assert_eq!(group.deadline(), Some(second));
}

#[test]
fn of_two_tabs_of_a_user_the_one_that_came_last_is_added() {
    let mut group = Group::new();
    for participant in [20, 21] {
        group.room.insert(participant, "dave".into());
        group.schedule.want(0, participant);
        group.schedule.claimed(participant, vec![participant as u8]);
    }
    assert_eq!(group.schedule.adds(&group.room), [(21, vec![21])]);
    group.schedule.settle(&["dave".into()], &group.room);
    assert_eq!(group.schedule.adds(&group.room), []);
}

#[test]
fn a_new_group_is_begun_once_those_who_stay_were_claimed() {
    let mut group = Group::new();
    let from = 50_000;
    group.way = Way::Replace { from };
    group.schedule.rotate(0);
    assert_eq!(group.deadline(), Some(from));
    assert_eq!(group.tasks(from), [Task::Claim(10), Task::Claim(12)]);
    group.schedule.claimed(10, vec![10]);
    let later = from + CLAIM_MICROS;
    assert_eq!(group.tasks(later), [Task::Replace]);
    // Whoever answered comes along; the others come in by themselves.
    group.schedule.take_along();
    assert_eq!(group.schedule.adds(&group.room), [(10, vec![10])]);
}

#[test]
fn nothing_is_committed_while_an_attempt_to_come_in_is_under_way() {
    let mut group = Group::new();
    group.way = Way::Wait;
    group.schedule.rotate(0);
    assert_eq!(group.deadline(), None);
    assert_eq!(group.tasks(1_000_000_000), []);
}

#[test]
fn nobody_begins_a_new_group_for_itself_alone() {
    let mut group = Group::new();
    group.way = Way::Replace { from: 0 };
    let mut us = member(0, "us");
    us.own = true;
    group.membership.begin_epoch(vec![us], Arrivals::Unknown);
    group.schedule.rotate(0);
    assert_eq!(group.deadline(), None);
    group.room.insert(13, "dave".into());
    group.schedule.want(5, 13);
    assert_eq!(group.deadline(), Some(5));
}

#[test]
fn the_list_of_those_who_wait_is_bounded() {
    let mut schedule = CommitSchedule::default();
    for participant in 0..2 * MAX_WANTED as u32 {
        schedule.want(0, participant);
    }
    assert_eq!(schedule.wanted.len(), MAX_WANTED);
}
