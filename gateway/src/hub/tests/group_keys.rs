//! Members of a group over a hub, in virtual time: what the delivery service promises is what they
//! need.

mod hostile;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use proptest::test_runner::{RngAlgorithm, TestRng};
use rand::Rng as _;
use smrtc_client::{
    GroupEvent, GroupOptions, KeySource, Randomness, UplinkEvent, UplinkHalf, UplinkOptions,
    WallClock,
};
use smrtc_e2ee::{
    Rng, RngError,
    mls::{Policy, State, Suite},
    sframe::CipherSuite,
};
use smrtc_engine::{
    control::{
        Framer, encode_delimited,
        v1::{
            self, ClientMessage, Join, ServerMessage, client_message::Body as Request,
            server_message::Body,
        },
    },
    send::UplinkConfig,
};

use super::*;
use crate::auth::{Permissions, Role};

struct Seeded(TestRng);

impl Rng for Seeded {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RngError> {
        self.0.fill_bytes(out);
        Ok(())
    }
}

/// Sources of one page, each with a sequence of its own.
fn randomness(page: u8) -> Randomness {
    let sources = Arc::new(AtomicU64::new(0));
    Randomness::new(move || {
        let mut seed = [page; 32];
        seed[..8].copy_from_slice(&sources.fetch_add(1, Ordering::Relaxed).to_be_bytes());
        Seeded(TestRng::from_seed(RngAlgorithm::ChaCha, &seed))
    })
}

/// A page in the room: the sending half of its participant, which has the group.
struct Page {
    half: UplinkHalf,
    stream: Framer,
    view: View,
    splits: u32,
}

/// What the group looks like from one page.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
struct View {
    is_in_group: bool,
    epoch: u64,
    code: String,
    users: Vec<String>,
}

impl Page {
    fn new(number: u8) -> Self {
        let options = UplinkOptions {
            keys: KeySource::Group(GroupOptions {
                suite: Suite::P256Aes128GcmSha256,
                sframe_suite: CipherSuite::Sm4GcmSm3,
                policy: Policy::Everyone,
                identity: None,
                chain: Vec::new(),
                wall_clock: WallClock::new(|| 1_800_000_000),
            }),
            capture: None,
            engine: UplinkConfig::default(),
        };
        Self {
            half: UplinkHalf::new(options, randomness(number)).unwrap(),
            stream: Framer::new(),
            view: View::default(),
            splits: 0,
        }
    }

    /// The next request on its control stream.
    fn request(&mut self) -> Option<ClientMessage> {
        while let Some(bytes) = self.half.poll_control() {
            self.stream.push(&bytes);
        }
        self.stream.next_message().unwrap()
    }

    fn receive(&mut self, now: Instant, message: &ServerMessage) {
        if let Some(Body::Error(error)) = &message.body {
            let code = error.code();
            assert_ne!(code, v1::ErrorCode::InvalidArgument, "{}", error.message);
        }
        self.half.control(now, &encode_delimited(message));
    }

    /// Takes note of what happened; media is not tried here.
    fn look(&mut self) {
        while self.half.poll_datagram().is_some() {}
        while let Some(event) = self.half.poll_event() {
            let UplinkEvent::Group(event) = event else {
                continue;
            };
            match event {
                GroupEvent::State { state } => self.view.is_in_group = state == State::InGroup,
                GroupEvent::Epoch {
                    epoch,
                    verification_code,
                } => (self.view.epoch, self.view.code) = (epoch, verification_code),
                GroupEvent::Roster { members, .. } => {
                    self.view.users = members.into_iter().map(|member| member.user).collect();
                }
                GroupEvent::Split { .. } => self.splits += 1,
                _ => {}
            }
        }
    }
}

struct Call {
    hub: Hub,
    now: Instant,
    pages: BTreeMap<Member, Page>,
    tickets: u8,
}

impl Call {
    fn new() -> Self {
        Self {
            hub: Hub::new(Limits::default()),
            now: Instant::ZERO,
            pages: BTreeMap::new(),
            tickets: 0,
        }
    }

    fn join(&mut self, user: &str) -> Member {
        self.tickets += 1;
        let mut page = Page::new(self.tickets);
        page.half.open_session(self.now).unwrap();
        let join = Request::Join(Join::default());
        let id = page.half.request(self.now, join).unwrap();
        let request = page.request().and_then(|message| message.body);
        let Some(Request::Join(join)) = request else {
            panic!("another request: {request:?}");
        };
        let permissions = Permissions::for_test("room", user, Role::Anchor);
        let ticket = [self.tickets; 32];
        let member = self
            .hub
            .join(self.now, &permissions, id, &join, ticket)
            .unwrap();
        self.pages.insert(member, page);
        member
    }

    fn leave(&mut self, member: Member) {
        self.pages.remove(&member);
        self.hub
            .leave(self.now, member, LeaveReason::Left, CloseCode::Left, "left");
    }

    /// Lets `time` pass, with all timers in order.
    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            self.settle();
            let pages = self.pages.values().map(|page| page.half.next_timeout());
            let hub = self
                .pages
                .keys()
                .map(|member| self.hub.next_timeout(*member));
            let next = pages.chain(hub).min().unwrap_or(end);
            if next > end {
                self.now = end;
                return;
            }
            self.now = self.now.max(next);
            for (member, page) in &mut self.pages {
                if page.half.next_timeout() <= self.now {
                    page.half.timeout(self.now);
                }
                if self.hub.next_timeout(*member) <= self.now {
                    self.hub.timeout(self.now, *member);
                }
            }
        }
    }

    /// Carries messages until nobody has any.
    fn settle(&mut self) {
        loop {
            let mut idle = true;
            for (member, page) in &mut self.pages {
                page.look();
                while let Some(message) = page.request() {
                    idle = false;
                    let ClientMessage { request_id, body } = message;
                    self.hub.request(self.now, *member, request_id, body);
                }
            }
            while let Some(output) = self.hub.poll_output() {
                if let Output::Message(member, message) = output
                    && let Some(page) = self.pages.get_mut(&member)
                {
                    idle = false;
                    page.receive(self.now, &message.decode());
                }
            }
            if idle {
                return;
            }
        }
    }

    /// The epoch and the roster, if all agree on them, their code included.
    fn agreed(&self) -> Option<(u64, Vec<String>)> {
        let views: BTreeSet<&View> = self.pages.values().map(|page| &page.view).collect();
        match views.into_iter().collect::<Vec<_>>().as_slice() {
            [view] if view.is_in_group => Some((view.epoch, view.users.clone())),
            _ => None,
        }
    }
}

#[test]
fn those_in_the_room_come_into_one_group_and_leave_it_again() {
    let mut call = Call::new();
    call.join("ada");
    call.run(Duration::from_secs(3));
    let (_, alone) = call.agreed().expect("a group of one");
    assert_eq!(alone, ["ada"]);

    let bob = call.join("bob");
    call.join("cyd");
    call.run(Duration::from_secs(5));
    let (full, users) = call.agreed().expect("a group of three");
    assert_eq!(users.len(), 3, "{users:?}");

    call.leave(bob);
    call.run(Duration::from_secs(5));
    let (after, users) = call.agreed().expect("a group of two");
    assert!(after > full, "new keys when somebody leaves");
    assert!(!users.contains(&"bob".to_owned()), "{users:?}");
    assert!(call.hub.counters().delivery.commits >= 3);
    assert_eq!(call.hub.counters().delivery.refused, 0);
    assert_eq!(call.pages.values().map(|page| page.splits).sum::<u32>(), 0);
}

#[test]
fn many_who_come_and_go_at_once_end_in_one_group() {
    let mut call = Call::new();
    let members: Vec<_> = (0..8).map(|i| call.join(&format!("user {i}"))).collect();
    call.run(Duration::from_secs(15));
    let (_, users) = call.agreed().expect("a group of eight");
    assert_eq!(users.len(), 8, "{users:?}");

    for member in &members[..4] {
        call.leave(*member);
    }
    call.join("late");
    call.run(Duration::from_secs(15));
    let (_, users) = call.agreed().expect("a group of five");
    assert_eq!(users.len(), 5, "{users:?}");
    assert_eq!(call.hub.counters().delivery.refused, 0);
}

#[test]
fn the_same_user_who_joins_again_is_in_the_group_once() {
    let mut call = Call::new();
    call.join("ada");
    let old = call.join("bob");
    call.run(Duration::from_secs(5));
    assert_eq!(call.agreed().expect("two").1.len(), 2);
    // As after a reload: nothing is left of the first session.
    call.pages.remove(&old);
    call.join("bob");
    call.run(Duration::from_secs(10));
    let (_, users) = call.agreed().expect("two again");
    assert_eq!(users.len(), 2, "{users:?}");
}
