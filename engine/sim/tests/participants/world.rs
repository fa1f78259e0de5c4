//! Participants in a room of the gateway's, in virtual time.
//!
//! Participants (`smrtc-client`) and the room (the gateway's hub) are the real ones; the network
//! between them delays the control stream, and delays and loses datagrams, from a seed.

use std::collections::BTreeSet;
use std::time::Duration;

use smrtc_client::{Input, Output, Side};
use smrtc_engine::control::Framer;
use smrtc_engine::control::v1::{ClientMessage, LeaveReason};
use smrtc_engine::send::FrameParams;
use smrtc_engine::wire::CloseCode;
use smrtc_engine::{Instant, MediaTime};
use smrtc_gateway::forward::Datagram;
use smrtc_gateway::hub::{self, Hub, Limits, Member};
use smrtc_sim::Rng;

use super::guest::{FILLER, Guest, VIDEO, guest};
use super::network::{Arrival, Conditions};

pub(crate) struct World {
    pub(crate) now: Instant,
    pub(crate) rng: Rng,
    conditions: Conditions,
    hub: Option<Hub>,
    pub(crate) guests: Vec<Guest>,
    sequence: u64,
    next_frame: Instant,
    frame: u32,
}

impl World {
    pub(crate) fn new(seed: u64, users: &[&str], conditions: Conditions) -> Self {
        let mut world = Self {
            now: Instant::ZERO,
            rng: Rng::new(seed),
            conditions,
            hub: Some(Hub::new(Limits::default())),
            guests: Vec::new(),
            sequence: 0,
            next_frame: Instant::ZERO,
            frame: 0,
        };
        for user in users {
            world.join(user);
        }
        world
    }

    /// Opens a page: a participant that joins the room, and publishes and watches all there is.
    pub(crate) fn join(&mut self, user: &str) {
        self.guests.push(guest(user, self.rng.next()));
    }

    /// Closes the page of a user.
    pub(crate) fn close(&mut self, user: &str) -> Guest {
        let is_user = |guest: &Guest| guest.user == user;
        let index = self
            .guests
            .iter()
            .position(is_user)
            .expect("a page of theirs");
        let guest = self.guests.remove(index);
        if let (Some(hub), Some(member)) = (&mut self.hub, guest.member) {
            hub.leave(self.now, member, LeaveReason::Left, CloseCode::Left, "left");
        }
        guest
    }

    pub(crate) fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            if self.now >= self.next_frame {
                self.next_frame = self.now + self.conditions.interval;
                self.capture();
            }
            for index in 0..self.guests.len() {
                self.arrive_at_gateway(index);
                self.arrive_at_guest(index);
                self.drain_guest(index);
            }
            self.drain_hub();
            self.now += self.conditions.tick;
        }
    }

    /// Everybody sends a frame with the next number.
    fn capture(&mut self) {
        self.frame += 1;
        let params = FrameParams::audio(MediaTime::from_micros(self.now.as_micros()));
        let mut frame = self.frame.to_be_bytes().to_vec();
        frame.resize(self.conditions.frame_bytes, FILLER);
        for guest in &mut self.guests {
            guest
                .participant
                .send_frame(self.now, VIDEO, params, frame.clone());
        }
    }

    fn after(&mut self, delay: Duration) -> (Instant, u64) {
        self.sequence += 1;
        (self.now + delay, self.sequence)
    }

    /// When a datagram arrives; none if it is lost.
    fn datagram_arrival(&mut self) -> Option<(Instant, u64)> {
        let jitter = self.conditions.jitter.mul_f64(self.rng.fraction());
        let lost = self.rng.fraction() < self.conditions.loss;
        let arrival = self.after(self.conditions.delay + jitter);
        (!lost).then_some(arrival)
    }

    /// How long a message of a control stream is on its way, if none is before it.
    fn control_delay(&mut self) -> Duration {
        let jitter = self.conditions.control_jitter.mul_f64(self.rng.fraction());
        let stalls = self.rng.below(8) == 0;
        self.conditions.delay + if stalls { jitter * 10 } else { jitter }
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
                    let at = self.after(self.conditions.delay);
                    let guest = &mut self.guests[index];
                    match arrival {
                        Some(Arrival::Connected(side)) => {
                            guest.framer = Framer::new();
                            guest.from_gateway.insert(at, Arrival::Connected(side));
                        }
                        Some(attach) => guest.to_gateway.insert(at, attach),
                        None => guest.from_gateway.insert(at, Arrival::Lost(side, None)),
                    }
                }
                Output::Disconnect => {
                    let at = self.after(self.conditions.delay);
                    let guest = &mut self.guests[index];
                    guest.from_gateway.clear();
                    guest.to_gateway.insert_control(at, Arrival::HungUp);
                }
                Output::Control(bytes) => {
                    let delay = self.control_delay();
                    let at = self.after(delay);
                    let way = &mut self.guests[index].to_gateway;
                    way.insert_control(at, Arrival::Control(bytes));
                }
                Output::Datagram(side, bytes) => {
                    if let Some(at) = self.datagram_arrival() {
                        let way = &mut self.guests[index].to_gateway;
                        way.insert(at, Arrival::Datagram(side, bytes));
                    }
                }
                Output::Event(event) => self.guests[index].on_event(self.now, event),
                Output::Timeout(at) => {
                    self.guests[index].take_frames(self.now);
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
                    let at = (now + self.conditions.delay, u64::MAX - index as u64);
                    let connected = Arrival::Connected(Side::Downlink);
                    guest.from_gateway.insert(at, connected);
                }
                (Arrival::HungUp, Some(member)) => {
                    guest.member = None;
                    hub.leave(
                        now,
                        member,
                        LeaveReason::Disconnected,
                        CloseCode::Left,
                        "gone",
                    );
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
            match output {
                hub::Output::Message(member, message) => {
                    let delay = self.control_delay();
                    let arrival = Arrival::Control(message.into_pieces().flatten().collect());
                    self.send_control(member, delay, arrival);
                }
                hub::Output::Ready(member, side) => {
                    while let Some(datagram) = hub.pop_datagram(self.now, member, side) {
                        let arrival =
                            Arrival::Datagram(client_side(side), datagram.payload().to_vec());
                        if let Some(at) = self.datagram_arrival()
                            && let Some(guest) = self.of(member)
                        {
                            guest.from_gateway.insert(at, arrival);
                        }
                    }
                }
                hub::Output::Close(member, hub::Side::Uplink, code, _) => {
                    let lost = Arrival::Lost(Side::Uplink, Some(code));
                    self.send_control(member, self.conditions.delay, lost);
                }
                hub::Output::Close(..) | hub::Output::Rearm(..) => {}
            }
        }
        self.hub = Some(hub);
    }

    fn send_control(&mut self, member: Member, delay: Duration, arrival: Arrival) {
        let at = self.after(delay);
        if let Some(guest) = self.of(member) {
            guest.from_gateway.insert_control(at, arrival);
        }
    }

    fn of(&mut self, member: Member) -> Option<&mut Guest> {
        self.guests
            .iter_mut()
            .find(|guest| guest.member == Some(member))
    }

    /// The gateway is gone with all that it held; everybody notices after a moment.
    pub(crate) fn outage(&mut self, time: Duration) {
        self.hub = None;
        for index in 0..self.guests.len() {
            let at = self.after(Duration::from_millis(100));
            let guest = &mut self.guests[index];
            guest.member = None;
            guest.to_gateway.clear();
            guest.from_gateway.clear();
            let lost = Arrival::Lost(Side::Uplink, None);
            guest.from_gateway.insert(at, lost);
        }
        self.run(time);
        self.hub = Some(Hub::new(Limits::default()));
    }

    pub(crate) fn forget_frames(&mut self) {
        self.guests.iter_mut().for_each(|guest| guest.seen.clear());
    }

    /// The fewest frames that anybody has of anybody else.
    pub(crate) fn fewest(&self) -> usize {
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

    pub(crate) fn log(&self) -> Vec<String> {
        self.guests
            .iter()
            .flat_map(|guest| guest.log.clone())
            .collect()
    }
}

fn client_side(side: hub::Side) -> Side {
    match side {
        hub::Side::Uplink => Side::Uplink,
        hub::Side::Downlink => Side::Downlink,
    }
}

fn hub_side(side: Side) -> hub::Side {
    match side {
        Side::Uplink => hub::Side::Uplink,
        Side::Downlink => hub::Side::Downlink,
    }
}
