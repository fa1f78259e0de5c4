//! A room of sessions, with a delivery service in memory.

use anyhow::{Context, bail};
use serde::Serialize;
use smrtc_e2ee::{
    OsRng,
    mls::{
        CommitRequest, Event, GroupSnapshot, Identity, Input, MlsSession, Now, Output, Policy,
        Request, SessionConfig, State, Suite, Timing,
    },
    sframe::CipherSuite,
};

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
    epoch: u64,
    group_info: Vec<u8>,
    tree: Vec<u8>,
    /// The two who commit and process.
    live: [MlsSession; 2],
    /// The others, oldest first.
    absent: Vec<u32>,
    last_participant: u32,
}

/// The participants of the two.
const LIVE: [u32; 2] = [1, 2];

impl Room {
    /// A room of two.
    pub(super) fn create(suite: Suite) -> anyhow::Result<Self> {
        let now = Now {
            micros: 0,
            unix_seconds: 1_800_000_000,
        };
        let mut first = session(suite, LIVE[0])?;
        enter(&mut first, now, LIVE[0]);
        first.handle_input(now, Input::Group(None));
        let created = commit_of(&mut first).context("no group was created")?;
        accept(&mut first, now, 0);
        let second = session(suite, LIVE[1])?;
        let mut room = Self {
            suite,
            now,
            epoch: 0,
            group_info: created.group_info,
            tree: created.ratchet_tree,
            live: [first, second],
            absent: Vec::new(),
            last_participant: LIVE[1],
        };
        let [first, second] = &mut room.live;
        present(first, now, LIVE[1]);
        enter(second, now, LIVE[1]);
        let commit = external_commit(second, now, room.epoch, &room.group_info, &room.tree)?;
        room.epoch += 1;
        accept(second, now, room.epoch);
        present(second, now, LIVE[0]);
        process(first, now, room.epoch - 1, LIVE[1], &commit.commit);
        room.settle(commit)?;
        Ok(room)
    }

    /// How many members there are.
    pub(super) fn size(&self) -> u32 {
        self.live[0].roster().len() as u32
    }

    pub(super) fn join_externally(&mut self) -> anyhow::Result<ExternalJoin> {
        let participant = self.next_participant();
        let mut newcomer = session(self.suite, participant)?;
        enter(&mut newcomer, self.now, participant);
        let (group_info_bytes, tree_bytes) = (self.group_info.len(), self.tree.len());
        let (group_info, tree) = (self.group_info.clone(), self.tree.clone());
        let begin = Stopwatch::start();
        let commit = external_commit(&mut newcomer, self.now, self.epoch, &group_info, &tree)?;
        let built = begin.millis();
        self.epoch += 1;
        let begin = Stopwatch::start();
        accept(&mut newcomer, self.now, self.epoch);
        let join_ms = built + begin.millis();
        let process_ms = self.processed_by_both(participant, &commit.commit);
        self.absent.push(participant);
        let commit_bytes = commit.commit.len();
        self.settle(commit)?;
        Ok(ExternalJoin {
            group_info_bytes,
            tree_bytes,
            commit_bytes,
            join_ms,
            process_ms,
        })
    }

    pub(super) fn join_by_welcome(&mut self) -> anyhow::Result<Join> {
        let participant = self.next_participant();
        let mut newcomer = session(self.suite, participant)?;
        let joined = Input::Joined {
            participant_id: participant,
            peers: LIVE.map(|live| (live, user(live))).to_vec(),
        };
        newcomer.handle_input(self.now, joined);
        let key_package = requests(&mut newcomer)
            .find_map(|request| match request {
                Request::KeyPackages(mut made) => made.pop(),
                _ => None,
            })
            .context("no KeyPackage was made")?;
        for live in &mut self.live {
            present(live, self.now, participant);
        }
        let wanted = Input::AddWanted {
            participant_id: participant,
        };
        let first = &mut self.live[0];
        first.handle_input(self.now, wanted);
        // Its turn comes; it claims the KeyPackage, which is there at once.
        advance_until(first, &mut self.now, |request| {
            matches!(request, Request::Claim(_)).then_some(())
        })?;
        let claimed = Input::KeyPackage {
            participant_id: participant,
            key_package: Some(key_package.clone()),
        };
        let begin = Stopwatch::start();
        first.handle_input(self.now, claimed);
        let mut commit_ms = begin.millis();
        let commit = match commit_of(first) {
            Some(commit) => commit,
            None => {
                let (commit, took) = self.timed_commit()?;
                commit_ms = took;
                commit
            }
        };
        commit_ms += self.accept_own();
        let begin = Stopwatch::start();
        let welcome = Input::Welcome {
            epoch: self.epoch,
            welcome: commit.welcomes[0].1.clone(),
            ratchet_tree: commit.ratchet_tree.clone(),
        };
        newcomer.handle_input(self.now, welcome);
        let join_ms = begin.millis();
        if newcomer.state() != State::InGroup {
            bail!("the newcomer did not get in");
        }
        let process_ms = self.processed_by_second(&commit.commit);
        self.absent.push(participant);
        let cost = Join {
            key_package_bytes: key_package.len(),
            commit_bytes: commit.commit.len(),
            welcome_bytes: commit.welcomes[0].1.len(),
            tree_bytes: commit.ratchet_tree.len(),
            commit_ms,
            join_ms,
            process_ms,
        };
        self.settle(commit)?;
        Ok(cost)
    }

    /// The one who has been there longest goes.
    pub(super) fn leave(&mut self) -> anyhow::Result<Leave> {
        if self.absent.is_empty() {
            bail!("there is nobody who could leave");
        }
        let participant_id = self.absent.remove(0);
        let before = self.size();
        for live in &mut self.live {
            live.handle_input(self.now, Input::PeerLeft { participant_id });
        }
        let (commit, commit_ms) = self.timed_commit()?;
        let commit_ms = commit_ms + self.accept_own();
        let process_ms = self.processed_by_second(&commit.commit);
        if self.size() + 1 != before {
            bail!("the commit took nobody out");
        }
        let commit_bytes = commit.commit.len();
        self.settle(commit)?;
        Ok(Leave {
            commit_bytes,
            commit_ms,
            process_ms,
        })
    }

    pub(super) fn rotate(&mut self) -> anyhow::Result<Rotation> {
        let begin = Stopwatch::start();
        self.live[0].handle_input(self.now, Input::Rotate);
        let took = begin.millis();
        // At once if it is its turn.
        let (commit, commit_ms) = match commit_of(&mut self.live[0]) {
            Some(commit) => (commit, took),
            None => self.timed_commit()?,
        };
        let commit_ms = commit_ms + self.accept_own();
        let process_ms = self.processed_by_second(&commit.commit);
        let commit_bytes = commit.commit.len();
        self.settle(commit)?;
        Ok(Rotation {
            commit_bytes,
            commit_ms,
            process_ms,
        })
    }

    fn next_participant(&mut self) -> u32 {
        self.last_participant += 1;
        self.last_participant
    }

    /// Lets the time come at which the first member commits, and takes the time of that.
    fn timed_commit(&mut self) -> anyhow::Result<(CommitRequest, f64)> {
        let mut took = 0.0;
        let (first, now) = (&mut self.live[0], &mut self.now);
        for _ in 0..MAX_STEPS {
            wait(first, now)?;
            let begin = Stopwatch::start();
            first.handle_input(*now, Input::Timeout);
            took = begin.millis();
            if let Some(commit) = commit_of(first) {
                return Ok((commit, took));
            }
        }
        bail!("no commit came, the last step took {took} ms")
    }

    /// The delivery service takes the first member's commit.
    fn accept_own(&mut self) -> f64 {
        self.epoch += 1;
        let begin = Stopwatch::start();
        accept(&mut self.live[0], self.now, self.epoch);
        begin.millis()
    }

    fn processed_by_second(&mut self, commit: &[u8]) -> f64 {
        process(&mut self.live[1], self.now, self.epoch - 1, LIVE[0], commit)
    }

    /// An external commit comes to both; the time of the second.
    fn processed_by_both(&mut self, participant: u32, commit: &[u8]) -> f64 {
        let (now, ended) = (self.now, self.epoch - 1);
        self.live
            .each_mut()
            .map(|live| {
                present(live, now, participant);
                process(live, now, ended, participant, commit)
            })
            .into_iter()
            .fold(0.0, |_, last| last)
    }

    /// Keeps what the delivery service keeps, and checks that the two agree.
    fn settle(&mut self, commit: CommitRequest) -> anyhow::Result<()> {
        self.group_info = commit.group_info;
        self.tree = commit.ratchet_tree;
        if self.tree.is_empty() {
            let epoch = self.epoch;
            self.live[0].handle_input(self.now, Input::TreeWanted { epoch });
            self.tree = requests(&mut self.live[0])
                .find_map(|request| match request {
                    Request::PutTree { ratchet_tree, .. } => Some(ratchet_tree),
                    _ => None,
                })
                .context("no tree was given")?;
        }
        let [first, second] = &mut self.live;
        let agree = first.epoch() == Some(self.epoch)
            && second.epoch() == Some(self.epoch)
            && first.verification_code() == second.verification_code();
        if !agree {
            bail!(
                "the members do not agree: {:?} {:?}",
                first.epoch(),
                second.epoch()
            );
        }
        requests(first).chain(requests(second)).for_each(drop);
        Ok(())
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

/// Alone, as it seems, so that it does not wait to be added.
fn enter(session: &mut MlsSession, now: Now, participant_id: u32) {
    let peers = Vec::new();
    let joined = Input::Joined {
        participant_id,
        peers,
    };
    session.handle_input(now, joined);
}

fn present(session: &mut MlsSession, now: Now, participant_id: u32) {
    let user = user(participant_id);
    let joined = Input::PeerJoined {
        participant_id,
        user,
    };
    session.handle_input(now, joined);
}

fn external_commit(
    session: &mut MlsSession,
    now: Now,
    epoch: u64,
    group_info: &[u8],
    tree: &[u8],
) -> anyhow::Result<CommitRequest> {
    // Asked for without its tree at first, then with it.
    for ratchet_tree in [None, Some(tree.to_vec())] {
        let snapshot = GroupSnapshot {
            epoch,
            group_info: group_info.to_vec(),
            ratchet_tree,
        };
        session.handle_input(now, Input::Group(Some(snapshot)));
    }
    commit_of(session).context("no external commit was made")
}

fn accept(session: &mut MlsSession, now: Now, epoch: u64) {
    let accepted = true;
    session.handle_input(now, Input::Outcome { accepted, epoch });
}

/// A commit of somebody else; how many milliseconds it took.
fn process(session: &mut MlsSession, now: Now, epoch: u64, from: u32, commit: &[u8]) -> f64 {
    let committed = Input::Committed {
        epoch,
        participant_id: from,
        commit: commit.to_vec(),
        created: false,
    };
    let begin = Stopwatch::start();
    session.handle_input(now, committed);
    begin.millis()
}

/// Goes to the session's next deadline.
fn wait(session: &MlsSession, now: &mut Now) -> anyhow::Result<()> {
    let deadline = session
        .deadline()
        .context("the session waits for nothing")?;
    let micros = deadline.max(now.micros);
    now.unix_seconds += micros / 1_000_000 - now.micros / 1_000_000;
    now.micros = micros;
    Ok(())
}

fn advance_until<T>(
    session: &mut MlsSession,
    now: &mut Now,
    found: impl Fn(&Request) -> Option<T>,
) -> anyhow::Result<T> {
    for _ in 0..MAX_STEPS {
        if let Some(found) = requests(session).find_map(|request| found(&request)) {
            return Ok(found);
        }
        wait(session, now)?;
        session.handle_input(*now, Input::Timeout);
    }
    bail!("the session never asked for it")
}

fn commit_of(session: &mut MlsSession) -> Option<CommitRequest> {
    requests(session)
        .filter_map(|request| match request {
            Request::Commit(commit) => Some(commit),
            _ => None,
        })
        .last()
}

/// Everything that waits to be sent; what else comes out is dropped, but for what should not happen
/// here.
fn requests(session: &mut MlsSession) -> impl Iterator<Item = Request> + use<> {
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
    requests.into_iter()
}

/// Steps of a session until something that must happen happens; heartbeats lie between.
const MAX_STEPS: usize = 1_000;
