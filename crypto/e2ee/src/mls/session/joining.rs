//! How far an attempt to come into the group, or back into it, has got; and when the next one is.

use super::types::Timing;
use crate::mls::shared_rng::SharedRng;

/// The attempt, and what happened before it. `G` is a group that we would be in.
pub(super) struct Joining<G> {
    step: Step<G>,
    /// Attempts that have failed, one after the other.
    failures: u32,
    /// Whether our place in the group is to be made anew in any case: the delivery service knows us
    /// under another number.
    rejoin: bool,
    /// Whether the delivery service has KeyPackages of ours.
    uploaded: bool,
    /// Since when the group seems to be ahead of us.
    ahead_since: Option<u64>,
    /// What would bring us back, should the next commit take us out.
    kept_welcome: Option<KeptWelcome>,
}

/// A Welcome for the epoch that comes next.
pub(super) struct KeptWelcome {
    pub(super) epoch: u64,
    pub(super) welcome: Vec<u8>,
    pub(super) ratchet_tree: Vec<u8>,
}

/// How far an attempt has got.
enum Step<G> {
    /// There is none: we are in, or not in the room.
    None,
    /// The group was asked for.
    Asked { since: u64, with_tree: bool },
    /// Somebody may add us until then.
    Waiting { until: u64 },
    /// Our commit, or our group, is with the delivery service.
    Submitted {
        id: u64,
        since: u64,
        group: G,
        created: bool,
    },
    /// The next attempt is then.
    Pausing { until: u64 },
}

/// What there is to do once a time has passed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Overdue {
    /// The group was asked for and did not come.
    Group,
    /// This commit of ours was not answered.
    Commit(u64),
    /// A wait or a pause is over.
    Pause,
    /// A commit that we may have missed has not come.
    Ahead,
}

impl<G> Default for Joining<G> {
    fn default() -> Self {
        Self {
            step: Step::None,
            failures: 0,
            rejoin: false,
            uploaded: false,
            ahead_since: None,
            kept_welcome: None,
        }
    }
}

impl<G> Joining<G> {
    /// We are in the room, perhaps again, and perhaps still in the group.
    pub(super) fn enter_room(&mut self, in_group: bool) {
        self.stop();
        self.failures = 0;
        self.uploaded = false;
        self.rejoin = in_group;
    }

    /// Ends the attempt, if there is one.
    pub(super) fn stop(&mut self) {
        self.step = Step::None;
        self.ahead_since = None;
    }

    /// We are in a group: a new one, or the epoch of it that is current.
    pub(super) fn entered(&mut self) {
        self.step = Step::None;
        self.failures = 0;
        self.rejoin = false;
        self.ahead_since = None;
        self.kept_welcome = None;
    }

    /// We were looked for in vain: our epoch is the current one.
    pub(super) fn is_current(&mut self) {
        self.step = Step::None;
        self.failures = 0;
    }

    /// Whether no attempt is under way.
    pub(super) fn is_idle(&self) -> bool {
        matches!(self.step, Step::None)
    }

    /// Whether the next attempt waits for its time.
    pub(super) fn is_pausing(&self) -> bool {
        matches!(self.step, Step::Pausing { .. })
    }

    /// Whether the group that was asked for is to come with its tree; none if none was asked for.
    pub(super) fn asked_with_tree(&self) -> Option<bool> {
        match self.step {
            Step::Asked { with_tree, .. } => Some(with_tree),
            _ => None,
        }
    }

    /// Whether our place in the group is to be made anew in any case.
    pub(super) fn rejoins(&self) -> bool {
        self.rejoin
    }

    /// Whether the delivery service has KeyPackages of ours.
    pub(super) fn has_uploaded(&self) -> bool {
        self.uploaded
    }

    /// It has them.
    pub(super) fn set_uploaded(&mut self) {
        self.uploaded = true;
    }

    /// The group was asked for.
    pub(super) fn ask(&mut self, now: u64, with_tree: bool) {
        self.ahead_since = None;
        self.step = Step::Asked {
            since: now,
            with_tree,
        };
    }

    /// Somebody may add us within this time.
    pub(super) fn wait(&mut self, now: u64, longest: u64) {
        self.ahead_since = None;
        self.step = Step::Waiting {
            until: now.saturating_add(longest),
        };
    }

    /// The next attempt is after this time.
    pub(super) fn pause_for(&mut self, now: u64, pause: u64) {
        self.ahead_since = None;
        self.step = Step::Pausing {
            until: now.saturating_add(pause),
        };
    }

    /// The next attempt is after a random half to whole of this time, for many may try at once.
    pub(super) fn pause_up_to(&mut self, now: u64, longest: u64, rng: &mut SharedRng) {
        let pause = longest / 2 + rng.below(longest / 2);
        self.step = Step::Pausing {
            until: now.saturating_add(pause),
        };
    }

    /// The same, for the longer the more attempts have failed.
    pub(super) fn pause(&mut self, now: u64, timing: &Timing, rng: &mut SharedRng) {
        let longest = timing.backoff << self.failures.min(16);
        let bound = if self.failures < 2 * MAX_ATTEMPTS {
            MAX_PAUSE_MICROS
        } else {
            RARE_PAUSE_MICROS
        };
        self.pause_up_to(now, longest.min(bound), rng);
    }

    /// Commit `id`, or the creation of a group, is with the delivery service; we would be in
    /// `group` then.
    pub(super) fn submit(&mut self, now: u64, id: u64, group: G, created: bool) {
        self.step = Step::Submitted {
            id,
            since: now,
            group,
            created,
        };
    }

    /// The group of commit `id`, and whether it was created, if that is what the attempt waits for.
    /// The attempt is over then.
    pub(super) fn take_submitted(&mut self, answered: u64) -> Option<(G, bool)> {
        match std::mem::replace(&mut self.step, Step::None) {
            Step::Submitted {
                id, group, created, ..
            } if id == answered => Some((group, created)),
            step => {
                self.step = step;
                None
            }
        }
    }

    /// An attempt has failed.
    pub(super) fn fail(&mut self) {
        self.failures = self.failures.saturating_add(1);
    }

    /// Whether enough attempts have failed for somebody with `patience` times that of a member.
    pub(super) fn has_failed_often(&self, patience: u32) -> bool {
        self.failures >= patience * MAX_ATTEMPTS
    }

    /// The group may be ahead of us.
    pub(super) fn notice_ahead(&mut self, now: u64) {
        self.ahead_since.get_or_insert(now);
    }

    /// The group is not ahead of us: we have just followed it.
    pub(super) fn has_caught_up(&mut self) {
        self.ahead_since = None;
    }

    /// Keeps a Welcome that somebody who missed that we are in has sent: the commit that takes our
    /// leaf out comes next.
    pub(super) fn keep_welcome(&mut self, kept: KeptWelcome) {
        self.kept_welcome = Some(kept);
    }

    /// The Welcome that was kept.
    pub(super) fn take_welcome(&mut self) -> Option<KeptWelcome> {
        self.kept_welcome.take()
    }

    /// When to call [`Self::on_timeout`].
    pub(super) fn deadline(&self, timing: &Timing) -> Option<u64> {
        match &self.step {
            Step::None => Some(self.ahead_since?.saturating_add(timing.catch_up)),
            Step::Asked { since, .. } | Step::Submitted { since, .. } => {
                Some(since.saturating_add(timing.answer))
            }
            Step::Waiting { until } | Step::Pausing { until } => Some(*until),
        }
    }

    /// What to do because time has passed. An answer that did not come is an attempt that failed.
    pub(super) fn on_timeout(&mut self, now: u64, timing: &Timing) -> Option<Overdue> {
        if self.deadline(timing).is_none_or(|at| now < at) {
            return None;
        }
        let overdue = match self.step {
            Step::None => Overdue::Ahead,
            Step::Asked { .. } => Overdue::Group,
            Step::Submitted { id, .. } => Overdue::Commit(id),
            Step::Waiting { .. } | Step::Pausing { .. } => Overdue::Pause,
        };
        if matches!(overdue, Overdue::Group | Overdue::Commit(_)) {
            self.fail();
        }
        Some(overdue)
    }
}

/// Attempts of a member to follow the group that is there before it goes on in the epoch that it is
/// in. Somebody who is in none has more patience before it begins another.
const MAX_ATTEMPTS: u32 = 5;

const MAX_PAUSE_MICROS: u64 = 5_000_000;

/// Between attempts that come after many have failed.
const RARE_PAUSE_MICROS: u64 = 30_000_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mls::session::tests::Counting;

    fn timing() -> Timing {
        Timing::default()
    }

    #[test]
    fn an_answer_that_does_not_come_is_a_failure_and_leads_to_the_next_attempt() {
        let mut joining = Joining::<&str>::default();
        assert_eq!(joining.deadline(&timing()), None);
        joining.ask(100, true);
        assert_eq!(joining.asked_with_tree(), Some(true));
        let due = 100 + timing().answer;
        assert_eq!(joining.on_timeout(due - 1, &timing()), None);
        assert_eq!(joining.on_timeout(due, &timing()), Some(Overdue::Group));
        joining.submit(due, 7, "a group", false);
        let due = due + timing().answer;
        assert_eq!(joining.on_timeout(due, &timing()), Some(Overdue::Commit(7)));
        assert_eq!(joining.failures, 2);
        assert!(!joining.has_failed_often(1));
        joining.failures = 5;
        assert!(joining.has_failed_often(1) && !joining.has_failed_often(2));
        joining.entered();
        assert!(!joining.has_failed_often(1));
    }

    #[test]
    fn an_answer_is_taken_by_the_commit_that_it_is_for() {
        let mut joining = Joining::default();
        joining.submit(0, 7, "a group", true);
        assert_eq!(joining.take_submitted(6), None);
        assert_eq!(joining.take_submitted(7), Some(("a group", true)));
        assert!(joining.is_idle());
        assert_eq!(joining.take_submitted(7), None);
    }

    #[test]
    fn pauses_double_up_to_five_seconds_and_become_rare_after_ten_failures() {
        let mut rng = SharedRng::new(Box::new(Counting(1)));
        let mut joining = Joining::<&str>::default();
        let mut longest = 200_000;
        for failures in 0..20 {
            joining.failures = failures;
            joining.pause(0, &timing(), &mut rng);
            let bound = if failures < 10 { 5_000_000 } else { 30_000_000 };
            let expected = std::cmp::min(longest, bound);
            let pause = joining.deadline(&timing()).expect("it pauses");
            assert!(
                (expected / 2..expected).contains(&pause),
                "{failures}: {pause}"
            );
            longest *= 2;
        }
        assert_eq!(
            joining.on_timeout(30_000_000, &timing()),
            Some(Overdue::Pause)
        );
        assert_eq!(joining.failures, 19, "a pause is no failure");
    }

    #[test]
    fn a_group_that_seems_ahead_is_looked_for_after_the_time_to_catch_up() {
        let mut joining = Joining::<&str>::default();
        joining.notice_ahead(100);
        joining.notice_ahead(200);
        let due = 100 + timing().catch_up;
        assert_eq!(joining.deadline(&timing()), Some(due));
        assert_eq!(joining.on_timeout(due, &timing()), Some(Overdue::Ahead));
        joining.has_caught_up();
        assert_eq!(joining.deadline(&timing()), None);
        // An attempt under way finds out by itself.
        joining.ask(300, false);
        joining.notice_ahead(400);
        assert_eq!(joining.deadline(&timing()), Some(300 + timing().answer));
    }

    #[test]
    fn whoever_comes_back_into_the_room_makes_its_place_anew() {
        let mut joining = Joining::<&str>::default();
        joining.set_uploaded();
        joining.wait(0, 1_000);
        joining.enter_room(true);
        assert!(joining.rejoins() && joining.is_idle() && !joining.has_uploaded());
        joining.entered();
        assert!(!joining.rejoins());
        joining.enter_room(false);
        assert!(!joining.rejoins());
    }
}
