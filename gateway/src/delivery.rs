//! The delivery service of MLS for one room (RFC 9750 §5): keeps KeyPackages, lets one commit end
//! each epoch, hands messages on.
//!
//! It learns no key. Of a message it reads what stands in clear at the front (suite, group, epoch,
//! who comes in) and refuses what cannot be right, so that one bad client does not cost the others
//! a look; what is genuine the members decide. Sans-IO.

mod group;
mod key_packages;
mod limits;
mod replace;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use smrtc_engine::{
    control::{
        mls::{Credential, FramingError, heartbeat_epoch},
        v1::{self, Done, client_message::Body as Request, server_message::Body},
    },
    time::Instant,
};

pub use limits::{Limits, Rates};

use crate::{
    auth::Role,
    counter_macro::counters,
    forward::{Bucket, per_second},
    room::{Notice, ParticipantId, Recipients, Refusal},
};
use group::{Group, Waiting};
use key_packages::Given;

/// How long a member has to give the tree before another is asked.
const TREE_PATIENCE: Duration = Duration::from_secs(1);

/// How many are asked for the tree before the group is given without it.
const TREE_ATTEMPTS: u32 = 3;

counters! {
    /// What has been counted in all rooms.
    #[non_exhaustive]
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Counters {
        /// Commits that ended an epoch or made a group.
        pub commits = "mls_commits_total",
        /// Commits that came after another had ended their epoch.
        pub conflicts = "mls_conflicts_total",
        /// Group key messages that were malformed or not the sender's to send.
        pub refused = "mls_refused_total",
        /// Group key messages over a limit or rate.
        pub over_rate = "mls_over_rate_total",
        /// Bytes of group key messages that went to others than their sender.
        pub bytes_out = "mls_bytes_out_total",
        /// Groups that another took the place of.
        pub replaced = "mls_groups_replaced_total",
    }
}

/// The delivery service of one room.
#[derive(Debug)]
pub(crate) struct Delivery {
    limits: Limits,
    group: Option<Group>,
    participants: BTreeMap<ParticipantId, Participant>,
    /// Those who asked for a tree that is not here.
    waiting: BTreeMap<ParticipantId, Waiting>,
}

#[derive(Debug)]
struct Participant {
    user: String,
    role: Role,
    key_packages: VecDeque<Vec<u8>>,
    /// KeyPackages that it was given and has not used, by whose they are.
    given: BTreeMap<ParticipantId, Vec<Given>>,
    /// How often it has asked for the group with its tree since it last showed that it gets on with
    /// it.
    asked_in_vain: u32,
    /// When it last showed that.
    got_on: Instant,
    budget: Budget,
}

#[derive(Debug)]
struct Budget {
    commits: Bucket,
    fetches: Bucket,
    trees: Bucket,
    heartbeats: Bucket,
    bytes: Bucket,
    bytes_to_one: Bucket,
    bytes_to_all: Bucket,
}

/// What a message makes the gateway send.
#[derive(Clone, Copy, Debug, Default)]
struct FanOut {
    /// The most to any one participant, in bytes.
    to_one: usize,
    /// All of it.
    to_all: usize,
}

impl Delivery {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            group: None,
            participants: BTreeMap::new(),
            waiting: BTreeMap::new(),
        }
    }

    /// Takes note of one who has joined the room, as `user` in `role` by the token.
    pub(crate) fn join(&mut self, now: Instant, id: ParticipantId, user: &str, role: Role) {
        let participant = Participant {
            user: user.to_owned(),
            role,
            key_packages: VecDeque::new(),
            given: BTreeMap::new(),
            asked_in_vain: 0,
            got_on: now,
            budget: Budget::new(&self.limits.rates, now),
        };
        self.participants.insert(id, participant);
    }

    /// Forgets one who has left the room. A group that nobody here is in any more is dropped.
    pub(crate) fn leave(&mut self, id: ParticipantId, out: &mut Vec<Notice>) {
        self.participants.remove(&id);
        self.waiting.remove(&id);
        if let Some(group) = &mut self.group {
            group.members.remove(&id);
            if group.members.is_empty() {
                self.group = None;
                self.begin_anew();
                self.answer_waiting(out);
            }
        }
    }

    /// Applies one request. The reply is `None` if it comes later, in a [`Notice`].
    pub(crate) fn request(
        &mut self,
        now: Instant,
        id: ParticipantId,
        request_id: u32,
        request: Request,
        counters: &mut Counters,
        out: &mut Vec<Notice>,
    ) -> Result<Option<Body>, Refusal> {
        let applied = self.apply(now, id, request_id, request, counters, out);
        match applied {
            Err(Refusal::LimitReached(_)) => counters.over_rate += 1,
            Err(_) => counters.refused += 1,
            Ok(_) => {}
        }
        applied
    }

    fn apply(
        &mut self,
        now: Instant,
        id: ParticipantId,
        request_id: u32,
        request: Request,
        counters: &mut Counters,
        out: &mut Vec<Notice>,
    ) -> Result<Option<Body>, Refusal> {
        self.spend(now, id, &request)?;
        let done = Ok(Some(Body::Done(Done {})));
        match request {
            Request::MlsKeyPackages(packages) => {
                self.keep_key_packages(id, packages.key_packages, out)?;
                done
            }
            Request::MlsClaim(claim) => self.claim(id, claim.participant_id, out).map(Some),
            Request::MlsCommit(commit) => self.commit(now, id, commit, counters, out).map(Some),
            Request::MlsGetGroup(get) => Ok(self.get_group(now, id, request_id, get, out)),
            Request::MlsPutTree(tree) => {
                self.put_tree(id, tree, out)?;
                done
            }
            Request::MlsHeartbeat(heartbeat) => {
                self.pass_on(now, id, heartbeat.heartbeat, counters, out)?;
                done
            }
            _ => Err(Refusal::UnknownMessage),
        }
    }

    fn spend(&mut self, now: Instant, id: ParticipantId, request: &Request) -> Result<(), Refusal> {
        let Some(participant) = self.participants.get_mut(&id) else {
            return Err(Refusal::NotJoined);
        };
        let budget = &mut participant.budget;
        let (bucket, bytes) = match request {
            Request::MlsKeyPackages(packages) => (
                &mut budget.fetches,
                packages.key_packages.iter().map(Vec::len).sum(),
            ),
            Request::MlsClaim(_) | Request::MlsGetGroup(_) => (&mut budget.fetches, 0),
            Request::MlsCommit(commit) => (
                &mut budget.commits,
                commit.commit.len()
                    + commit.group_info.len()
                    + commit.ratchet_tree.len()
                    + commit
                        .welcomes
                        .iter()
                        .map(|welcome| welcome.welcome.len())
                        .sum::<usize>(),
            ),
            Request::MlsPutTree(tree) => (&mut budget.trees, tree.ratchet_tree.len()),
            Request::MlsHeartbeat(heartbeat) => (&mut budget.heartbeats, heartbeat.heartbeat.len()),
            _ => return Ok(()),
        };
        if bucket.take(now, 1) && budget.bytes.take(now, bytes as u64) {
            Ok(())
        } else {
            Err(Refusal::LimitReached("rate of group key messages"))
        }
    }

    fn pass_on(
        &mut self,
        now: Instant,
        id: ParticipantId,
        heartbeat: Vec<u8>,
        counters: &mut Counters,
        out: &mut Vec<Notice>,
    ) -> Result<(), Refusal> {
        bounded(&heartbeat, self.limits.heartbeat_bytes, "a heartbeat")?;
        let group = self.group_of(id)?;
        let (epoch, others) = (group.epoch, group.members.len().saturating_sub(1));
        match heartbeat_epoch(&heartbeat) {
            Some(named) if named == epoch => self.gets_on(now, id),
            // Nobody can be there yet. Members would look for an epoch that they have missed.
            Some(named) if named > epoch => return Ok(()),
            _ => {}
        }
        let fan_out = FanOut {
            to_one: heartbeat.len(),
            to_all: heartbeat.len() * others,
        };
        self.charge(now, id, fan_out, counters)?;
        let heartbeat = v1::MlsHeartbeat {
            participant_id: id,
            heartbeat,
        };
        self.notify_group(id, Body::MlsHeartbeat(heartbeat), out);
        Ok(())
    }

    /// Charges `id` with what its message makes the gateway send.
    fn charge(
        &mut self,
        now: Instant,
        id: ParticipantId,
        fan_out: FanOut,
        counters: &mut Counters,
    ) -> Result<(), Refusal> {
        let Some(sender) = self.participants.get_mut(&id) else {
            return Err(Refusal::NotJoined);
        };
        let budget = &mut sender.budget;
        let to_one = fan_out.to_one as u64;
        // A full budget always admits one message: in a room of thousands a commit that costs more
        // than the burst must be late, not impossible.
        let to_all = (fan_out.to_all as u64).min(budget.bytes_to_all.burst());
        if budget.bytes_to_one.available(now) < to_one
            || budget.bytes_to_all.available(now) < to_all
        {
            return Err(Refusal::LimitReached(
                "bytes of group key messages to others",
            ));
        }
        budget.bytes_to_one.take(now, to_one);
        budget.bytes_to_all.take(now, to_all);
        counters.bytes_out += fan_out.to_all as u64;
        Ok(())
    }

    /// The group, if `id` is in it.
    fn group_of(&mut self, id: ParticipantId) -> Result<&mut Group, Refusal> {
        self.group
            .as_mut()
            .filter(|group| group.members.contains(&id))
            .ok_or(Refusal::NotAllowed)
    }

    /// Tells the group, but not `except`.
    fn notify_group(&self, except: ParticipantId, body: Body, out: &mut Vec<Notice>) {
        let members = self.group.iter().flat_map(|group| &group.members);
        notify(members.copied(), except, body, out);
    }
}

/// Tells some participants, but not `except`.
fn notify(
    participants: impl Iterator<Item = ParticipantId>,
    except: ParticipantId,
    body: Body,
    out: &mut Vec<Notice>,
) {
    let others: Vec<_> = participants.filter(|id| *id != except).collect();
    if !others.is_empty() {
        out.push(Notice::new(Recipients::These(others), body));
    }
}

impl Budget {
    fn new(rates: &Rates, now: Instant) -> Self {
        let bucket =
            |(rate, burst): (u32, u32)| Bucket::new(per_second(rate), u64::from(burst), now);
        Self {
            commits: bucket(rates.commits),
            fetches: bucket(rates.fetches),
            trees: bucket(rates.trees),
            heartbeats: bucket(rates.heartbeats),
            bytes: bucket(rates.bytes),
            bytes_to_one: bucket(rates.bytes_to_one),
            bytes_to_all: bucket(rates.bytes_to_all),
        }
    }
}

/// Whether a basic credential names the user of the token. Of a certificate chain the members check
/// the name.
fn belongs(credential: Credential<'_>, user: &str) -> Result<(), Refusal> {
    match credential {
        Credential::Basic(identity) if identity != user.as_bytes() => Err(
            Refusal::InvalidArgument("the credential names another user than the token"),
        ),
        Credential::Basic(_) | Credential::X509 => Ok(()),
    }
}

fn bounded(bytes: &[u8], most: usize, what: &'static str) -> Result<(), Refusal> {
    if bytes.len() > most {
        return Err(Refusal::TooLong(what));
    }
    Ok(())
}

fn malformed(_: FramingError) -> Refusal {
    Refusal::InvalidArgument(
        "a message that is not of MLS 1.0, or not of the kind that belongs here",
    )
}
