//! All rooms of a node with their media: requests and datagrams in, messages and datagrams out.
//!
//! Sans-IO: no clock, no sockets, no randomness; the host passes the time and secrets in. What this
//! module is not: the life of a connection ([`crate::net`]), or which node a room lives on.

mod control;
mod datagrams;
mod downlinks;
mod join;
mod member;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use smrtc_engine::{
    control::v1::{LeaveReason, ServerMessage},
    time::Instant,
    wire::CloseCode,
};

pub use join::AttachError;

use crate::{
    delivery::{self, Delivery, Post},
    forward::{self, Datagram, Drops},
    room::{self, Notification, ParticipantId, Room},
};
use member::Media;

/// A room's number within a node; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoomKey(u64);

/// A participant of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Member {
    /// The room.
    pub room: RoomKey,
    /// The number in it.
    pub participant: ParticipantId,
}

/// Which of a participant's two sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// Control stream, media up.
    Uplink,
    /// Media down.
    Downlink,
}

/// What the host has to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Send this on the member's control stream.
    Message(Member, ServerMessage),
    /// Datagrams wait: [`Hub::pop_datagram`].
    Ready(Member, Side),
    /// [`Hub::next_timeout`], or of a downlink [`Hub::next_send`], of this member has moved closer.
    Rearm(Member, Side),
    /// End this session after what was sent to it before.
    Close(Member, Side, CloseCode, &'static str),
}

/// Bounds of a node.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Rooms; default 10,000.
    pub rooms: usize,
    /// Of each room.
    pub room: room::Limits,
    /// Of each room's group keys.
    pub delivery: delivery::Limits,
    /// Of each participant's media.
    pub media: forward::Limits,
    /// Malformed datagrams in ten seconds from one session before it is closed; default 100.
    pub malformed_datagrams: u32,
    /// Requests in ten seconds from one session before it is closed; default 500.
    pub requests: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            rooms: 10_000,
            room: room::Limits::default(),
            delivery: delivery::Limits::default(),
            media: forward::Limits::default(),
            malformed_datagrams: 100,
            requests: 500,
        }
    }
}

/// What a node has counted since it started.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Participants who joined.
    pub joins: u64,
    /// Participants who left, for any reason.
    pub leaves: u64,
    /// Requests answered with an error.
    pub refused_requests: u64,
    /// Media packets taken from publishers.
    pub media_in: u64,
    /// Their bytes.
    pub media_in_bytes: u64,
    /// Media packets queued for subscribers, repetitions not counted.
    pub media_out: u64,
    /// Repair packets made for subscribers' paths.
    pub repairs_made: u64,
    /// Publishers' repair packets that ended here, since all of their frame had come.
    pub repairs_ended: u64,
    /// Reports that came from subscribers.
    pub reports: u64,
    /// Changes of a subscriber's layers.
    pub layer_switches: u64,
    /// Packets repeated for subscribers' NACKs.
    pub repeated: u64,
    /// Packets asked for by subscribers that were not kept, or over the rate of repetitions.
    pub not_repeated: u64,
    /// Kept packets that were looked at for subscribers' NACKs.
    pub nack_packets: u64,
    /// NACKs sent to publishers are not told apart from feedback; this counts both, and key-frame
    /// requests.
    pub datagrams_to_publishers: u64,
    /// Key-frame requests that came from subscribers.
    pub key_frame_requests: u64,
    /// Datagrams that do not parse or come from the wrong side.
    pub malformed_datagrams: u64,
    /// Datagrams of a kind or version of the future.
    pub unknown_datagrams: u64,
    /// Media packets that named a foreign sender.
    pub foreign_senders: u64,
    /// Media packets of tracks that were not published.
    pub unpublished: u64,
    /// Media packets that had come before.
    pub repetitions: u64,
    /// Media packets over the rate of a publisher.
    pub over_rate: u64,
    /// Messages of group keys.
    pub delivery: delivery::Counters,
    /// What left subscribers' queues unsent, of members who are gone.
    pub drops: Drops,
}

/// A node's rooms.
#[derive(Debug)]
pub struct Hub {
    limits: Limits,
    rooms: BTreeMap<RoomKey, Entry>,
    names: BTreeMap<String, RoomKey>,
    /// SHA-256 of attach tickets: looking one up by its secret bytes could tell them by time.
    tickets: BTreeMap<[u8; 32], Member>,
    last_room: u64,
    outputs: VecDeque<Output>,
    /// Notifications of the request at hand, sent after its reply.
    pending: Vec<Notification>,
    /// The same of a delivery service.
    posts: Vec<Post>,
    /// `Ready` outputs not yet polled, each once.
    ready: BTreeSet<(Member, Side)>,
    counters: Counters,
}

#[derive(Debug)]
struct Entry {
    name: String,
    room: Room,
    delivery: Delivery,
    media: BTreeMap<ParticipantId, Media>,
}

impl Hub {
    /// A node without rooms.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            rooms: BTreeMap::new(),
            names: BTreeMap::new(),
            tickets: BTreeMap::new(),
            last_room: 0,
            outputs: VecDeque::new(),
            pending: Vec::new(),
            posts: Vec::new(),
            ready: BTreeSet::new(),
            counters: Counters::default(),
        }
    }

    /// The next thing to do; call after every input until it says `None`.
    pub fn poll_output(&mut self) -> Option<Output> {
        // Messages first: what they announce is on its way when the media comes.
        self.outputs.pop_front().or_else(|| {
            self.ready
                .pop_first()
                .map(|(member, side)| Output::Ready(member, side))
        })
    }

    /// The next datagram for a session, best first.
    pub fn pop_datagram(&mut self, now: Instant, member: Member, side: Side) -> Option<Datagram> {
        let media = self.media(member)?;
        if side == Side::Uplink {
            return media.queue(side).pop(now);
        }
        let datagram = media.subscriber.pop(now);
        if datagram.is_none() && !media.subscriber.queue.is_empty() && !media.armed {
            media.armed = true;
            self.outputs.push_back(Output::Rearm(member, side));
        }
        datagram
    }

    /// Whether the member is in.
    #[must_use]
    pub fn contains(&self, member: Member) -> bool {
        self.rooms
            .get(&member.room)
            .is_some_and(|entry| entry.media.contains_key(&member.participant))
    }

    /// Takes a member out, ends its sessions and tells the others. Does nothing if it is out.
    pub fn leave(
        &mut self,
        member: Member,
        reason: LeaveReason,
        code: CloseCode,
        why: &'static str,
    ) {
        let Some(entry) = self.rooms.get_mut(&member.room) else {
            return;
        };
        if !entry.media.contains_key(&member.participant) {
            return;
        }
        let mut notifications = Vec::new();
        entry
            .room
            .leave(member.participant, reason, &mut notifications);
        self.retire(member, code, why);
        self.notify(member.room, notifications);
        self.remove_room_if_empty(member.room);
    }

    /// Rooms that exist.
    #[must_use]
    pub fn rooms(&self) -> usize {
        self.rooms.len()
    }

    /// Participants in all rooms.
    #[must_use]
    pub fn participants(&self) -> usize {
        self.rooms.values().map(|entry| entry.room.len()).sum()
    }

    /// Everybody who is in.
    pub fn members(&self) -> impl Iterator<Item = Member> {
        self.rooms.iter().flat_map(|(room, entry)| {
            entry.room.participants().map(|participant| Member {
                room: *room,
                participant,
            })
        })
    }

    /// What has been counted, drops of present members included.
    #[must_use]
    pub fn counters(&self) -> Counters {
        let mut counters = self.counters;
        for media in self.rooms.values().flat_map(|entry| entry.media.values()) {
            add_drops(&mut counters.drops, media.drops());
        }
        counters
    }

    fn media(&mut self, member: Member) -> Option<&mut Media> {
        self.rooms
            .get_mut(&member.room)?
            .media
            .get_mut(&member.participant)
    }

    /// Ends the sessions of one who is out of the room already.
    fn retire(&mut self, member: Member, code: CloseCode, why: &'static str) {
        let Some(entry) = self.rooms.get_mut(&member.room) else {
            return;
        };
        if let Some(media) = entry.media.remove(&member.participant) {
            add_drops(&mut self.counters.drops, media.drops());
            entry.delivery.leave(member.participant, &mut self.posts);
            self.tickets.remove(media.ticket());
            self.counters.leaves += 1;
            for side in [Side::Uplink, Side::Downlink] {
                self.ready.remove(&(member, side));
                self.outputs
                    .push_back(Output::Close(member, side, code, why));
            }
        }
        self.send_posts(member.room);
    }

    fn notify(&mut self, room: RoomKey, notifications: Vec<Notification>) {
        for (participant, body) in notifications {
            let message = ServerMessage {
                reply_to: 0,
                body: Some(body),
            };
            self.outputs
                .push_back(Output::Message(Member { room, participant }, message));
        }
    }

    fn remove_room_if_empty(&mut self, key: RoomKey) {
        if self
            .rooms
            .get(&key)
            .is_some_and(|entry| entry.room.is_empty())
            && let Some(entry) = self.rooms.remove(&key)
        {
            self.names.remove(&entry.name);
        }
    }
}

fn add_drops(sum: &mut Drops, more: Drops) {
    sum.pictures += more.pictures;
    sum.key_frames += more.key_frames;
    sum.audio += more.audio;
}
