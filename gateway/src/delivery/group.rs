//! The group: which commit ends an epoch, and who is given its public state.

use std::collections::BTreeSet;

use bytes::Bytes;
use smrtc_engine::{
    control::{
        mls::{self, CommitSender, GroupInfo},
        v1::{self, server_message::Body},
    },
    time::Instant,
};

use super::{
    Counters, Delivery, FanOut, TREE_ATTEMPTS, TREE_PATIENCE, belongs, bounded,
    key_packages::check_added, malformed, notify,
};
use crate::room::{Notice, ParticipantId, Recipients, Refusal};

/// The public state of a group in its current epoch.
#[derive(Debug)]
pub(super) struct Group {
    id: Vec<u8>,
    pub(super) suite: u16,
    pub(super) epoch: u64,
    /// When it was created.
    pub(super) since: Instant,
    group_info: Bytes,
    /// Empty until somebody gives it.
    ratchet_tree: Bytes,
    /// Participants who committed or were welcomed, all of them in the room. One who was removed
    /// stays until it leaves the room: which leaves a commit removes is not for the gateway to
    /// know.
    pub(super) members: BTreeSet<ParticipantId>,
}

/// One who waits for the tree.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waiting {
    request_id: u32,
    attempts: u32,
    asked: ParticipantId,
    pub(super) ask_again: Instant,
}

impl Group {
    #[cfg(test)]
    pub(super) fn epoch(&self) -> u64 {
        self.epoch
    }

    fn describe(&self, with_tree: bool) -> Body {
        Body::MlsGroup(v1::MlsGroup {
            exists: true,
            epoch: self.epoch,
            group_info: self.group_info.clone(),
            ratchet_tree: if with_tree {
                self.ratchet_tree.clone()
            } else {
                Bytes::new()
            },
        })
    }
}

impl Delivery {
    /// Lets the first commit that names the current epoch end it.
    pub(super) fn commit(
        &mut self,
        now: Instant,
        id: ParticipantId,
        commit: v1::MlsCommit,
        counters: &mut Counters,
        out: &mut Vec<Notice>,
    ) -> Result<Body, Refusal> {
        self.check_sizes(&commit)?;
        let info = GroupInfo::parse(&commit.group_info).map_err(malformed)?;
        let current = self.group.as_ref().map(|group| group.epoch);
        let in_time = if commit.create {
            current.is_none_or(|epoch| epoch == commit.epoch)
        } else {
            current == Some(commit.epoch)
        };
        if !in_time {
            if !commit.create && mls::Commit::parse(&commit.commit).is_ok() {
                self.gets_on(now, id);
            }
            counters.conflicts += 1;
            return Ok(outcome(false, current.unwrap_or(0)));
        }
        if commit.create {
            if info.epoch != 0 || !commit.commit.is_empty() || !commit.welcomes.is_empty() {
                return Err(Refusal::InvalidArgument("a new group is alone in epoch 0"));
            }
            self.check_create(now, id)?;
        } else {
            self.check_commit(id, &commit, &info)?;
        }
        self.charge(now, id, self.fan_out(id, &commit), counters)?;
        let (epoch, group_id, suite) = (info.epoch, info.group_id.to_vec(), info.suite);
        self.accept(now, id, (epoch, group_id, suite), commit, counters, out);
        Ok(outcome(true, epoch))
    }

    /// A commit begins an epoch: of a group, known by its id and suite.
    fn accept(
        &mut self,
        now: Instant,
        id: ParticipantId,
        (epoch, group_id, suite): (u64, Vec<u8>, u16),
        commit: v1::MlsCommit,
        counters: &mut Counters,
        out: &mut Vec<Notice>,
    ) {
        let (before, since) = match self.group.take() {
            Some(group) => (group.members, group.since),
            None => (BTreeSet::new(), now),
        };
        let (mut members, since) = if commit.create {
            counters.replaced += u64::from(!before.is_empty());
            self.begin_anew();
            (BTreeSet::new(), now)
        } else {
            (before.clone(), since)
        };
        members.insert(id);
        let ratchet_tree = Bytes::from(commit.ratchet_tree);
        let added: Vec<_> = commit.welcomes.iter().map(|w| w.participant_id).collect();
        for welcome in commit.welcomes {
            let to = welcome.participant_id;
            if !self.participants.contains_key(&to) {
                continue;
            }
            members.insert(to);
            if let Some(added) = self.participants.get_mut(&to) {
                added.got_on = now;
            }
            let body = v1::MlsWelcome {
                epoch,
                participant_id: id,
                welcome: welcome.welcome,
                ratchet_tree: ratchet_tree.clone(),
            };
            out.push(Notice::new(Recipients::One(to), Body::MlsWelcome(body)));
        }
        let committed = Body::MlsCommitted(v1::MlsCommitted {
            epoch: commit.epoch,
            participant_id: id,
            commit: commit.commit.into(),
            created: commit.create,
        });
        notify(before.into_iter(), id, committed, out);
        self.group = Some(Group {
            id: group_id,
            suite,
            epoch,
            since,
            group_info: commit.group_info.into(),
            ratchet_tree,
            members,
        });
        counters.commits += 1;
        self.gets_on(now, id);
        self.key_packages_used(id, &added);
        self.answer_waiting(out);
    }

    /// What a commit of `id` makes the gateway send.
    fn fan_out(&self, id: ParticipantId, commit: &v1::MlsCommit) -> FanOut {
        let members = self.group.iter().flat_map(|group| &group.members);
        let others = members.filter(|member| **member != id).count();
        let welcomes = commit.welcomes.iter();
        let welcomed = welcomes.map(|it| it.welcome.len() + commit.ratchet_tree.len());
        let commits = if others > 0 { commit.commit.len() } else { 0 };
        FanOut {
            to_one: welcomed.clone().fold(commits, usize::max),
            to_all: welcomed.sum::<usize>() + commit.commit.len() * others,
        }
    }

    fn check_sizes(&self, commit: &v1::MlsCommit) -> Result<(), Refusal> {
        let limits = &self.limits;
        bounded(&commit.commit, limits.commit_bytes, "a commit")?;
        bounded(&commit.group_info, limits.group_info_bytes, "a GroupInfo")?;
        bounded(&commit.ratchet_tree, limits.tree_bytes, "a ratchet tree")?;
        if commit.welcomes.len() > limits.welcomes {
            return Err(Refusal::LimitReached("Welcomes of one commit"));
        }
        commit
            .welcomes
            .iter()
            .try_for_each(|w| bounded(&w.welcome, limits.welcome_bytes, "a Welcome"))
    }

    /// Whether a commit and what goes with it fit the group and their sender.
    fn check_commit(
        &self,
        id: ParticipantId,
        commit: &v1::MlsCommit,
        info: &GroupInfo<'_>,
    ) -> Result<(), Refusal> {
        let (Some(group), Some(sender)) = (&self.group, self.participants.get(&id)) else {
            return Err(Refusal::NotAllowed);
        };
        let front = mls::Commit::parse(&commit.commit).map_err(malformed)?;
        let no_tree = commit.ratchet_tree.is_empty();
        let next = group.epoch.checked_add(1);
        if front.group_id != group.id
            || front.epoch != group.epoch
            || info.group_id != group.id
            || info.suite != group.suite
            || Some(info.epoch) != next
        {
            return Err(Refusal::InvalidArgument(
                "the commit or its GroupInfo is of another group, suite or epoch",
            ));
        }
        // The members ask the same of certificates, which the gateway does not read.
        belongs(front.credential, &sender.user)?;
        match front.sender {
            CommitSender::Member(_) if !group.members.contains(&id) => Err(Refusal::NotAllowed),
            CommitSender::Member(_) if !commit.welcomes.is_empty() && no_tree => {
                Err(Refusal::InvalidArgument("a Welcome without the tree"))
            }
            CommitSender::Member(_) => {
                let group = (group.suite, &group.members);
                check_added(sender, group, &front.adds, &commit.welcomes)
            }
            // A member that lost its place heals by coming in again. It brings nobody.
            CommitSender::New if front.adds.is_empty() && commit.welcomes.is_empty() => Ok(()),
            CommitSender::New => Err(Refusal::InvalidArgument(
                "whoever comes in by a commit adds nobody else by it",
            )),
        }
    }

    /// Answers at once if it can; else asks a member for the tree.
    pub(super) fn get_group(
        &mut self,
        now: Instant,
        id: ParticipantId,
        request_id: u32,
        get: v1::MlsGetGroup,
        out: &mut Vec<Notice>,
    ) -> Option<Body> {
        if get.with_tree && self.group.is_some() {
            self.asked(id);
        }
        let Some(group) = &self.group else {
            return Some(Body::MlsGroup(v1::MlsGroup::default()));
        };
        if !get.with_tree || !group.ratchet_tree.is_empty() {
            return Some(group.describe(get.with_tree));
        }
        let mut waiting = Waiting {
            request_id,
            attempts: 0,
            asked: 0,
            ask_again: now,
        };
        if !ask_for_tree(group, now, id, &mut waiting, out) {
            return Some(group.describe(false));
        }
        if let Some(earlier) = self.waiting.insert(id, waiting) {
            out.push(answer(id, earlier.request_id, group.describe(false)));
        }
        None
    }

    /// Keeps the tree of the current epoch, and gives it to those who wait.
    pub(super) fn put_tree(
        &mut self,
        id: ParticipantId,
        tree: v1::MlsPutTree,
        out: &mut Vec<Notice>,
    ) -> Result<(), Refusal> {
        bounded(&tree.ratchet_tree, self.limits.tree_bytes, "a ratchet tree")?;
        if let Ok(group) = self.group_of(id)
            && group.epoch == tree.epoch
            && group.ratchet_tree.is_empty()
        {
            group.ratchet_tree = tree.ratchet_tree.into();
            self.answer_waiting(out);
        }
        Ok(())
    }

    /// Answers those who wait, if what they wait for is here, or never will be.
    pub(super) fn answer_waiting(&mut self, out: &mut Vec<Notice>) {
        let body = match &self.group {
            None => Body::MlsGroup(v1::MlsGroup::default()),
            Some(group) if group.ratchet_tree.is_empty() => return,
            Some(group) => group.describe(true),
        };
        for (to, waiting) in std::mem::take(&mut self.waiting) {
            out.push(answer(to, waiting.request_id, body.clone()));
        }
    }

    /// Asks another member for the tree that `id` waits for, or gives up. Call when
    /// [`Self::next_timeout`] has passed.
    pub(crate) fn timeout(&mut self, now: Instant, id: ParticipantId, out: &mut Vec<Notice>) {
        let (Some(group), Some(waiting)) = (&self.group, self.waiting.get_mut(&id)) else {
            return;
        };
        if now < waiting.ask_again || ask_for_tree(group, now, id, waiting, out) {
            return;
        }
        out.push(answer(id, waiting.request_id, group.describe(false)));
        self.waiting.remove(&id);
    }

    /// When [`Self::timeout`] has something to do for `id`.
    pub(crate) fn next_timeout(&self, id: ParticipantId) -> Instant {
        self.waiting
            .get(&id)
            .map_or(Instant::FAR_FUTURE, |waiting| waiting.ask_again)
    }
}

/// Asks the next member for the tree; `false` if there is nobody, or enough have been asked.
fn ask_for_tree(
    group: &Group,
    now: Instant,
    id: ParticipantId,
    waiting: &mut Waiting,
    out: &mut Vec<Notice>,
) -> bool {
    if waiting.attempts == TREE_ATTEMPTS {
        return false;
    }
    // In turn, beginning after the one who was asked last.
    let others = || group.members.iter().copied().filter(|member| *member != id);
    let Some(next) = others()
        .find(|member| *member > waiting.asked)
        .or_else(|| others().next())
    else {
        return false;
    };
    waiting.attempts += 1;
    waiting.asked = next;
    waiting.ask_again = now + TREE_PATIENCE;
    let wanted = v1::MlsTreeWanted { epoch: group.epoch };
    let wanted = Body::MlsTreeWanted(wanted);
    out.push(Notice::new(Recipients::One(next), wanted));
    true
}

/// The answer to an earlier request.
fn answer(to: ParticipantId, reply_to: u32, body: Body) -> Notice {
    let to = Recipients::One(to);
    Notice { to, reply_to, body }
}

fn outcome(accepted: bool, epoch: u64) -> Body {
    Body::MlsOutcome(v1::MlsOutcome { accepted, epoch })
}
