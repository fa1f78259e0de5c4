//! Pages in a room, on one virtual clock, with a delivery service between them that may be hostile.

mod frames;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use smrtc_e2ee::mls::EpochKeys;
use smrtc_e2ee::mls::{
    Event, Identity, Input, MlsKeys, MlsSession, Now, Output, Policy, Request, SessionConfig,
    State, Suite, Timing,
};
use smrtc_e2ee::sframe::{CipherSuite, KeyStore, KeyStoreLimits, Kid, Sealer};

use super::SeededRng;
use super::service::Service;

pub(crate) use frames::open_with;

/// Seconds since 1970 at the start.
pub(crate) const UNIX: u64 = 1_800_000_000;

/// How long a message takes.
const LATENCY: u64 = 10_000;

/// What may happen to a message on its way to `to`: the list of what arrives instead.
pub(crate) type Tamper = Box<dyn FnMut(&mut SeededRng, u32, Input) -> Vec<Input>>;

/// What may happen to a request on its way to the service.
pub(crate) type TamperRequest = Box<dyn FnMut(&mut SeededRng, u32, Request) -> Vec<Request>>;

pub(crate) struct Page {
    pub(crate) user: String,
    pub(crate) session: MlsSession,
    pub(crate) store: KeyStore<MlsKeys>,
    /// What seals: the worker of the camera, and another (a screen, a second tab) that has the keys
    /// as bytes.
    pub(crate) workers: [Worker; 2],
    /// The keys of the newest epoch as bytes, as they pass between workers.
    keys: Option<Vec<u8>>,
    pub(crate) events: Vec<Event>,
    pub(crate) base_keys: BTreeMap<u64, Vec<u8>>,
    inbox: VecDeque<(u64, Input)>,
}

/// A worker that seals frames.
pub(crate) struct Worker {
    keys: MlsKeys,
    sealer: Option<(u64, Sealer)>,
}

impl Worker {
    fn new() -> Self {
        Self {
            keys: MlsKeys::new(CipherSuite::Sm4GcmSm3),
            sealer: None,
        }
    }

    fn install(&mut self, now: u64, keys: &[u8]) {
        let keys = EpochKeys::from_bytes(keys).expect("what to_bytes gave");
        self.keys.install(now, keys);
    }
}

pub(crate) struct World {
    pub(crate) now: u64,
    pub(crate) suite: Suite,
    pub(crate) rng: SeededRng,
    pub(crate) service: Service,
    pub(crate) pages: BTreeMap<u32, Page>,
    pub(crate) identities: BTreeMap<String, Identity>,
    pub(crate) policy: Policy,
    /// By how many seconds the clocks of these users are slow.
    pub(crate) slow: BTreeMap<String, u64>,
    pub(crate) tamper: Option<Tamper>,
    pub(crate) tamper_request: Option<TamperRequest>,
    /// A second group that the service shows to these pages.
    pub(crate) second: Option<(Service, BTreeSet<u32>)>,
    /// (base key, KID, CTR) of every frame ever sealed.
    pub(crate) sealed: BTreeSet<(Vec<u8>, Kid, u64)>,
    next_id: u32,
}

impl World {
    pub(crate) fn new(suite: Suite, seed: u64) -> Self {
        Self {
            now: 0,
            suite,
            rng: SeededRng::new(seed),
            service: Service::default(),
            pages: BTreeMap::new(),
            identities: BTreeMap::new(),
            policy: Policy::Everyone,
            slow: BTreeMap::new(),
            tamper: None,
            tamper_request: None,
            second: None,
            sealed: BTreeSet::new(),
            next_id: 0,
        }
    }

    /// A room into which users have come one after the other, a second apart, and agree.
    pub(crate) fn of(suite: Suite, seed: u64, users: &[&str]) -> Self {
        let mut world = Self::new(suite, seed);
        for user in users {
            world.join(user);
            world.run(1_000_000);
        }
        world.agreed().unwrap();
        world
    }

    pub(crate) fn clock(&self) -> Now {
        Now {
            micros: self.now,
            unix_seconds: UNIX + self.now / 1_000_000,
        }
    }

    /// The identity of a user, the same each time.
    pub(crate) fn identity(&mut self, user: &str) -> Identity {
        let (suite, rng) = (self.suite, &mut self.rng);
        let made = || Identity::generate(suite, user, rng).expect("a key");
        self.identities
            .entry(user.to_owned())
            .or_insert_with(made)
            .clone()
    }

    /// Opens a page for `user` and joins the room with it.
    pub(crate) fn join(&mut self, user: &str) -> u32 {
        self.next_id += 1;
        let id = self.next_id;
        let config = SessionConfig {
            identity: self.identity(user),
            sframe_suite: CipherSuite::Sm4GcmSm3,
            room: "room".into(),
            policy: self.policy.clone(),
            timing: Timing::default(),
        };
        let seed = 1000 * self.rng.below(1 << 40) + u64::from(id);
        let session = MlsSession::new(config, Box::new(SeededRng::new(seed)));
        let keys = MlsKeys::new(CipherSuite::Sm4GcmSm3);
        let page = Page {
            user: user.to_owned(),
            session,
            store: KeyStore::over(keys, KeyStoreLimits::default()),
            workers: [Worker::new(), Worker::new()],
            keys: None,
            events: Vec::new(),
            base_keys: BTreeMap::new(),
            inbox: VecDeque::new(),
        };
        let peers = self
            .pages
            .iter()
            .map(|(id, page)| (*id, page.user.clone()))
            .collect();
        for other in self.pages.keys().copied().collect::<Vec<_>>() {
            let joined = Input::PeerJoined {
                participant_id: id,
                user: user.to_owned(),
            };
            self.deliver(other, joined);
        }
        self.pages.insert(id, page);
        let joined = Input::Joined {
            participant_id: id,
            peers,
        };
        self.deliver(id, joined);
        id
    }

    /// A page is closed, or crashes: all that it knew is gone. Returns what it had, for those who
    /// keep a removed page.
    pub(crate) fn leave(&mut self, id: u32) -> Page {
        let page = self.pages.remove(&id).expect("in the room");
        self.service.left(id);
        for other in self.pages.keys().copied().collect::<Vec<_>>() {
            self.deliver(other, Input::PeerLeft { participant_id: id });
        }
        page
    }

    /// The page loses its connection and comes back under another number, with its memory.
    pub(crate) fn reconnect(&mut self, id: u32) -> u32 {
        let mut page = self.leave(id);
        page.inbox.clear();
        self.next_id += 1;
        let new = self.next_id;
        let peers = self
            .pages
            .iter()
            .map(|(id, page)| (*id, page.user.clone()))
            .collect();
        for other in self.pages.keys().copied().collect::<Vec<_>>() {
            let joined = Input::PeerJoined {
                participant_id: new,
                user: page.user.clone(),
            };
            self.deliver(other, joined);
        }
        self.pages.insert(new, page);
        let joined = Input::Joined {
            participant_id: new,
            peers,
        };
        self.deliver(new, joined);
        new
    }

    /// Lets `micros` pass.
    pub(crate) fn run(&mut self, micros: u64) {
        let end = self.now + micros;
        let mut steps = 0;
        loop {
            let next = self.pages.iter().filter_map(|(id, page)| {
                let arrival = page.inbox.front().map(|(at, _)| *at);
                let deadline = page.session.deadline();
                let keys = page.store.provider().deadline();
                let at = [arrival, deadline, keys].into_iter().flatten().min()?;
                Some((at, *id))
            });
            let next = next.min();
            let service = self.service.deadline();
            if let Some(at) = service
                && at <= end
                && next.is_none_or(|(first, _)| at < first)
            {
                self.now = self.now.max(at);
                for (to, input) in self.service.timeout(self.now) {
                    self.deliver(to, input);
                }
                continue;
            }
            let Some((at, id)) = next else { break };
            if at > end {
                break;
            }
            steps = if at > self.now { 0 } else { steps + 1 };
            assert!(
                steps < 20_000,
                "time stands still: {:?}",
                self.pages[&id].session
            );
            self.now = self.now.max(at);
            self.step(id);
        }
        self.now = end;
    }

    fn step(&mut self, id: u32) {
        let (now, mut clock) = (self.now, self.clock());
        let page = self.pages.get_mut(&id).expect("in the room");
        clock.unix_seconds -= self.slow.get(&page.user).copied().unwrap_or(0);
        page.store.provider_mut().advance(now);
        page.store.sweep();
        let arrived = page.inbox.front().is_some_and(|(at, _)| *at <= now);
        let input = match page.inbox.pop_front() {
            Some((_, input)) if arrived => input,
            Some(later) => {
                page.inbox.push_front(later);
                Input::Timeout
            }
            None => Input::Timeout,
        };
        page.session.handle_input(clock, input);
        self.drain(id);
    }

    fn drain(&mut self, id: u32) {
        loop {
            let now = self.now;
            let page = self.pages.get_mut(&id).expect("in the room");
            match page.session.poll_output() {
                None => break,
                Some(Output::Keys(keys)) => {
                    let bytes = keys.to_bytes();
                    page.base_keys
                        .insert(keys.epoch, bytes.expose()[12..28].to_vec());
                    page.store.provider_mut().install(now, keys);
                    for worker in &mut page.workers {
                        worker.install(now, bytes.expose());
                    }
                    page.keys = Some(bytes.expose().to_vec());
                }
                Some(Output::Stop) => {
                    page.store.provider_mut().clear();
                    page.store.sweep();
                    page.workers = [Worker::new(), Worker::new()];
                    page.keys = None;
                }
                Some(Output::Event(event)) => page.events.push(event),
                Some(Output::Send(request)) => self.request(id, request),
            }
        }
    }

    /// A request of `from` reaches the service, whether its page made it or not.
    pub(crate) fn request(&mut self, from: u32, request: Request) {
        let requests = match &mut self.tamper_request {
            Some(tamper) => tamper(&mut self.rng, from, request),
            None => vec![request],
        };
        for request in requests {
            let shared = matches!(request, Request::Heartbeat(_));
            let (service, side) = match &mut self.second {
                Some((second, pages)) if pages.contains(&from) => (second, true),
                _ => (&mut self.service, false),
            };
            for (to, input) in service.handle(self.now, from, request) {
                let second = self.second.as_ref();
                let other = second.is_some_and(|(_, pages)| pages.contains(&to) != side);
                if shared || !other {
                    self.deliver(to, input);
                }
            }
        }
    }

    /// Puts a message into a page's inbox, behind what is there.
    pub(crate) fn deliver(&mut self, to: u32, input: Input) {
        let inputs = match &mut self.tamper {
            Some(tamper) => tamper(&mut self.rng, to, input),
            None => vec![input],
        };
        let Some(page) = self.pages.get_mut(&to) else {
            return;
        };
        let after = page.inbox.back().map_or(0, |(at, _)| *at);
        let at = after.max(self.now + LATENCY);
        page.inbox
            .extend(inputs.into_iter().map(|input| (at, input)));
    }

    /// A worker crashes and comes back with nothing but the bytes of the newest keys.
    pub(crate) fn crash_worker(&mut self, id: u32, worker: usize) {
        let now = self.now;
        let page = self.pages.get_mut(&id).expect("in the room");
        page.workers[worker] = Worker::new();
        if let Some(keys) = page.keys.clone() {
            page.workers[worker].install(now, &keys);
        }
    }

    /// Whether all pages are in one epoch of one group, with one roster that is the room, and one
    /// code; says why not.
    pub(crate) fn agreed(&self) -> Result<(), String> {
        let users: BTreeSet<_> = self.pages.values().map(|page| page.user.clone()).collect();
        let mut codes = BTreeSet::new();
        for page in self.pages.values() {
            let session = &page.session;
            let roster: Vec<_> = session
                .roster()
                .iter()
                .map(|member| member.user.clone())
                .collect();
            if session.state() != State::InGroup
                || roster.len() != users.len()
                || roster.iter().cloned().collect::<BTreeSet<_>>() != users
            {
                return Err(format!("{session:?}, in the room {users:?}"));
            }
            codes.insert((
                session.epoch(),
                session.verification_code().map(str::to_owned),
            ));
        }
        match codes.len() {
            0 | 1 => Ok(()),
            _ => Err(format!("codes {codes:?}")),
        }
    }
}
