//! A delivery service in memory, by the contract that the gateway keeps.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use smrtc_e2ee::mls::{CommitRequest, GroupSnapshot, Input, Request, RequestKind};

/// The group as the service has it.
#[derive(Clone)]
pub(crate) struct StoredGroup {
    pub(crate) epoch: u64,
    pub(crate) group_info: Vec<u8>,
    pub(crate) tree: Option<Vec<u8>>,
    pub(crate) in_group: BTreeSet<u32>,
}

/// One who waits for the tree: when the next member is asked for it, and how many were.
#[derive(Clone, Copy)]
struct Waiting {
    ask_again: u64,
    attempts: u32,
    asked: u32,
}

/// How long a member has to give the tree, and how many are asked before the group is given without
/// it; as in the gateway.
const TREE_PATIENCE: u64 = 1_000_000;
const TREE_ATTEMPTS: u32 = 3;

/// Orders, stores and forwards.
#[derive(Clone, Default)]
pub(crate) struct Service {
    pub(crate) group: Option<StoredGroup>,
    pub(crate) key_packages: BTreeMap<u32, VecDeque<Vec<u8>>>,
    waiting_for_tree: BTreeMap<u32, Waiting>,
    /// Refuses to replace a group that somebody is in.
    pub(crate) keeps_live_groups: bool,
    /// Groups that took the place of a live one, and requests to do so that were refused.
    pub(crate) replacements: u64,
    pub(crate) refused_replacements: u64,
    pub(crate) commits: u64,
    pub(crate) commit_bytes: Vec<usize>,
}

impl Service {
    /// Answers and notifications, in the order in which they go out.
    pub(crate) fn handle(&mut self, now: u64, from: u32, request: Request) -> Vec<(u32, Input)> {
        match request {
            Request::KeyPackages(new) => {
                let held = self.key_packages.entry(from).or_default();
                let first = held.is_empty();
                held.extend(new);
                match &self.group {
                    Some(group) if first && !group.in_group.contains(&from) => group
                        .in_group
                        .iter()
                        .map(|to| {
                            (
                                *to,
                                Input::AddWanted {
                                    participant_id: from,
                                },
                            )
                        })
                        .collect(),
                    _ => Vec::new(),
                }
            }
            Request::Claim(of) => {
                let held = self.key_packages.get_mut(&of);
                let key_package = held.and_then(VecDeque::pop_front);
                let answer = Input::KeyPackage {
                    participant_id: of,
                    key_package,
                };
                vec![(from, answer)]
            }
            Request::Commit(commit) => self.commit(from, commit),
            Request::GetGroup { with_tree } => self.get(now, from, with_tree),
            Request::PutTree {
                epoch,
                ratchet_tree,
            } => {
                match &mut self.group {
                    Some(group) if group.epoch == epoch => group.tree = Some(ratchet_tree),
                    _ => return Vec::new(),
                }
                self.answer_waiting()
            }
            Request::Heartbeat(heartbeat) => {
                let group = self.group.iter();
                let others = group
                    .flat_map(|group| &group.in_group)
                    .filter(|to| **to != from);
                others
                    .map(|to| {
                        let heartbeat = heartbeat.clone();
                        (
                            *to,
                            Input::Heartbeat {
                                participant_id: from,
                                heartbeat,
                            },
                        )
                    })
                    .collect()
            }
        }
    }

    fn get(&mut self, now: u64, from: u32, with_tree: bool) -> Vec<(u32, Input)> {
        let Some(group) = &self.group else {
            return vec![(from, Input::Group(None))];
        };
        if with_tree && group.tree.is_none() {
            let waiting = Waiting {
                ask_again: now,
                attempts: 0,
                asked: 0,
            };
            self.waiting_for_tree.insert(from, waiting);
            return self.ask_for_tree(now, from);
        }
        vec![(from, self.snapshot(with_tree))]
    }

    fn snapshot(&self, with_tree: bool) -> Input {
        Input::Group(self.group.as_ref().map(|group| GroupSnapshot {
            epoch: group.epoch,
            group_info: group.group_info.clone(),
            ratchet_tree: group.tree.clone().filter(|_| with_tree),
        }))
    }

    fn ask_for_tree(&mut self, now: u64, from: u32) -> Vec<(u32, Input)> {
        let (Some(group), Some(waiting)) = (&self.group, self.waiting_for_tree.get_mut(&from))
        else {
            return Vec::new();
        };
        let others = || group.in_group.iter().copied().filter(|id| *id != from);
        let next = others().find(|id| *id > waiting.asked);
        match next.or_else(|| others().next()) {
            Some(next) if waiting.attempts < TREE_ATTEMPTS => {
                waiting.attempts += 1;
                waiting.asked = next;
                waiting.ask_again = now + TREE_PATIENCE;
                vec![(next, Input::TreeWanted { epoch: group.epoch })]
            }
            _ => {
                self.waiting_for_tree.remove(&from);
                vec![(from, self.snapshot(false))]
            }
        }
    }

    fn answer_waiting(&mut self) -> Vec<(u32, Input)> {
        if self.group.as_ref().is_some_and(|it| it.tree.is_none()) {
            return Vec::new();
        }
        let waiting = std::mem::take(&mut self.waiting_for_tree);
        waiting
            .into_keys()
            .map(|to| (to, self.snapshot(true)))
            .collect()
    }

    /// When [`Self::timeout`] has something to do.
    pub(crate) fn deadline(&self) -> Option<u64> {
        let waiting = self.waiting_for_tree.values();
        waiting.map(|waiting| waiting.ask_again).min()
    }

    /// Asks the next members for the tree, or gives up.
    pub(crate) fn timeout(&mut self, now: u64) -> Vec<(u32, Input)> {
        let waiting = self.waiting_for_tree.iter();
        let due: Vec<u32> = waiting
            .filter(|(_, waiting)| waiting.ask_again <= now)
            .map(|(id, _)| *id)
            .collect();
        due.into_iter()
            .flat_map(|id| self.ask_for_tree(now, id))
            .collect()
    }

    fn commit(&mut self, from: u32, commit: CommitRequest) -> Vec<(u32, Input)> {
        let current = self.group.as_ref().map(|group| group.epoch);
        let accepted = match current {
            None => commit.create,
            Some(epoch) => commit.epoch == epoch,
        };
        if !accepted {
            let epoch = current.unwrap_or(0);
            return vec![(from, Input::Outcome { accepted, epoch })];
        }
        if commit.create && current.is_some() {
            if self.keeps_live_groups {
                self.refused_replacements += 1;
                return vec![(from, Input::Refused(RequestKind::Commit))];
            }
            self.replacements += 1;
        }
        self.commits += 1;
        self.commit_bytes.push(commit.commit.len());
        let before = self
            .group
            .take()
            .map(|group| group.in_group)
            .unwrap_or_default();
        let epoch = if commit.create { 0 } else { commit.epoch + 1 };
        let mut in_group = if commit.create {
            BTreeSet::new()
        } else {
            before.clone()
        };
        in_group.insert(from);
        in_group.extend(commit.welcomes.iter().map(|(to, _)| *to));
        let tree = Some(commit.ratchet_tree.clone()).filter(|tree| !tree.is_empty());
        self.group = Some(StoredGroup {
            epoch,
            group_info: commit.group_info,
            tree,
            in_group,
        });
        let mut out = vec![(from, Input::Outcome { accepted, epoch })];
        for (to, welcome) in commit.welcomes {
            let ratchet_tree = commit.ratchet_tree.clone();
            out.push((
                to,
                Input::Welcome {
                    epoch,
                    welcome,
                    ratchet_tree,
                },
            ));
        }
        for to in before.into_iter().filter(|to| *to != from) {
            out.push((
                to,
                Input::Committed {
                    epoch: commit.epoch,
                    participant_id: from,
                    commit: commit.commit.clone(),
                    created: commit.create,
                },
            ));
        }
        out.extend(self.answer_waiting());
        out
    }

    /// A participant is out of the room.
    pub(crate) fn left(&mut self, who: u32) {
        self.key_packages.remove(&who);
        self.waiting_for_tree.remove(&who);
        if let Some(group) = &mut self.group {
            group.in_group.remove(&who);
            if group.in_group.is_empty() {
                self.group = None;
            }
        }
    }
}

/// What an error reply to `request` is for its sender.
pub(crate) fn refused(request: &Request) -> Input {
    Input::Refused(match request {
        Request::Commit(_) => RequestKind::Commit,
        Request::GetGroup { .. } => RequestKind::GetGroup,
        Request::Claim(of) => RequestKind::Claim(*of),
        _ => RequestKind::Other,
    })
}
