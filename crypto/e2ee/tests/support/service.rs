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

/// Orders, stores and forwards.
#[derive(Clone, Default)]
pub(crate) struct Service {
    pub(crate) group: Option<StoredGroup>,
    pub(crate) key_packages: BTreeMap<u32, VecDeque<Vec<u8>>>,
    waiting_for_tree: Vec<u32>,
    pub(crate) commits: u64,
    pub(crate) commit_bytes: Vec<usize>,
}

impl Service {
    /// Answers and notifications, in the order in which they go out.
    pub(crate) fn handle(&mut self, from: u32, request: Request) -> Vec<(u32, Input)> {
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
            Request::GetGroup { with_tree } => self.get(from, with_tree),
            Request::PutTree {
                epoch,
                ratchet_tree,
            } => {
                match &mut self.group {
                    Some(group) if group.epoch == epoch => group.tree = Some(ratchet_tree),
                    _ => return Vec::new(),
                }
                let waiting = std::mem::take(&mut self.waiting_for_tree);
                waiting
                    .into_iter()
                    .flat_map(|to| self.get(to, true))
                    .collect()
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

    fn get(&mut self, from: u32, with_tree: bool) -> Vec<(u32, Input)> {
        let Some(group) = &self.group else {
            return vec![(from, Input::Group(None))];
        };
        if with_tree && group.tree.is_none() {
            self.waiting_for_tree.push(from);
            let helper = group.in_group.iter().find(|id| **id != from);
            return helper
                .map(|to| (*to, Input::TreeWanted { epoch: group.epoch }))
                .into_iter()
                .collect();
        }
        let snapshot = GroupSnapshot {
            epoch: group.epoch,
            group_info: group.group_info.clone(),
            ratchet_tree: group.tree.clone().filter(|_| with_tree),
        };
        vec![(from, Input::Group(Some(snapshot)))]
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
        out
    }

    /// A participant is out of the room.
    pub(crate) fn left(&mut self, who: u32) {
        self.key_packages.remove(&who);
        self.waiting_for_tree.retain(|id| *id != who);
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
