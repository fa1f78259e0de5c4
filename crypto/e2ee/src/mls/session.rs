//! A member's side of a room's group, sans-IO: inputs and the time go in, requests, keys and events
//! come out.
//!
//! | file | holds |
//! |---|---|
//! | `enter` | creating, joining by Welcome or external commit, healing |
//! | `restarting` | a group of the delivery service that we do not follow |
//! | `commit_schedule` | who commits what, and when |
//! | `own_commits` | our own commits |
//! | `epochs` | what follows from a new epoch: keys, roster, codes |
//! | `heartbeats` | heartbeats: confirmation, split, silence |
//!
//! Nothing of a group is ever stored: whoever lost its memory joins anew, under a new leaf and in a
//! new epoch. So no state can be restored to seal under keys that have sealed before.

mod commit_schedule;
mod epochs;
mod heartbeats;
mod joining;
mod own_commits;
mod restarting;
#[cfg(test)]
mod tests;
mod types;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use mls_rs::Group;

use self::commit_schedule::Work;
use self::heartbeats::Beats;
use self::joining::Entry;
use self::restarting::Parted;
use super::admission::RefusedCertificate;
use super::commit_policy::room_extension;
use super::group::{self, Config, Member};
use super::provider::Provider;
use super::shared_rng::SharedRng;
use super::suite::Suite;
use crate::rng::{Rng, RngError};

pub use types::{
    CommitRequest, Event, GroupSnapshot, Input, Now, Output, Refused, Request, RequestKind,
    RosterMember, SessionConfig, State, Timing,
};

/// One member of one room's group.
pub struct MlsSession {
    config: SessionConfig,
    suite: Suite,
    rng: SharedRng,
    member: Member,
    state: State,
    participant: Option<u32>,
    /// Everybody else in the room, as the gateway says.
    peers: BTreeMap<u32, String>,
    group: Option<Box<Group<Config>>>,
    /// Everybody in the group, by leaf.
    roster: Vec<RosterMember>,
    verification_code: Option<String>,
    epoch_since: u64,
    entry: Entry,
    /// Attempts to enter that have failed, one after the other.
    attempts: u32,
    /// Whether our place in the group is to be made anew in any case: the delivery service knows us
    /// under another number.
    rejoin: bool,
    /// Whether the delivery service has KeyPackages of ours.
    uploaded: bool,
    /// Whether our page was told that the policy does not take us.
    own_refused: bool,
    parted: Parted,
    /// Commits that the delivery service has not answered, oldest first.
    in_flight: VecDeque<u64>,
    last_submission: u64,
    /// Since when the group seems to be ahead of us.
    ahead_since: Option<u64>,
    /// Epoch, Welcome and tree of the next epoch, should its commit take us out.
    welcome_back: Option<(u64, Vec<u8>, Vec<u8>)>,
    work: Work,
    beats: Beats,
    /// Invalid certificates that were told in this epoch.
    certificates_told: BTreeSet<RefusedCertificate>,
    /// Users who were in the group with a certificate.
    once_certified: BTreeSet<String>,
    out: VecDeque<Output>,
}

impl MlsSession {
    /// A session that has not joined yet.
    pub fn new(config: SessionConfig, rng: Box<dyn Rng + Send>) -> Self {
        let suite = config.identity.suite();
        let provider = Provider::new(suite, rng);
        let rng = provider.rng();
        let room = room_extension(&config.room, config.sframe_suite);
        let member = Member::new(&config.identity, provider, config.policy.clone(), room);
        Self {
            suite,
            rng,
            member,
            state: State::Idle,
            participant: None,
            peers: BTreeMap::new(),
            group: None,
            roster: Vec::new(),
            verification_code: None,
            epoch_since: 0,
            entry: Entry::None,
            attempts: 0,
            rejoin: false,
            uploaded: false,
            own_refused: false,
            parted: Parted::default(),
            in_flight: VecDeque::new(),
            last_submission: 0,
            ahead_since: None,
            welcome_back: None,
            work: Work::default(),
            beats: Beats::default(),
            certificates_told: BTreeSet::new(),
            once_certified: BTreeSet::new(),
            out: VecDeque::new(),
            config,
        }
    }

    /// Applies one input; then drain [`Self::poll_output`]. No input is an error: what is not
    /// accepted is an event.
    pub fn handle_input(&mut self, now: Now, input: Input) {
        match input {
            Input::Joined {
                participant_id,
                peers,
            } => self.joined_room(now, participant_id, peers),
            Input::PeerJoined {
                participant_id,
                user,
            } => {
                self.peers.insert(participant_id, user);
            }
            Input::PeerLeft { participant_id } => {
                self.peers.remove(&participant_id);
                self.work.wanted.remove(&participant_id);
            }
            Input::Group(snapshot) => self.got_group(now, snapshot),
            Input::Outcome { accepted, epoch } => self.answered(now, Some((accepted, epoch))),
            Input::Committed {
                epoch,
                commit,
                created,
                ..
            } => self.committed(now, epoch, &commit, created),
            Input::Welcome {
                welcome,
                ratchet_tree,
                epoch,
            } => self.welcomed(now, epoch, &welcome, &ratchet_tree),
            Input::KeyPackage {
                participant_id,
                key_package,
            } => self.claimed(now, participant_id, key_package),
            Input::AddWanted { participant_id } => self.work.want(now.micros, participant_id),
            Input::KeyPackagesLow => self.upload_key_packages(now),
            Input::TreeWanted { epoch } => self.offer_tree(epoch),
            Input::Heartbeat {
                participant_id,
                heartbeat,
            } => self.heard(now, participant_id, &heartbeat),
            Input::Refused(RequestKind::Commit) => self.answered(now, None),
            Input::Refused(RequestKind::GetGroup) => self.group_refused(now),
            Input::Refused(RequestKind::Claim(participant)) => self.claimed(now, participant, None),
            Input::Refused(RequestKind::Other) => {}
            Input::Disconnected => self.disconnected(),
            Input::Rotate => self.work.rotate(now.micros),
            Input::Timeout => {}
        }
        self.run_timers(now);
    }

    /// What to do next, until there is nothing.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// When to come back with [`Input::Timeout`], in microseconds.
    pub fn deadline(&self) -> Option<u64> {
        let ahead = self
            .ahead_since
            .map(|since| since.saturating_add(self.config.timing.catch_up));
        [
            self.entry_deadline(),
            ahead.filter(|_| matches!(self.entry, Entry::None)),
            self.work_deadline(),
            self.beat_deadline(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Where the session is.
    pub fn state(&self) -> State {
        self.state
    }

    /// The group's epoch, if we are in.
    pub fn epoch(&self) -> Option<u64> {
        self.group.as_ref().map(|group| group.current_epoch())
    }

    /// Everybody in the group.
    pub fn roster(&self) -> &[RosterMember] {
        &self.roster
    }

    /// The code of this epoch.
    pub fn verification_code(&self) -> Option<&str> {
        self.verification_code.as_deref()
    }

    fn run_timers(&mut self, now: Now) {
        self.run_entry(now);
        if self
            .ahead_since
            .is_some_and(|since| now.micros >= since.saturating_add(self.config.timing.catch_up))
            && matches!(self.entry, Entry::None)
        {
            self.look(now);
        }
        self.run_parted();
        self.run_work(now);
        self.run_beats(now);
        let refused = self.member.take_refused_certificates();
        self.tell_certificates(refused);
    }

    /// Each once in an epoch, however often it is offered.
    fn tell_certificates(&mut self, refused: Vec<RefusedCertificate>) {
        for (user, why) in refused {
            if self.certificates_told.len() < MAX_TOLD
                && self.certificates_told.insert((user.clone(), why))
            {
                self.tell(Event::CertificateInvalid { user, why });
            }
        }
    }

    fn offer_tree(&mut self, epoch: u64) {
        if let Some(group) = &self.group
            && group.current_epoch() == epoch
            && let Ok(ratchet_tree) = group.export_tree().to_bytes()
        {
            self.send(Request::PutTree {
                epoch,
                ratchet_tree,
            });
        }
    }

    fn send(&mut self, request: Request) {
        self.out.push_back(Output::Send(request));
    }

    fn tell(&mut self, event: Event) {
        self.out.push_back(Output::Event(event));
    }

    fn set_state(&mut self, state: State) {
        if self.state != state {
            self.state = state;
            self.tell(Event::State(state));
        }
    }

    /// Whether the policy takes ourselves. If it does not, the others would not either: our page is
    /// told once, and nothing is sent.
    fn takes_ourselves(&mut self, now: Now) -> bool {
        match self.member.check_own(now.unix_seconds) {
            Ok(()) => {
                self.own_refused = false;
                true
            }
            Err(error) => {
                if !std::mem::replace(&mut self.own_refused, true) {
                    self.tell(Event::refused(Refused::Own, &error));
                }
                false
            }
        }
    }

    /// A random time below `bound`; none of it if there is no randomness, which the next key will
    /// notice.
    fn jitter(&mut self, bound: u64) -> u64 {
        let mut bytes = [0; 8];
        match self.rng.fill(&mut bytes) {
            Ok(()) => u64::from_be_bytes(bytes) % bound.max(1),
            Err(RngError) => 0,
        }
    }

    /// Sends a commit and remembers that it is not answered.
    fn submit(&mut self, commit: CommitRequest) -> u64 {
        self.last_submission += 1;
        self.in_flight.push_back(self.last_submission);
        self.send(Request::Commit(commit));
        self.last_submission
    }
}

impl std::fmt::Debug for MlsSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MlsSession")
            .field("user", &self.config.identity.user())
            .field("state", &self.state)
            .field("epoch", &self.epoch())
            .field("roster", &self.roster)
            .finish_non_exhaustive()
    }
}

/// A tree up to this size goes along with each commit: a joiner then need not wait for somebody to
/// send it.
const SMALL_TREE_BYTES: usize = 32 << 10;

/// KeyPackages uploaded at a time.
const KEY_PACKAGES: usize = 4;

/// When to look again whether the policy takes ourselves.
const OWN_PAUSE_MICROS: u64 = 5_000_000;

/// Invalid certificates told in one epoch.
const MAX_TOLD: usize = 256;
