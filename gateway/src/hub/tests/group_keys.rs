//! Members' own MLS sessions over a hub, in virtual time: what the delivery service promises is
//! what they need.

mod hostile;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use proptest::test_runner::{RngAlgorithm, TestRng};
use rand::Rng as _;
use smrtc_client::delivery_messages;
use smrtc_e2ee::{
    Rng, RngError,
    mls::{
        Event, Identity, Input, MlsSession, Now, Output as FromSession, Policy, RequestKind,
        SessionConfig, State, Suite, Timing,
    },
    sframe::CipherSuite,
};
use smrtc_engine::control::v1::{
    self, Join, client_message::Body as Request, server_message::Body,
};

use super::*;
use crate::auth::{Permissions, Role};

struct Seeded(TestRng);

impl Seeded {
    fn new(seed: u8) -> Self {
        Self(TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]))
    }
}

impl Rng for Seeded {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RngError> {
        self.0.fill_bytes(out);
        Ok(())
    }
}

struct Page {
    session: MlsSession,
    asked: BTreeMap<u32, RequestKind>,
    next_request: u32,
    splits: u32,
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

    fn clock(&self) -> Now {
        Now {
            micros: self.now.as_micros(),
            unix_seconds: 1_800_000_000 + self.now.as_micros() / 1_000_000,
        }
    }

    fn join(&mut self, user: &str) -> Member {
        self.tickets += 1;
        let mut rng = Seeded::new(self.tickets);
        let suite = Suite::P256Aes128GcmSha256;
        let session = MlsSession::new(
            SessionConfig {
                identity: Identity::generate(suite, user, &mut rng).unwrap(),
                sframe_suite: CipherSuite::Sm4GcmSm3,
                room: "room".into(),
                policy: Policy::Everyone,
                timing: Timing::default(),
            },
            Box::new(rng),
        );
        let permissions = Permissions::for_test("room", user, Role::Anchor);
        let ticket = [self.tickets; 32];
        let member = self
            .hub
            .join(self.now, &permissions, 1, &Join::default(), ticket)
            .unwrap();
        let page = Page {
            session,
            asked: BTreeMap::new(),
            next_request: 2,
            splits: 0,
        };
        self.pages.insert(member, page);
        member
    }

    fn leave(&mut self, member: Member) {
        self.pages.remove(&member);
        self.hub
            .leave(member, LeaveReason::Left, CloseCode::Left, "left");
    }

    /// Lets `time` pass, with all timers in order.
    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            self.settle();
            let sessions = self
                .pages
                .values()
                .filter_map(|page| page.session.deadline());
            let hub = self
                .pages
                .keys()
                .map(|member| self.hub.next_timeout(*member));
            let next = sessions
                .map(Instant::from_micros)
                .chain(hub)
                .min()
                .unwrap_or(end);
            if next > end {
                self.now = end;
                return;
            }
            self.now = self.now.max(next);
            let clock = self.clock();
            for (member, page) in &mut self.pages {
                if page.session.deadline().is_some_and(|at| at <= clock.micros) {
                    page.session.handle_input(clock, Input::Timeout);
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
                while let Some(output) = page.session.poll_output() {
                    idle = false;
                    match output {
                        FromSession::Send(request) => {
                            page.next_request += 1;
                            let (kind, body) = delivery_messages::request(request);
                            page.asked.insert(page.next_request, kind);
                            let id = page.next_request;
                            self.hub.request(self.now, *member, id, Some(body));
                        }
                        FromSession::Event(Event::Split { .. }) => page.splits += 1,
                        _ => {}
                    }
                }
            }
            let mut messages = VecDeque::new();
            while let Some(output) = self.hub.poll_output() {
                if let Output::Message(member, message) = output {
                    messages.push_back((member, message));
                }
            }
            let clock = self.clock();
            for (member, message) in messages {
                idle = false;
                if let Some(page) = self.pages.get_mut(&member)
                    && let Some(input) = to_session(page, message)
                {
                    page.session.handle_input(clock, input);
                }
            }
            if idle {
                return;
            }
        }
    }

    /// The epoch and the roster, if all agree on them, their code included.
    fn agreed(&self) -> Option<(u64, Vec<String>)> {
        let views: BTreeSet<_> = self
            .pages
            .values()
            .map(|page| {
                let session = &page.session;
                let users: Vec<_> = session.roster().iter().map(|m| m.user.clone()).collect();
                let code = session.verification_code().map(str::to_owned);
                (
                    session.state() == State::InGroup,
                    session.epoch(),
                    users,
                    code,
                )
            })
            .collect();
        match views.into_iter().collect::<Vec<_>>().as_slice() {
            [(true, Some(epoch), users, Some(_))] => Some((*epoch, users.clone())),
            _ => None,
        }
    }
}

fn to_session(page: &mut Page, message: ServerMessage) -> Option<Input> {
    let asked = page.asked.remove(&message.reply_to);
    let body = message.body.unwrap();
    if let Body::Error(error) = &body {
        assert_ne!(
            error.code(),
            v1::ErrorCode::InvalidArgument,
            "{asked:?}: {}",
            error.message
        );
    }
    delivery_messages::input(&body, asked)
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
