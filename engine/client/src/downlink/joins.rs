//! A room in virtual time: people come and go, and nobody is told that they cannot be decrypted.
//!
//! Group sessions, keys, sealing and the downlink are the real ones; the delivery service keeps the
//! gateway's contract. Control messages, keys on their way between the workers, and media each take
//! a time of their own, from a seed: frames come before and after their keys.

use std::collections::{BTreeMap, VecDeque};

use smrtc_e2ee::mls::{
    EpochKeys, Identity, Input, MlsKeys, MlsSession, Now, Output, Policy, SessionConfig, Suite,
    Timing,
};
use smrtc_e2ee::sframe::{BaseKey, CipherSuite, Sealer};
use smrtc_e2ee::{Rng, RngError};
use smrtc_engine::TrackId;
use smrtc_engine::send::Packetizer;
use smrtc_engine::time::Instant;
use smrtc_engine::wire::media::MediaKind;

use super::tests::audio;
use super::{Decryption, DownlinkEvent, DownlinkHalf, DownlinkOptions};
use crate::{KeyMessage, Keys, Randomness};
use service::Service;

#[allow(dead_code, reason = "the tests of group keys use all of it")]
#[path = "../../../../crypto/e2ee/tests/support/service.rs"]
mod service;

const SFRAME: CipherSuite = CipherSuite::Sm4GcmSm3;
const TICK: u64 = 10_000;
const FRAME: u64 = 20_000;

/// splitmix64.
#[derive(Debug)]
struct Seeded(u64);

impl Seeded {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ z >> 31
    }

    fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.next() % (most - least + 1)
    }
}

impl Rng for Seeded {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RngError> {
        for chunk in out.chunks_mut(8) {
            chunk.copy_from_slice(&self.next().to_be_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

/// What arrives in order, each thing not before its time.
struct Line<T>(VecDeque<(u64, T)>);

impl<T> Line<T> {
    fn push(&mut self, at: u64, item: T) {
        let at = self.0.back().map_or(at, |(last, _)| at.max(*last));
        self.0.push_back((at, item));
    }

    fn due(&mut self, now: u64) -> Option<T> {
        let is_due = self.0.front().is_some_and(|(at, _)| *at <= now);
        is_due
            .then(|| self.0.pop_front())
            .flatten()
            .map(|due| due.1)
    }
}

struct Page {
    user: String,
    session: MlsSession,
    control: Line<Input>,
    sealing: Keys,
    newest: Option<EpochKeys>,
    sealer: Option<(u64, Sealer)>,
    frame_id: u32,
    key_messages: Line<KeyMessage>,
    downlink: DownlinkHalf,
    media: BTreeMap<(u64, u64), Vec<u8>>,
    /// Senders that it was said to be unable to decrypt, and when.
    alarms: Vec<(u64, u32)>,
    rejected: u64,
}

struct Room {
    now: u64,
    rng: Seeded,
    service: Service,
    pages: BTreeMap<u32, Page>,
    next_id: u32,
    datagrams: u64,
}

impl Room {
    fn new(seed: u64) -> Self {
        Self {
            now: 0,
            rng: Seeded(seed),
            service: Service::default(),
            pages: BTreeMap::new(),
            next_id: 0,
            datagrams: 0,
        }
    }

    fn join(&mut self, user: &str) -> u32 {
        self.next_id += 1;
        let id = self.next_id;
        let config = SessionConfig {
            identity: Identity::generate(Suite::P256Aes128GcmSha256, user, &mut self.rng).unwrap(),
            sframe_suite: SFRAME,
            room: "room".into(),
            policy: Policy::Everyone,
            timing: Timing::default(),
        };
        let session = MlsSession::new(config, Box::new(Seeded(self.rng.next())));
        let mut page = Page {
            user: user.to_owned(),
            session,
            control: Line(VecDeque::new()),
            sealing: Keys::Mls(MlsKeys::new(SFRAME)),
            newest: None,
            sealer: None,
            frame_id: 0,
            key_messages: Line(VecDeque::new()),
            downlink: engine(),
            media: BTreeMap::new(),
            alarms: Vec::new(),
            rejected: 0,
        };
        let mut peers = Vec::new();
        for (other_id, other) in &mut self.pages {
            peers.push((*other_id, other.user.clone()));
            page.meets(self.now, *other_id, &other.user);
            other.meets(self.now, id, user);
            let joined = Input::PeerJoined {
                participant_id: id,
                user: user.to_owned(),
            };
            other.control.push(self.now + 20_000, joined);
        }
        let joined = Input::Joined {
            participant_id: id,
            peers,
        };
        page.control.push(self.now + 20_000, joined);
        self.pages.insert(id, page);
        id
    }

    fn leave(&mut self, id: u32) -> Page {
        let gone = self.pages.remove(&id).unwrap();
        self.service.left(id);
        for page in self.pages.values_mut() {
            let left = Input::PeerLeft { participant_id: id };
            page.control.push(self.now + 20_000, left);
            page.key_messages.push(self.now, KeyMessage::Gone(id));
            page.rejected += page.downlink.counts_of(id).1;
            page.downlink.remove_track(TrackId::new(id, 0));
            page.downlink.remove_sender(id);
        }
        gone
    }

    fn run(&mut self, micros: u64) {
        let end = self.now + micros;
        while self.now < end {
            self.now += TICK;
            for id in self.pages.keys().copied().collect::<Vec<_>>() {
                self.run_group(id);
                if self.now.is_multiple_of(FRAME) {
                    self.speak(id);
                }
                self.listen(id);
            }
        }
    }

    fn run_group(&mut self, id: u32) {
        let now = self.now;
        let clock = Now {
            micros: now,
            unix_seconds: 1_800_000_000 + now / 1_000_000,
        };
        let page = self.pages.get_mut(&id).unwrap();
        while let Some(input) = page.control.due(now) {
            page.session.handle_input(clock, input);
        }
        if page.session.deadline().is_some_and(|at| at <= now) {
            page.session.handle_input(clock, Input::Timeout);
        }
        while let Some(output) = self.pages.get_mut(&id).unwrap().session.poll_output() {
            let page = self.pages.get_mut(&id).unwrap();
            // To the other worker, which may be busy.
            let arrival = now + self.rng.between(0, 60_000);
            match output {
                Output::Send(request) => {
                    for (to, input) in self.service.handle(now, id, request) {
                        // A control stream that lost a packet stands still for a while.
                        let lost = self.rng.next().is_multiple_of(8);
                        let latency = self
                            .rng
                            .between(10_000, if lost { 900_000 } else { 80_000 });
                        if let Some(page) = self.pages.get_mut(&to) {
                            page.control.push(now + latency, input);
                        }
                    }
                }
                Output::Keys(keys) => {
                    page.sealing.mls().unwrap().install(now, keys.clone());
                    page.newest = Some(keys.clone());
                    page.key_messages.push(arrival, KeyMessage::Epoch(keys));
                }
                Output::Stop => {
                    page.sealing.mls().unwrap().clear();
                    page.sealer = None;
                    page.key_messages.push(arrival, KeyMessage::Stop);
                }
                Output::Event(_) => {}
            }
        }
    }

    /// Sends a frame of audio to everybody else.
    fn speak(&mut self, id: u32) {
        let now = self.now;
        let Some(datagram) = self.pages.get_mut(&id).unwrap().packet(now, id) else {
            return;
        };
        for (to, page) in &mut self.pages {
            if *to != id {
                self.datagrams += 1;
                let arrival = now + self.rng.between(5_000, 120_000);
                page.media
                    .insert((arrival, self.datagrams), datagram.clone());
            }
        }
    }

    fn listen(&mut self, id: u32) {
        let now = self.now;
        let at = Instant::from_micros(now);
        let page = self.pages.get_mut(&id).unwrap();
        while let Some(message) = page.key_messages.due(now) {
            page.downlink.apply(at, message);
            page.downlink.drain(at);
        }
        let later = page.media.split_off(&(now + 1, 0));
        for datagram in std::mem::replace(&mut page.media, later).into_values() {
            page.downlink.datagram(at, &datagram);
        }
        if page.downlink.next_timeout() <= at {
            page.downlink.timeout(at);
        }
        while let Some(event) = page.downlink.poll_event() {
            if let DownlinkEvent::Decryption(Decryption { sender, opens, .. }) = event
                && !opens
            {
                page.alarms.push((now, sender));
            }
        }
        while page.downlink.poll_datagram().is_some() {}
    }

    /// All that are here are in one group.
    fn is_settled(&self) -> bool {
        let mut epochs = self.pages.values().map(|page| page.session.epoch());
        let first = epochs.next().flatten();
        epochs.all(|epoch| epoch.is_some() && epoch == first)
            && self
                .pages
                .values()
                .all(|page| page.session.roster().len() == self.pages.len())
    }
}

impl Page {
    fn meets(&mut self, now: u64, id: u32, user: &str) {
        self.downlink
            .add_track(TrackId::new(id, 0), MediaKind::Audio);
        let named = KeyMessage::Participant(id, user.to_owned());
        self.key_messages.push(now + 20_000, named);
    }

    fn packet(&mut self, now: u64, sender: u32) -> Option<Vec<u8>> {
        self.sealing.mls()?.advance(now);
        let epoch = self.sealing.sealing_epoch()?;
        if self.sealer.as_ref().is_none_or(|(of, _)| *of != epoch) {
            let sealer = crate::sealing::fresh_sealer(&mut self.sealing, &mut Seeded(now)).unwrap();
            self.sealer = Some((epoch, sealer));
        }
        let header = audio(sender, self.frame_id, now);
        self.frame_id += 1;
        let mut sealed = Vec::new();
        let (_, sealer) = self.sealer.as_mut()?;
        sealer
            .seal(&header.metadata(), b"\xf8\xff\xfe", &mut sealed)
            .unwrap();
        Packetizer::new(header, &sealed).unwrap().next()
    }

    fn opened(&self, sender: u32) -> u64 {
        self.downlink.counts_of(sender).0
    }
}

fn engine() -> DownlinkHalf {
    let randomness = Randomness::new(|| Seeded(1));
    DownlinkHalf::new(Keys::group(SFRAME), DownlinkOptions::default(), randomness)
}

#[test]
fn a_hundred_joins_and_leaves_alarm_nobody() {
    let mut room = Room::new(5);
    let [ada, bob] = ["ada", "bob"].map(|user| room.join(user));
    room.run(4_000_000);
    let mut guests = VecDeque::new();
    let (mut alarms, mut rejected) = (Vec::new(), 0);
    for n in 0..100 {
        // Some come while the last one is still on the way in, some leave then.
        let guest = room.join(&format!("guest {}", n % 8));
        guests.push_back(guest);
        let stay = room.rng.between(300_000, 2_500_000);
        room.run(stay);
        if guests.len() > 2 {
            let gone = room.leave(guests.pop_front().unwrap());
            alarms.extend(gone.alarms);
            rejected += gone.rejected;
        }
    }
    room.run(10_000_000);
    assert!(room.is_settled());
    let newest = guests[1];
    for page in room.pages.values() {
        alarms.extend(&page.alarms);
        rejected += page.rejected;
    }
    assert_eq!(alarms, [], "(when, of whom)");
    // Frames did come on the wrong side of changes, and the calls work.
    assert!(rejected > 100, "only {rejected} frames did not open");
    assert!(room.pages[&newest].opened(ada) > 100 && room.pages[&ada].opened(bob) > 5_000);
}

#[test]
fn a_sender_in_another_group_is_told_of_after_ten_seconds_and_taken_back_when_it_returns() {
    let mut room = Room::new(6);
    let [ada, bob] = ["ada", "bob"].map(|user| room.join(user));
    room.run(4_000_000);
    assert!(room.pages[&bob].opened(ada) > 100);
    // The same epoch, leaves and names, but other secrets.
    let page = room.pages.get_mut(&ada).unwrap();
    let mut keys = page.newest.clone().unwrap();
    keys.base_key = BaseKey::new(&[9; 16]);
    let sealing = page.sealing.mls().unwrap();
    sealing.clear();
    sealing.install(room.now, keys);
    page.sealer = None;
    let split = room.now;
    room.run(9_000_000);
    assert_eq!(room.pages[&bob].alarms, []);
    room.run(3_000_000);
    let alarms = &room.pages[&bob].alarms;
    assert!(matches!(alarms[..], [(at, sender)] if sender == ada && at - split < 11_000_000));
    // Ada comes back to the group.
    let page = room.pages.get_mut(&ada).unwrap();
    let (keys, sealing) = (page.newest.clone().unwrap(), page.sealing.mls().unwrap());
    sealing.clear();
    sealing.install(room.now, keys);
    page.sealer = None;
    let before = room.pages[&bob].opened(ada);
    room.run(1_000_000);
    let page = &room.pages[&bob];
    assert!(page.opened(ada) > before && page.downlink.state_of(ada) == "ok");
}
