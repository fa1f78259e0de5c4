//! Whole participants in a room of the gateway's, in virtual time: group keys, media through loss,
//! an outage, a departure.
//!
//! Participants (`smrtc-client`) and the room (the gateway's hub) are the real ones; the network
//! between them is a delay for the control stream and a delay with loss for datagrams, from a seed.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use smrtc_client::{
    Decryption, DownlinkOptions, GroupEvent, GroupOptions, Input, KeySource, Output, Participant,
    ParticipantEvent, ParticipantOptions, Randomness, Side, UplinkOptions, WallClock,
};
use smrtc_e2ee::mls::{Policy, Suite};
use smrtc_e2ee::sframe::CipherSuite;
use smrtc_e2ee::{Rng as Source, RngError};
use smrtc_engine::control::v1::{self, ClientMessage, LeaveReason, client_message};
use smrtc_engine::control::{Framer, encode_delimited};
use smrtc_engine::send::{FrameParams, TrackConfig};
use smrtc_engine::wire::CloseCode;
use smrtc_engine::wire::media::MediaKind;
use smrtc_engine::{Bitrate, Instant, MediaTime};
use smrtc_gateway::auth::{Permissions, Role, Signer, Verifier, random_secret};
use smrtc_gateway::forward::Datagram;
use smrtc_gateway::hub::{self, Hub, Limits, Member};
use smrtc_sim::Rng;

const TICK: Duration = Duration::from_millis(1);
const FRAME: u64 = 33;
const VIDEO: u8 = 1;
const DELAY: Duration = Duration::from_millis(20);

/// Bytes from a seed; each part of a participant has a stream of its own.
struct Seeded(u64);

impl Source for Seeded {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RngError> {
        let mut rng = Rng::new(self.0);
        self.0 = rng.next();
        for chunk in out.chunks_mut(8) {
            chunk.copy_from_slice(&rng.next().to_be_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

/// What is on its way to one side.
enum Arrival {
    Connected(Side),
    Lost(Side, Option<CloseCode>),
    Control(Vec<u8>),
    Datagram(Side, Vec<u8>),
    Attach(Vec<u8>),
    HungUp,
}

/// Things on their way, in the order of their arrival.
#[derive(Default)]
struct Way(BTreeMap<(Instant, u64), Arrival>);

struct Guest {
    user: String,
    participant: Participant,
    to_gateway: Way,
    from_gateway: Way,
    /// At the gateway.
    member: Option<Member>,
    framer: Framer,
    /// Numbers of the pictures that came, by user.
    seen: BTreeMap<String, BTreeSet<u32>>,
    users: BTreeMap<u32, String>,
    /// The verification code of the latest epoch.
    code: String,
    log: Vec<String>,
}

struct World {
    now: Instant,
    rng: Rng,
    loss: f64,
    hub: Option<Hub>,
    guests: Vec<Guest>,
    sequence: u64,
    picture: u32,
}

impl World {
    fn new(seed: u64, users: &[&str], loss: f64) -> Self {
        let mut rng = Rng::new(seed);
        let guests = users.iter().map(|user| guest(user, rng.next())).collect();
        Self {
            now: Instant::ZERO,
            rng,
            loss,
            hub: Some(Hub::new(Limits::default())),
            guests,
            sequence: 0,
            picture: 0,
        }
    }

    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            if (self.now.as_micros() / 1_000).is_multiple_of(FRAME) {
                self.capture();
            }
            for index in 0..self.guests.len() {
                self.arrive_at_gateway(index);
                self.arrive_at_guest(index);
                self.drain_guest(index);
            }
            self.drain_hub();
            self.now += TICK;
        }
    }

    /// Everybody sends a picture with the next number.
    fn capture(&mut self) {
        self.picture += 1;
        let params = FrameParams::audio(MediaTime::from_micros(self.now.as_micros()));
        let picture = [&self.picture.to_be_bytes()[..], &[7; 2_500]].concat();
        for guest in &mut self.guests {
            guest
                .participant
                .send_frame(self.now, VIDEO, params, picture.clone());
        }
    }

    fn key(&mut self, delay: Duration) -> (Instant, u64) {
        self.sequence += 1;
        (self.now + delay, self.sequence)
    }

    fn drain_guest(&mut self, index: usize) {
        loop {
            let guest = &mut self.guests[index];
            match guest.participant.poll_output() {
                Output::Connect(side, ticket) => {
                    let arrival = match (&self.hub, ticket) {
                        (None, _) => None,
                        (Some(_), Some(ticket)) => Some(Arrival::Attach(ticket)),
                        (Some(_), None) => Some(Arrival::Connected(side)),
                    };
                    let key = self.key(DELAY);
                    let guest = &mut self.guests[index];
                    match arrival {
                        Some(Arrival::Connected(side)) => {
                            guest.framer = Framer::new();
                            guest.from_gateway.0.insert(key, Arrival::Connected(side));
                        }
                        Some(attach) => drop(guest.to_gateway.0.insert(key, attach)),
                        None => drop(guest.from_gateway.0.insert(key, Arrival::Lost(side, None))),
                    }
                }
                Output::Disconnect => {
                    let key = self.key(DELAY);
                    let guest = &mut self.guests[index];
                    guest.from_gateway.0.clear();
                    guest.to_gateway.0.insert(key, Arrival::HungUp);
                }
                Output::Control(bytes) => {
                    let key = self.key(DELAY);
                    let way = &mut self.guests[index].to_gateway;
                    way.0.insert(key, Arrival::Control(bytes));
                }
                Output::Datagram(side, bytes) => {
                    let (lost, key) = (self.rng.fraction() < self.loss, self.key(DELAY));
                    if !lost {
                        let way = &mut self.guests[index].to_gateway;
                        way.0.insert(key, Arrival::Datagram(side, bytes));
                    }
                }
                Output::Event(event) => self.guests[index].on_event(self.now, event),
                Output::Timeout(at) => {
                    self.guests[index].take_pictures(self.now);
                    if at > self.now {
                        return;
                    }
                    let guest = &mut self.guests[index];
                    guest.participant.handle_input(self.now, Input::Timeout);
                }
            }
        }
    }

    fn arrive_at_guest(&mut self, index: usize) {
        let now = self.now;
        let guest = &mut self.guests[index];
        while let Some(arrival) = guest.from_gateway.due(now) {
            let input = match &arrival {
                Arrival::Connected(side) => Input::Connected(*side),
                Arrival::Lost(side, code) => Input::Lost(*side, *code),
                Arrival::Control(bytes) => Input::Control(bytes),
                Arrival::Datagram(side, bytes) => Input::Datagram(*side, bytes),
                Arrival::Attach(_) | Arrival::HungUp => unreachable!("these go to the gateway"),
            };
            guest.participant.handle_input(now, input);
        }
    }

    fn arrive_at_gateway(&mut self, index: usize) {
        while let Some(arrival) = self.guests[index].to_gateway.due(self.now) {
            let (now, guest) = (self.now, &mut self.guests[index]);
            let Some(hub) = &mut self.hub else {
                continue;
            };
            match (arrival, guest.member) {
                (Arrival::Control(bytes), _) => {
                    guest.framer.push(&bytes);
                    while let Some(message) = guest.framer.next_message::<ClientMessage>().unwrap()
                    {
                        guest.request(now, hub, message, self.rng.next());
                    }
                }
                (Arrival::Datagram(side, bytes), Some(member)) => {
                    hub.datagram(now, member, hub_side(side), &Datagram::copy_of(&bytes));
                }
                (Arrival::Attach(ticket), Some(_)) if hub.attach(now, &ticket).is_ok() => {
                    let key = (now + DELAY, u64::MAX - index as u64);
                    let connected = Arrival::Connected(Side::Downlink);
                    guest.from_gateway.0.insert(key, connected);
                }
                (Arrival::HungUp, Some(member)) => {
                    guest.member = None;
                    hub.leave(member, LeaveReason::Disconnected, CloseCode::Left, "gone");
                }
                _ => {}
            }
        }
    }

    fn drain_hub(&mut self) {
        let Some(mut hub) = self.hub.take() else {
            return;
        };
        for member in hub.members().collect::<Vec<_>>() {
            if hub.next_timeout(member) <= self.now {
                hub.timeout(self.now, member);
            }
            if hub.next_send(member) <= self.now {
                hub.send_due(member);
            }
        }
        while let Some(output) = hub.poll_output() {
            let key = self.key(DELAY);
            match output {
                hub::Output::Message(member, message) => {
                    if let Some(guest) = self.of(member) {
                        let bytes = encode_delimited(&message);
                        guest.from_gateway.0.insert(key, Arrival::Control(bytes));
                    }
                }
                hub::Output::Ready(member, side) => {
                    while let Some(datagram) = hub.pop_datagram(self.now, member, side) {
                        let (lost, key) = (self.rng.fraction() < self.loss, self.key(DELAY));
                        if lost {
                            continue;
                        }
                        if let Some(guest) = self.of(member) {
                            let side = match side {
                                hub::Side::Uplink => Side::Uplink,
                                hub::Side::Downlink => Side::Downlink,
                            };
                            let bytes = datagram.payload().to_vec();
                            let arrival = Arrival::Datagram(side, bytes);
                            guest.from_gateway.0.insert(key, arrival);
                        }
                    }
                }
                hub::Output::Close(member, hub::Side::Uplink, code, _) => {
                    if let Some(guest) = self.of(member) {
                        let lost = Arrival::Lost(Side::Uplink, Some(code));
                        guest.from_gateway.0.insert(key, lost);
                    }
                }
                hub::Output::Close(..) | hub::Output::Rearm(..) => {}
            }
        }
        self.hub = Some(hub);
    }

    fn of(&mut self, member: Member) -> Option<&mut Guest> {
        self.guests
            .iter_mut()
            .find(|guest| guest.member == Some(member))
    }

    /// The gateway is gone with all that it held; everybody notices after a moment.
    fn outage(&mut self, time: Duration) {
        self.hub = None;
        for index in 0..self.guests.len() {
            let key = self.key(Duration::from_millis(100));
            let guest = &mut self.guests[index];
            guest.member = None;
            guest.to_gateway.0.clear();
            guest.from_gateway.0.clear();
            let lost = Arrival::Lost(Side::Uplink, None);
            guest.from_gateway.0.insert(key, lost);
        }
        self.run(time);
        self.hub = Some(Hub::new(Limits::default()));
    }

    fn forget_pictures(&mut self) {
        self.guests.iter_mut().for_each(|guest| guest.seen.clear());
    }

    /// The fewest pictures that anybody has of anybody else.
    fn fewest(&self) -> usize {
        let users: Vec<_> = self.guests.iter().map(|guest| &guest.user).collect();
        let of = |guest: &Guest, user: &String| guest.seen.get(user).map_or(0, BTreeSet::len);
        self.guests
            .iter()
            .flat_map(|guest| {
                let others = users.iter().filter(|user| **user != &guest.user);
                others.map(|user| of(guest, user)).collect::<Vec<_>>()
            })
            .min()
            .unwrap_or_default()
    }

    fn log(&self) -> Vec<String> {
        self.guests
            .iter()
            .flat_map(|guest| guest.log.clone())
            .collect()
    }
}

impl Way {
    fn due(&mut self, now: Instant) -> Option<Arrival> {
        let first = self.0.first_entry()?;
        (first.key().0 <= now).then(|| first.remove())
    }
}

impl Guest {
    /// As the gateway's sessions do: Join makes a member, everything else is for the hub.
    fn request(&mut self, now: Instant, hub: &mut Hub, message: ClientMessage, ticket: u64) {
        match (message.body, self.member) {
            (Some(client_message::Body::Join(join)), None) => {
                let mut bytes = [0; 32];
                bytes[..8].copy_from_slice(&ticket.to_be_bytes());
                let permissions = permissions(&self.user);
                let id = message.request_id;
                self.member = hub.join(now, &permissions, id, &join, bytes).ok();
            }
            (body, Some(member)) => hub.request(now, member, message.request_id, body),
            (_, None) => {}
        }
    }

    fn take_pictures(&mut self, now: Instant) {
        while let Some(frame) = self.participant.poll_video() {
            let (number, rest) = frame.text().split_first_chunk().expect("a number");
            assert_eq!(rest, [7; 2_500], "another picture than was sent");
            let user = self.users[&frame.header.sender].clone();
            let seen = self.seen.entry(user).or_default();
            seen.insert(u32::from_be_bytes(*number));
            self.participant.video_decoded(now, frame.header.track_id());
        }
    }

    fn on_event(&mut self, now: Instant, event: ParticipantEvent) {
        self.log.push(format!("{now:?} {}: {event:?}", self.user));
        match event {
            ParticipantEvent::PeerJoined { id, user } => drop(self.users.insert(id, user)),
            ParticipantEvent::Group(GroupEvent::Epoch {
                verification_code, ..
            }) => self.code = verification_code,
            ParticipantEvent::Refused { what, message, .. } => panic!("{what}: {message}"),
            ParticipantEvent::Decryption(Decryption { opens: false, .. }) => {
                panic!("{}: {event:?}", self.user)
            }
            _ => {}
        }
    }
}

fn guest(user: &str, seed: u64) -> Guest {
    let streams = Arc::new(AtomicU64::new(seed));
    let next = move || Seeded(streams.fetch_add(0x9e37_79b9, Ordering::Relaxed));
    let options = ParticipantOptions {
        uplink: UplinkOptions {
            keys: KeySource::Group(GroupOptions {
                suite: Suite::P256Aes128GcmSha256,
                sframe_suite: CipherSuite::Sm4GcmSm3,
                policy: Policy::Everyone,
                identity: None,
                chain: Vec::new(),
                wall_clock: WallClock::new(|| 1_800_000_000),
            }),
            capture: None,
        },
        downlink: DownlinkOptions::default(),
        decode_codecs: Vec::new(),
        auto_subscribe: true,
    };
    let mut participant = Participant::new(options, Randomness::new(next)).unwrap();
    let track = v1::Track {
        number: u32::from(VIDEO),
        kind: v1::MediaKind::Video.into(),
        codec: "any".to_owned(),
        ..v1::Track::default()
    };
    let config = TrackConfig {
        kind: MediaKind::Video,
        max_bitrate: Bitrate::from_kbps(800),
    };
    participant.publish(Instant::ZERO, track, config);
    Guest {
        user: user.to_owned(),
        participant,
        to_gateway: Way::default(),
        from_gateway: Way::default(),
        member: None,
        framer: Framer::new(),
        seen: BTreeMap::new(),
        users: BTreeMap::new(),
        code: String::new(),
        log: Vec::new(),
    }
}

fn hub_side(side: Side) -> hub::Side {
    match side {
        Side::Uplink => hub::Side::Uplink,
        Side::Downlink => hub::Side::Downlink,
    }
}

fn permissions(user: &str) -> Permissions {
    let secret = random_secret();
    let signer = Signer::hs256(&secret).unwrap();
    let lifetime = Duration::from_secs(1 << 40);
    let token = signer
        .sign("room", user, Role::Anchor, Duration::ZERO, lifetime)
        .unwrap();
    Verifier::hs256(&secret).unwrap().verify(&token).unwrap()
}

#[test]
fn participants_see_each_other_through_loss_an_outage_and_a_departure() {
    let mut world = World::new(7, &["ada", "bob", "eve"], 0.05);
    world.run(Duration::from_secs(8));
    // About 240 pictures were sent; the first are from before the keys.
    assert!(world.fewest() > 100, "only {} pictures", world.fewest());
    let code = world.guests[0].code.clone();
    assert!(world.guests.iter().all(|guest| guest.code == code));

    world.outage(Duration::from_secs(5));
    world.forget_pictures();
    world.run(Duration::from_secs(6));
    assert!(world.fewest() > 60, "only {} after", world.fewest());
    let joined = |guest: &Guest| {
        guest
            .log
            .iter()
            .filter(|line| line.contains("Joined {"))
            .count()
    };
    assert!(world.guests.iter().all(|guest| joined(guest) >= 2));
    let code_again = world.guests[0].code.clone();
    assert!(world.guests.iter().all(|guest| guest.code == code_again));
    assert_ne!(code, code_again, "another group");

    // The last one leaves; the others make new keys without it.
    let now = world.now;
    world.guests[2].participant.leave(now);
    world.run(Duration::from_secs(1));
    let gone = world.guests.pop().expect("eve");
    world.forget_pictures();
    world.run(Duration::from_secs(4));
    assert!(world.fewest() > 60, "only {} without eve", world.fewest());
    let codes: BTreeSet<_> = world.guests.iter().map(|guest| &guest.code).collect();
    assert_eq!(codes.len(), 1);
    assert!(
        !codes.contains(&gone.code),
        "eve has no part in the new keys"
    );
}

#[test]
fn a_run_of_participants_is_a_function_of_its_seed() {
    let run = |seed| {
        let mut world = World::new(seed, &["ada", "bob"], 0.1);
        world.run(Duration::from_secs(3));
        world.outage(Duration::from_secs(1));
        world.run(Duration::from_secs(3));
        world.log()
    };
    let first = run(3);
    assert!(first.len() > 20, "nothing happened: {first:?}");
    assert_eq!(first, run(3));
    assert_ne!(first, run(4));
}
