//! A room of sessions over a delivery service in memory.

use std::collections::{BTreeMap, VecDeque};

use anyhow::{Context, bail};
use serde::Serialize;
use smrtc_e2ee::{
    OsRng,
    mls::{
        Event, Identity, Input, MlsSession, Now, Output, Policy, Request, SessionConfig, State,
        Suite, Timing,
    },
    sframe::CipherSuite,
};

use crate::delivery::Service;
use crate::stopwatch::Stopwatch;

/// One joins because a member adds it. All bytes but the KeyPackage's go to the newcomer, the
/// commit to each member.
#[derive(Serialize)]
pub struct Join {
    /// What the newcomer has uploaded before.
    pub key_package_bytes: usize,
    /// To each member.
    pub commit_bytes: usize,
    /// To the newcomer.
    pub welcome_bytes: usize,
    /// To the newcomer.
    pub tree_bytes: usize,
    /// To make the commit and go into the epoch.
    pub commit_ms: f64,
    /// For the newcomer to be in.
    pub join_ms: f64,
    /// For another member to process the commit.
    pub process_ms: f64,
}

/// One joins by itself: downloads GroupInfo and tree, uploads a commit, which goes to each member.
#[derive(Serialize)]
pub struct ExternalJoin {
    /// To the newcomer.
    pub group_info_bytes: usize,
    /// To the newcomer.
    pub tree_bytes: usize,
    /// To each member.
    pub commit_bytes: usize,
    /// For the newcomer to be in.
    pub join_ms: f64,
    /// For another member to process the commit.
    pub process_ms: f64,
}

/// A member commits that one has left. The commit goes to each member.
#[derive(Serialize)]
pub struct Leave {
    /// To each member.
    pub commit_bytes: usize,
    /// To make the commit and go into the epoch.
    pub commit_ms: f64,
    /// For another member to process the commit.
    pub process_ms: f64,
}

/// A member makes new keys. The commit goes to each member.
#[derive(Serialize)]
pub struct Rotation {
    /// To each member.
    pub commit_bytes: usize,
    /// To make the commit and go into the epoch.
    pub commit_ms: f64,
    /// For another member to process the commit.
    pub process_ms: f64,
}

pub(super) struct Room {
    suite: Suite,
    now: Now,
    service: Service,
    /// The two who commit and process, and whoever comes in.
    sessions: BTreeMap<u32, MlsSession>,
    /// The others, oldest first.
    absent: Vec<u32>,
    last_participant: u32,
    change: Change,
}

/// What a change of the group has cost until now.
#[derive(Default)]
struct Change {
    /// Milliseconds of each participant, for making commits, processing them and getting in.
    millis: BTreeMap<u32, f64>,
    has_no_key_packages: bool,
    key_package_bytes: usize,
    group_info_bytes: usize,
    tree_bytes: usize,
    commit_bytes: usize,
    welcome_bytes: usize,
}

/// The two who stay; the first commits.
const FIRST: u32 = 1;
const SECOND: u32 = 2;

impl Room {
    /// A room of two.
    pub(super) fn create(suite: Suite) -> anyhow::Result<Self> {
        let mut room = Self {
            suite,
            now: Now {
                micros: 0,
                unix_seconds: 1_800_000_000,
            },
            service: Service::default(),
            sessions: BTreeMap::new(),
            absent: Vec::new(),
            last_participant: 0,
            change: Change::default(),
        };
        for _ in [FIRST, SECOND] {
            room.come_in_alone()?;
        }
        Ok(room)
    }

    /// How many members there are.
    pub(super) fn size(&self) -> u32 {
        self.sessions[&FIRST].roster().len() as u32
    }

    pub(super) fn join_externally(&mut self) -> anyhow::Result<ExternalJoin> {
        self.change = Change::default();
        let newcomer = self.come_in_alone()?;
        let cost = ExternalJoin {
            group_info_bytes: self.change.group_info_bytes,
            tree_bytes: self.change.tree_bytes,
            commit_bytes: self.change.commit_bytes,
            join_ms: self.millis(newcomer),
            process_ms: self.millis(SECOND),
        };
        self.go_away(newcomer)?;
        Ok(cost)
    }

    pub(super) fn join_by_welcome(&mut self) -> anyhow::Result<Join> {
        self.change = Change::default();
        let epoch = self.epoch();
        let newcomer = self.come_in()?;
        self.run_until(FIRST, |room| room.epoch() != epoch)?;
        let cost = Join {
            key_package_bytes: self.change.key_package_bytes,
            commit_bytes: self.change.commit_bytes,
            welcome_bytes: self.change.welcome_bytes,
            tree_bytes: self.change.tree_bytes,
            commit_ms: self.millis(FIRST),
            join_ms: self.millis(newcomer),
            process_ms: self.millis(SECOND),
        };
        self.go_away(newcomer)?;
        Ok(cost)
    }

    /// The one who has been there longest goes.
    pub(super) fn leave(&mut self) -> anyhow::Result<Leave> {
        if self.absent.is_empty() {
            bail!("there is nobody who could leave");
        }
        self.change = Change::default();
        let participant_id = self.absent.remove(0);
        let (before, epoch) = (self.size(), self.epoch());
        self.service.left(participant_id);
        for live in [FIRST, SECOND] {
            self.deliver(live, Input::PeerLeft { participant_id });
        }
        self.run_until(FIRST, |room| room.epoch() != epoch)?;
        self.check()?;
        if self.size() + 1 != before {
            bail!("the commit took nobody out");
        }
        Ok(Leave {
            commit_bytes: self.change.commit_bytes,
            commit_ms: self.millis(FIRST),
            process_ms: self.millis(SECOND),
        })
    }

    pub(super) fn rotate(&mut self) -> anyhow::Result<Rotation> {
        self.change = Change::default();
        let epoch = self.epoch();
        self.deliver(FIRST, Input::Rotate);
        // At once if it is its turn.
        self.run_until(FIRST, |room| room.epoch() != epoch)?;
        self.check()?;
        Ok(Rotation {
            commit_bytes: self.change.commit_bytes,
            commit_ms: self.millis(FIRST),
            process_ms: self.millis(SECOND),
        })
    }

    /// Opens a page that nobody can add, for it uploads no KeyPackage: it creates the group or
    /// commits itself.
    fn come_in_alone(&mut self) -> anyhow::Result<u32> {
        let epoch = self.epoch();
        self.change.has_no_key_packages = true;
        let newcomer = self.come_in()?;
        self.run_until(newcomer, |room| room.epoch() != epoch)?;
        self.check()?;
        Ok(newcomer)
    }

    /// Opens a page, and shows it to those who live.
    fn come_in(&mut self) -> anyhow::Result<u32> {
        self.last_participant += 1;
        let participant_id = self.last_participant;
        let live: Vec<u32> = self.sessions.keys().copied().collect();
        let others = live.iter().chain(&self.absent);
        let peers = others.map(|&other| (other, user(other))).collect();
        self.sessions
            .insert(participant_id, session(self.suite, participant_id)?);
        for other in live {
            let user = user(participant_id);
            let joined = Input::PeerJoined {
                participant_id,
                user,
            };
            self.deliver(other, joined);
        }
        let joined = Input::Joined {
            participant_id,
            peers,
        };
        self.deliver(participant_id, joined);
        Ok(participant_id)
    }

    /// From now on the newcomer only stands in the tree.
    fn go_away(&mut self, newcomer: u32) -> anyhow::Result<()> {
        self.check()?;
        self.sessions.remove(&newcomer);
        self.absent.push(newcomer);
        Ok(())
    }

    /// Gives a message to its addressee, and carries what it causes until all are silent.
    fn deliver(&mut self, to: u32, input: Input) {
        let mut messages = VecDeque::from([(to, input)]);
        while let Some((to, input)) = messages.pop_front() {
            let Some(session) = self.sessions.get_mut(&to) else {
                continue;
            };
            let change = &mut self.change;
            change.note_download(&input);
            let is_work = matches!(
                input,
                Input::Group(_)
                    | Input::Outcome { .. }
                    | Input::Committed { .. }
                    | Input::Welcome { .. }
            );
            let begin = Stopwatch::start();
            session.handle_input(self.now, input);
            let took = begin.millis();
            let requests = requests(session);
            let commits = requests
                .iter()
                .any(|request| matches!(request, Request::Commit(_)));
            // Heartbeats and KeyPackages are no part of the change.
            if is_work || commits {
                *change.millis.entry(to).or_default() += took;
            }
            for request in requests {
                if change.has_no_key_packages && matches!(request, Request::KeyPackages(_)) {
                    continue;
                }
                change.note_upload(&request);
                messages.extend(self.service.handle(self.now.micros, to, request));
            }
        }
    }

    /// Lets the deadlines of one participant come until something has happened.
    fn run_until(&mut self, who: u32, happened: impl Fn(&Self) -> bool) -> anyhow::Result<()> {
        for _ in 0..MAX_STEPS {
            if happened(self) {
                return Ok(());
            }
            let deadline = self.sessions[&who].deadline();
            let micros = deadline.context("the session waits for nothing")?;
            let micros = micros.max(self.now.micros);
            self.now.unix_seconds += micros / 1_000_000 - self.now.micros / 1_000_000;
            self.now.micros = micros;
            self.deliver(who, Input::Timeout);
        }
        bail!("no commit came")
    }

    fn epoch(&self) -> Option<u64> {
        self.service.group.as_ref().map(|group| group.epoch)
    }

    fn millis(&self, participant: u32) -> f64 {
        let millis = self.change.millis.get(&participant);
        millis.copied().unwrap_or_default()
    }

    /// Whether all who are here agree with each other and with the delivery service.
    fn check(&self) -> anyhow::Result<()> {
        let code = self.sessions[&FIRST].verification_code();
        for (participant, session) in &self.sessions {
            let agrees = session.state() == State::InGroup
                && session.epoch() == self.epoch()
                && session.verification_code() == code;
            if !agrees {
                bail!(
                    "participant {participant} does not agree: {:?}, epoch {:?} of {:?}",
                    session.state(),
                    session.epoch(),
                    self.epoch(),
                );
            }
        }
        Ok(())
    }
}

impl Change {
    fn note_download(&mut self, input: &Input) {
        match input {
            Input::Group(Some(group)) => {
                self.group_info_bytes = group.group_info.len();
                self.tree_bytes = group.ratchet_tree.as_ref().map_or(0, Vec::len);
            }
            Input::Welcome {
                welcome,
                ratchet_tree,
                ..
            } => {
                self.welcome_bytes = welcome.len();
                self.tree_bytes = ratchet_tree.len();
            }
            _ => {}
        }
    }

    fn note_upload(&mut self, request: &Request) {
        match request {
            Request::KeyPackages(made) => {
                self.key_package_bytes = made.last().map_or(0, Vec::len);
            }
            Request::Commit(commit) => self.commit_bytes = commit.commit.len(),
            _ => {}
        }
    }
}

fn user(participant: u32) -> String {
    format!("user {participant}")
}

fn session(suite: Suite, participant: u32) -> anyhow::Result<MlsSession> {
    let config = SessionConfig {
        identity: Identity::generate(suite, &user(participant), &mut OsRng)?,
        sframe_suite: CipherSuite::Sm4GcmSm3,
        room: "room".to_owned(),
        policy: Policy::Everyone,
        timing: Timing::default(),
    };
    Ok(MlsSession::new(config, Box::new(OsRng)))
}

/// Everything that waits to be sent; what else comes out is dropped, but for what should not happen
/// here.
fn requests(session: &mut MlsSession) -> Vec<Request> {
    let mut requests = Vec::new();
    while let Some(output) = session.poll_output() {
        match output {
            Output::Send(request) => requests.push(request),
            Output::Event(Event::Refused { what, why }) => {
                eprintln!("group: refused {what:?}: {why}");
            }
            _ => {}
        }
    }
    requests
}

/// Steps of a session until something that must happen happens; heartbeats lie between.
const MAX_STEPS: usize = 1_000;
