//! The rooms of a node. Requests and datagrams go in, messages and datagrams come out.
//!
//! ```text
//!  host (crate::net)
//!   │ join, request, datagram, timeout            ▲ Output
//!   ▼                                             │
//!  Hub ── finds the room ──► LocalRoom ───────────┤
//!                             │ request   ▲ answer│
//!                             ▼           │       │
//!                            Owner ── Event ──► Edge
//!                         room, delivery      sessions, subscriptions, media
//! ```
//!
//! - [`Hub`] finds rooms by name, by number and by ticket. It decides nothing else.
//! - `owner` decides what happens in a room: who is in, which tracks there are, how its
//!   group goes on. It has no sessions and sees no media.
//! - `edge` serves the participants whose sessions are on this node: subscriptions, and
//!   media from publishers to subscribers. It knows the room by the owner's events alone, so that
//!   the owner may live elsewhere.
//! - `local_room` is both in one, for a room that is owned where it is served: all are so now.
//!
//! Sans-IO: no clock, no sockets, no randomness; the host passes the time and secrets in. What this
//! module is not: the life of a connection (`net`), or which node a room lives on.

mod limits;
mod local_room;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, time::Duration};

use smrtc_engine::{
    control::v1::{Join, LeaveReason, client_message::Body as Request},
    time::{Bitrate, Instant},
    wire::CloseCode,
};

pub use crate::{
    counters::Counters,
    edge::{AttachError, Member, Output, RoomKey, Side},
};
pub use limits::Limits;

use crate::{auth::Permissions, edge::Shared, forward::Datagram, room::Refusal};
use local_room::LocalRoom;

/// See the module's documentation.
#[derive(Debug)]
pub struct Hub {
    limits: Limits,
    rooms: BTreeMap<RoomKey, LocalRoom>,
    names: BTreeMap<String, RoomKey>,
    last_room: u64,
    shared: Shared,
}

impl Hub {
    /// A node without rooms.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            rooms: BTreeMap::new(),
            names: BTreeMap::new(),
            last_room: 0,
            shared: Shared::default(),
        }
    }

    /// The next thing to do; call after every input until it says `None`.
    pub fn poll_output(&mut self) -> Option<Output> {
        if let Some(output) = self.shared.outputs.pop() {
            return Some(output);
        }
        while let Some((member, side)) = self.shared.outputs.pop_ready() {
            let room = self.rooms.get_mut(&member.room);
            if room.is_some_and(|room| room.edge.take_ready(member.participant, side)) {
                return Some(Output::Ready(member, side));
            }
        }
        None
    }

    /// Lets the bearer of `permissions` into their room. `ticket` is 32 fresh random bytes, which
    /// open the downlink.
    ///
    /// # Errors
    ///
    /// See [`crate::room::Room::join`]; also [`Refusal::LimitReached`] if there are too many rooms.
    pub fn join(
        &mut self,
        now: Instant,
        permissions: &Permissions,
        request_id: u32,
        join: &Join,
        ticket: [u8; 32],
    ) -> Result<Member, Refusal> {
        let key = self.room_for(permissions.room())?;
        let Some(room) = self.rooms.get_mut(&key) else {
            return Err(Refusal::LimitReached("rooms"));
        };
        let joined = room.join(
            now,
            permissions,
            (request_id, join),
            &ticket,
            &mut self.shared,
        );
        if joined.is_err() {
            self.remove_room_if_empty(key);
        }
        joined.map(|participant| Member {
            room: key,
            participant,
        })
    }

    /// Applies one request and answers it. Does nothing for a member who is out.
    pub fn request(
        &mut self,
        now: Instant,
        member: Member,
        request_id: u32,
        body: Option<Request>,
    ) {
        if let Some(room) = self.rooms.get_mut(&member.room) {
            room.request(now, member.participant, request_id, body, &mut self.shared);
            self.remove_room_if_empty(member.room);
        }
    }

    /// Takes a member out, ends its sessions and tells the others. Does nothing if it is out.
    pub fn leave(
        &mut self,
        now: Instant,
        member: Member,
        reason: LeaveReason,
        code: CloseCode,
        why: &'static str,
    ) {
        if let Some(room) = self.rooms.get_mut(&member.room) {
            room.leave(
                now,
                member.participant,
                reason,
                (code, why),
                &mut self.shared,
            );
            self.remove_room_if_empty(member.room);
        }
    }

    /// Applies one datagram that came on a session. Does nothing for a member who is out.
    pub fn datagram(&mut self, now: Instant, member: Member, side: Side, datagram: &Datagram) {
        if let Some(room) = self.rooms.get_mut(&member.room)
            && room
                .edge
                .datagram(now, member.participant, side, datagram, &mut self.shared)
                .is_err()
        {
            let (code, why) = (CloseCode::TooMany, "too many malformed datagrams");
            self.leave(now, member, LeaveReason::Disconnected, code, why);
        }
    }

    /// Does what is due for a member: reports to a publisher, asks again for a tree. Call when
    /// [`Self::next_timeout`] has passed.
    pub fn timeout(&mut self, now: Instant, member: Member) {
        if let Some(room) = self.rooms.get_mut(&member.room) {
            room.timeout(now, member.participant, &mut self.shared);
        }
    }

    /// When [`Self::timeout`] has something to do for this member.
    #[must_use]
    pub fn next_timeout(&self, member: Member) -> Instant {
        let room = self.rooms.get(&member.room);
        let next = room.and_then(|room| room.next_timeout(member.participant));
        next.unwrap_or(Instant::FAR_FUTURE)
    }

    /// The next datagram for a session, best first.
    pub fn pop_datagram(&mut self, now: Instant, member: Member, side: Side) -> Option<Datagram> {
        let room = self.rooms.get_mut(&member.room)?;
        room.edge
            .pop_datagram(now, member.participant, side, &mut self.shared)
    }

    /// When a downlink has something to send that it holds back now.
    #[must_use]
    pub fn next_send(&self, member: Member) -> Instant {
        let room = self.rooms.get(&member.room);
        room.map_or(Instant::FAR_FUTURE, |room| {
            room.edge.next_send(member.participant)
        })
    }

    /// Lets go of what a downlink has held back. Call when [`Self::next_send`] has passed.
    pub fn send_due(&mut self, member: Member) {
        if let Some(room) = self.rooms.get_mut(&member.room) {
            room.edge.send_due(member.participant, &mut self.shared);
        }
    }

    /// Binds a downlink session to the participant who was given `ticket`. An earlier downlink of
    /// theirs ends. The number returned is for [`Self::detach`].
    ///
    /// # Errors
    ///
    /// [`AttachError::UnknownTicket`].
    pub fn attach(&mut self, now: Instant, ticket: &[u8]) -> Result<(Member, u64), AttachError> {
        let unknown = AttachError::UnknownTicket;
        let member = self.shared.tickets.find(ticket).ok_or(unknown)?;
        let room = self.rooms.get_mut(&member.room).ok_or(unknown)?;
        let attachment = room
            .edge
            .attach(now, member.participant, &mut self.shared)
            .ok_or(unknown)?;
        Ok((member, attachment))
    }

    /// Notes that the downlink session of `attachment` ended; the participant stays in.
    pub fn detach(&mut self, member: Member, attachment: u64) {
        if let Some(room) = self.rooms.get_mut(&member.room) {
            room.edge.detach(member.participant, attachment);
        }
    }

    /// Whether a participant who is in was given `ticket`.
    #[must_use]
    pub fn has_ticket(&self, ticket: &[u8]) -> bool {
        self.shared.tickets.find(ticket).is_some()
    }

    /// Opens another way for media of the participant who was given `ticket`; [`Self::close_lane`]
    /// when it ends.
    ///
    /// # Errors
    ///
    /// [`AttachError`].
    pub fn open_lane(&mut self, ticket: &[u8]) -> Result<Member, AttachError> {
        let unknown = AttachError::UnknownTicket;
        let member = self.shared.tickets.find(ticket).ok_or(unknown)?;
        let room = self.rooms.get_mut(&member.room).ok_or(unknown)?;
        room.edge.open_lane(member.participant)?;
        Ok(member)
    }

    /// Notes that a lane ended.
    pub fn close_lane(&mut self, member: Member) {
        if let Some(room) = self.rooms.get_mut(&member.room) {
            room.edge.close_lane(member.participant);
        }
    }

    /// Sets the round-trip time of a session, which spaces requests and retransmissions.
    pub fn set_rtt(&mut self, member: Member, side: Side, rtt: Duration) {
        if let Some(room) = self.rooms.get_mut(&member.room) {
            room.edge.set_rtt(member.participant, side, rtt);
        }
    }

    /// The share, 0 to 1, of what a member sent lately that did not come.
    #[must_use]
    pub fn fraction_lost(&self, member: Member) -> f64 {
        let room = self.rooms.get(&member.room);
        room.map_or(0.0, |room| room.edge.fraction_lost(member.participant))
    }

    /// The rate that a downlink's path bears, once its subscriber has reported.
    #[must_use]
    pub fn downlink_rate(&self, member: Member) -> Option<Bitrate> {
        let room = self.rooms.get(&member.room)?;
        room.edge.downlink_rate(member.participant)
    }

    /// How often the layers of a member's tracks were changed.
    #[must_use]
    pub fn layer_switches(&self, member: Member) -> u64 {
        let room = self.rooms.get(&member.room);
        room.map_or(0, |room| room.edge.layer_switches(member.participant))
    }

    /// Whether a participant is still in its room.
    #[must_use]
    pub fn is_in(&self, member: Member) -> bool {
        let room = self.rooms.get(&member.room);
        room.is_some_and(|room| room.edge.contains(member.participant))
    }

    /// Rooms that exist.
    #[must_use]
    pub fn rooms(&self) -> usize {
        self.rooms.len()
    }

    /// Participants in all rooms.
    #[must_use]
    pub fn participants(&self) -> usize {
        self.rooms.values().map(|room| room.edge.len()).sum()
    }

    /// Everybody who is in.
    pub fn members(&self) -> impl Iterator<Item = Member> {
        self.rooms.values().flat_map(|room| room.edge.members())
    }

    /// What has been counted, drops of present members included.
    #[must_use]
    pub fn counters(&self) -> Counters {
        let mut counters = self.shared.counters;
        for room in self.rooms.values() {
            counters.drops.add(room.edge.drops());
        }
        counters
    }

    fn room_for(&mut self, name: &str) -> Result<RoomKey, Refusal> {
        if let Some(key) = self.names.get(name) {
            return Ok(*key);
        }
        if self.rooms.len() >= self.limits.rooms {
            return Err(Refusal::LimitReached("rooms"));
        }
        self.last_room += 1;
        let key = RoomKey(self.last_room);
        self.rooms
            .insert(key, LocalRoom::new(name, key, &self.limits));
        self.names.insert(name.to_owned(), key);
        Ok(key)
    }

    fn remove_room_if_empty(&mut self, key: RoomKey) {
        if self.rooms.get(&key).is_some_and(LocalRoom::is_empty)
            && let Some(room) = self.rooms.remove(&key)
        {
            self.names.remove(room.name());
        }
    }
}
