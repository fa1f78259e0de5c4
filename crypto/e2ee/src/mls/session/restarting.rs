//! When a new group takes the place of one that we do not follow: our epoch goes on without it, and
//! a new group comes when one is needed.
//!
//! The delivery service orders commits and cannot check them. So it may hold an epoch that began
//! with a commit which members refuse: garbage, or the external commit of somebody whom their
//! policy does not take. Nobody in the epoch before has shared a secret with that commit's sender,
//! and its keys stay as good as they were: a refused commit alone is no reason to act. What cannot
//! be done any more in that epoch is to add, to remove and to rotate. Once one of these is due, a
//! new group is begun:
//!
//! - by a member, if more of the members whose heartbeats it knows have stayed in its epoch than
//!   have gone on. Whoever refuses alone what the others take is alone with its error, and ends
//!   nobody's group;
//! - with the KeyPackages of those who stayed already claimed, so that they are added by the first
//!   commit;
//! - the more rarely, the more often it was done.

/// Whether we have parted from the group of the delivery service, and how often that was mended.
#[derive(Default)]
pub(super) struct Restarting {
    /// Since when we have given up to follow.
    parted_since: Option<u64>,
    /// Group and epoch that the delivery service offered last.
    offered: Option<(Vec<u8>, u64)>,
    /// New groups in the place of live ones, seen or begun, without a long time of quiet in
    /// between.
    replacements: u32,
    last_replacement: u64,
}

impl Restarting {
    /// We give up to follow. Whether that is new.
    pub(super) fn part(&mut self, now: u64) -> bool {
        let new = self.parted_since.is_none();
        self.parted_since.get_or_insert(now);
        new
    }

    /// We follow again, or have no group.
    pub(super) fn end(&mut self) {
        self.parted_since = None;
        self.offered = None;
    }

    /// Whether we have given up to follow.
    pub(super) fn has_parted(&self) -> bool {
        self.parted_since.is_some()
    }

    /// The delivery service offers this group in this epoch.
    pub(super) fn set_offered(&mut self, group_id: Vec<u8>, epoch: u64) {
        self.offered = Some((group_id, epoch));
    }

    /// The group that we do not follow is in another epoch by now: the one that a new group would
    /// have to replace.
    pub(super) fn goes_on(&mut self, epoch: u64) {
        if let Some((_, offered)) = &mut self.offered {
            *offered = epoch;
        }
    }

    /// The group that was offered last.
    pub(super) fn offered_group(&self) -> Option<&[u8]> {
        self.offered.as_ref().map(|(group_id, _)| &**group_id)
    }

    /// The epoch that a new group would have to replace.
    pub(super) fn offered_epoch(&self) -> Option<u64> {
        self.offered.as_ref().map(|(_, epoch)| *epoch)
    }

    /// Counts a group that took the place of a live one, or was meant to.
    pub(super) fn count_replacement(&mut self, now: u64) {
        if now.saturating_sub(self.last_replacement) >= QUIET_MICROS {
            self.replacements = 0;
        }
        self.replacements += 1;
        self.last_replacement = now;
    }

    /// Not before then is a live group replaced: at once for the first time, then after 10 s, 20 s
    /// and so on up to 5 min.
    pub(super) fn replaces_from(&self) -> u64 {
        match self.replacements.checked_sub(1) {
            None => 0,
            Some(earlier) => {
                let pause = FIRST_PAUSE_MICROS << earlier.min(5);
                self.last_replacement
                    .saturating_add(pause.min(LONGEST_PAUSE_MICROS))
            }
        }
    }

    /// From when on a member that has parted replaces the group: those who stay have some time to
    /// say so.
    pub(super) fn member_replaces_from(&self) -> Option<u64> {
        let from = self.parted_since?.saturating_add(GRACE_MICROS);
        Some(from.max(self.replaces_from()))
    }
}

/// What somebody in no group knows of a group that it cannot join.
#[derive(Clone, Copy, Default)]
pub(super) struct Refusal {
    /// Nobody else is in the room.
    pub(super) alone: bool,
    /// It is our own view that refuses the group: our policy, clock, room or suite.
    pub(super) our_view: bool,
    /// Somebody of our kind is in it and in the room.
    pub(super) ours_in_it: bool,
}

/// How much patience somebody in no group has before it replaces the one that is there, in times
/// that of a member.
///
/// Those who are in it have the first word, if there is anybody. It has most if it is our view
/// alone that refuses the group, and others of our kind seem to be in it: they may not follow us.
/// Yet one whom we refuse may have added them without their coming.
pub(super) fn patience(refusal: Refusal) -> u32 {
    match refusal {
        Refusal { alone: true, .. } => 1,
        Refusal {
            our_view: true,
            ours_in_it: true,
            ..
        } => 3,
        _ => 2,
    }
}

/// Whose turn it is to begin a new group, of those who come after so many others: in a large room
/// many may not do so, and it must not take long until somebody acts who may. They come two and
/// more at a time, for one will do.
pub(super) fn turn(rank: u64) -> u64 {
    if rank < TURNS {
        rank
    } else {
        TURNS + rank % TURNS
    }
}

const TURNS: u64 = 32;

/// How long those who stay have to say so.
const GRACE_MICROS: u64 = 2_000_000;

/// Between the first and the second time that a live group is replaced; twice as long each time.
const FIRST_PAUSE_MICROS: u64 = 10_000_000;

const LONGEST_PAUSE_MICROS: u64 = 300_000_000;

/// After so long without a replacement the next is the first again.
const QUIET_MICROS: u64 = 1_200_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000;

    #[test]
    fn live_groups_are_replaced_ever_more_rarely_until_it_was_quiet_for_long() {
        let mut restarting = Restarting::default();
        let mut now = 5_000 * SECOND;
        for pause in [0, 10, 20, 40, 80, 160, 300, 300] {
            let from = restarting.replaces_from();
            let expected = if pause == 0 { 0 } else { now + pause * SECOND };
            assert_eq!(from, expected, "{pause}");
            now = from.max(now);
            restarting.count_replacement(now);
        }
        now += 1_200 * SECOND;
        restarting.count_replacement(now);
        assert_eq!(restarting.replaces_from(), now + 10 * SECOND);
    }

    #[test]
    fn a_member_that_parts_waits_for_those_who_stay_and_tells_once() {
        let mut restarting = Restarting::default();
        assert_eq!(restarting.member_replaces_from(), None);
        assert!(restarting.part(7 * SECOND));
        assert!(!restarting.part(8 * SECOND));
        assert_eq!(restarting.member_replaces_from(), Some(9 * SECOND));
        restarting.count_replacement(8 * SECOND);
        assert_eq!(restarting.member_replaces_from(), Some(18 * SECOND));
        restarting.end();
        assert!(!restarting.has_parted());
        assert!(restarting.part(20 * SECOND), "it is told again");
        assert_eq!(restarting.replaces_from(), 18 * SECOND, "and counted on");
    }

    #[test]
    fn the_epoch_to_replace_is_that_of_the_group_that_was_offered() {
        let mut restarting = Restarting::default();
        restarting.goes_on(4);
        assert_eq!(restarting.offered_epoch(), None);
        restarting.set_offered(b"group".to_vec(), 4);
        restarting.goes_on(9);
        assert_eq!(restarting.offered_epoch(), Some(9));
        assert_eq!(restarting.offered_group(), Some(&b"group"[..]));
        restarting.end();
        assert_eq!(restarting.offered_group(), None);
    }

    #[test]
    fn most_patience_is_for_a_group_with_our_kind_in_it_that_we_alone_refuse() {
        let refusal = Refusal::default();
        assert_eq!(patience(refusal), 2);
        let (our_view, ours_in_it) = (true, true);
        assert_eq!(
            patience(Refusal {
                our_view,
                ..refusal
            }),
            2
        );
        assert_eq!(
            patience(Refusal {
                ours_in_it,
                ..refusal
            }),
            2
        );
        let (both, alone) = (
            Refusal {
                our_view,
                ours_in_it,
                ..refusal
            },
            true,
        );
        assert_eq!(patience(both), 3);
        assert_eq!(patience(Refusal { alone, ..both }), 1);
    }

    #[test]
    fn all_turns_come_within_sixty_four_and_the_first_are_one_by_one() {
        assert!((0..32).all(|rank| turn(rank) == rank));
        assert!((32..10_000).all(|rank| (32..64).contains(&turn(rank))));
    }
}
