//! Which of our commits the delivery service has not answered. It answers in order, and names none.

use std::collections::VecDeque;

/// Commits under way, each under a number of ours.
#[derive(Default)]
pub(super) struct Submissions {
    /// Oldest first.
    unanswered: VecDeque<u64>,
    last: u64,
}

impl Submissions {
    /// A commit goes out; gives its number.
    pub(super) fn submit(&mut self) -> u64 {
        self.last += 1;
        self.unanswered.push_back(self.last);
        self.last
    }

    /// An answer came; gives the number of the commit that it is for.
    pub(super) fn answered(&mut self) -> Option<u64> {
        self.unanswered.pop_front()
    }

    /// This commit will have no answer.
    pub(super) fn give_up(&mut self, id: u64) {
        self.unanswered.retain(|other| *other != id);
    }

    /// The connection is gone, and with it all answers.
    pub(super) fn clear(&mut self) {
        self.unanswered.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_for_the_commits_in_their_order() {
        let mut submissions = Submissions::default();
        let (first, second, third) = (
            submissions.submit(),
            submissions.submit(),
            submissions.submit(),
        );
        submissions.give_up(second);
        assert_eq!(submissions.answered(), Some(first));
        assert_eq!(submissions.answered(), Some(third));
        assert_eq!(submissions.answered(), None);
    }

    #[test]
    fn after_a_loss_of_the_connection_no_answer_is_for_an_old_commit() {
        let mut submissions = Submissions::default();
        let old = submissions.submit();
        submissions.clear();
        let new = submissions.submit();
        assert_ne!(old, new);
        assert_eq!(submissions.answered(), Some(new));
    }
}
