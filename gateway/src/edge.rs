//! The edge of a room: the part of it that one node serves. Its participants' sessions, what they
//! subscribe to, and their media on its way from publishers to subscribers.
//!
//! An edge learns of the room only by [`Event`]s, which it applies in order: then it knows who may
//! publish which tracks, and passes the messages on to those of the recipients who are here. It
//! never looks into the room's owner ([`crate::owner`]), which may come to live on another node.
//!
//! A datagram costs one look-up, of its sender; all else is at hand from there ([`uplink`],
//! [`downlink`]). Sans-IO.

mod datagrams;
mod downlink;
mod layers;
mod media;
mod output;
mod retransmissions;
mod sessions;
mod subscriptions;
#[cfg(test)]
mod tests;
mod tickets;
mod uplink;

use std::{collections::BTreeMap, time::Duration};

use slab::Slab;
use smrtc_engine::{
    Bitrate, Instant, TrackId,
    wire::{CloseCode, media::MediaKind},
};

pub(crate) use output::Outputs;
pub use output::{Member, Output, RoomKey, Side};
pub use sessions::AttachError;
pub(crate) use tickets::Tickets;

use crate::{
    counters::Counters,
    forward::{self, Class, Datagram, Drops, Tolerance},
    room::{Change, EncodedMessage, Event, ParticipantId, Recipients},
};
use downlink::Downlink;
use uplink::Uplink;

/// What one edge takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Of each participant's media.
    pub(crate) media: forward::Limits,
    /// Tracks that one participant receives.
    pub(crate) subscriptions: usize,
    /// Malformed datagrams in ten seconds from one participant before it is closed.
    pub(crate) malformed_datagrams: u32,
    /// Requests in ten seconds from one participant before it is closed.
    pub(crate) requests: u32,
}

/// What all edges of a node have in common.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    /// What the host has to do.
    pub(crate) outputs: Outputs,
    pub(crate) counters: Counters,
    pub(crate) tickets: Tickets,
}

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct Edge {
    room: RoomKey,
    limits: Limits,
    /// The number of the event that was applied last.
    last_event: u64,
    /// Everybody in the room: where their uplink is.
    publishers: BTreeMap<ParticipantId, usize>,
    /// Those whose sessions are here.
    locals: BTreeMap<ParticipantId, Local>,
    uplinks: Slab<Uplink>,
    downlinks: Slab<Downlink>,
    /// The downlinks that took the packet at hand. Kept for its memory.
    took: Vec<usize>,
}

/// A participant whose sessions are here.
#[derive(Debug)]
struct Local {
    uplink: usize,
    downlink: usize,
    ticket: [u8; 32],
    requests: Tolerance,
    /// One for all sessions: whoever sends rubbish on one is not to be served on the others.
    malformed: Tolerance,
    /// Further sessions that bring its media.
    lanes: u32,
}

impl Edge {
    /// An edge of a room of which nothing has happened yet.
    pub(crate) fn new(room: RoomKey, limits: Limits) -> Self {
        Self {
            room,
            limits,
            last_event: 0,
            publishers: BTreeMap::new(),
            locals: BTreeMap::new(),
            uplinks: Slab::new(),
            downlinks: Slab::new(),
            took: Vec::new(),
        }
    }

    /// Applies an event and passes its message on.
    pub(crate) fn apply(&mut self, now: Instant, event: Event, shared: &mut Shared) {
        debug_assert_eq!(event.number, self.last_event + 1, "an event is missing");
        self.last_event = event.number;
        match event.change {
            Some(Change::Joined(id)) => {
                let uplink = Uplink::new(id, self.limits.media, now);
                self.publishers.insert(id, self.uplinks.insert(uplink));
            }
            Some(Change::Left(id)) => self.remove_publisher(id, shared),
            Some(Change::Published(track, kind)) => self.add_track(track, kind),
            Some(Change::Unpublished(track)) => self.remove_track(track),
            None => {}
        }
        match event.to {
            Recipients::One(id) => self.tell(id, event.message, shared),
            Recipients::AllBut(one) => {
                for id in self.locals.keys().filter(|id| **id != one) {
                    shared.outputs.tell(self.member(*id), &event.message);
                }
            }
            Recipients::These(ids) => {
                for id in ids.iter().filter(|id| self.locals.contains_key(id)) {
                    shared.outputs.tell(self.member(*id), &event.message);
                }
            }
        }
    }

    /// Sends a message to a participant who is here. Does nothing for others.
    pub(crate) fn tell(&self, id: ParticipantId, message: EncodedMessage, shared: &mut Shared) {
        if self.locals.contains_key(&id) {
            shared.outputs.tell(self.member(id), &message);
        }
    }

    /// Ends the sessions of a participant who is here, with its subscriptions. Its tracks go when
    /// the room says that it left.
    pub(crate) fn retire(
        &mut self,
        id: ParticipantId,
        code: CloseCode,
        why: &'static str,
        shared: &mut Shared,
    ) {
        let Some(local) = self.locals.remove(&id) else {
            return;
        };
        let downlink = self.downlinks.remove(local.downlink);
        for (track, subscription) in &downlink.subscriptions {
            let uplink = &mut self.uplinks[subscription.uplink];
            uplink.remove_receiver(track.number, local.downlink);
        }
        shared.counters.drops.add(downlink.subscriber.queue.drops());
        shared.counters.leaves += 1;
        shared.tickets.remove(&local.ticket);
        for side in [Side::Uplink, Side::Downlink] {
            let close = Output::Close(self.member(id), side, code, why);
            shared.outputs.push(close);
        }
    }

    /// Whether the participant's sessions are here.
    pub(crate) fn contains(&self, id: ParticipantId) -> bool {
        self.locals.contains_key(&id)
    }

    /// Those whose sessions are here, ascending.
    pub(crate) fn members(&self) -> impl Iterator<Item = Member> {
        self.locals.keys().map(|id| self.member(*id))
    }

    /// How many have their sessions here.
    pub(crate) fn len(&self) -> usize {
        self.locals.len()
    }

    /// What left the queues of those who are here unsent.
    pub(crate) fn drops(&self) -> Drops {
        let mut drops = Drops::default();
        for (_, downlink) in &self.downlinks {
            drops.add(downlink.subscriber.queue.drops());
        }
        drops
    }

    /// Does what is due for a publisher: reports, NACKs, requests for key frames. Call when
    /// [`Self::next_timeout`] has passed.
    pub(crate) fn timeout(&mut self, now: Instant, id: ParticipantId, shared: &mut Shared) {
        if let Some(local) = self.locals.get(&id) {
            self.report(now, local.uplink, shared);
        }
    }

    /// When [`Self::timeout`] has something to do; `None` for a participant who is not here.
    pub(crate) fn next_timeout(&self, id: ParticipantId) -> Option<Instant> {
        let local = self.locals.get(&id)?;
        Some(self.uplinks[local.uplink].publisher.next_timeout())
    }

    fn report(&mut self, now: Instant, slot: usize, shared: &mut Shared) {
        let member = self.member(self.uplinks[slot].participant);
        let uplink = &mut self.uplinks[slot];
        let due = uplink.publisher.poll(now);
        for datagram in &due {
            uplink
                .queue
                .push(now, Class::Control, Datagram::copy_of(datagram));
        }
        if !due.is_empty() {
            shared.counters.datagrams_to_publishers += due.len() as u64;
            shared
                .outputs
                .ready(&mut uplink.is_ready, member, Side::Uplink);
        }
    }

    /// Sets the round-trip time of a session, which spaces requests and retransmissions.
    pub(crate) fn set_rtt(&mut self, id: ParticipantId, side: Side, rtt: Duration) {
        let Some(local) = self.locals.get(&id) else {
            return;
        };
        match side {
            Side::Uplink => self.uplinks[local.uplink].publisher.set_rtt(rtt),
            Side::Downlink => self.downlinks[local.downlink].subscriber.rtt = rtt,
        }
    }

    /// The share, 0 to 1, of what a participant sent lately that did not come.
    pub(crate) fn fraction_lost(&self, id: ParticipantId) -> f64 {
        let local = self.locals.get(&id);
        local.map_or(0.0, |local| {
            self.uplinks[local.uplink].publisher.fraction_lost()
        })
    }

    /// When a downlink has something to send that it holds back now.
    pub(crate) fn next_send(&self, id: ParticipantId) -> Instant {
        let downlink = self.downlink(id);
        downlink.map_or(Instant::FAR_FUTURE, |it| it.subscriber.next_send())
    }

    /// The rate that a downlink's path bears, once its subscriber has reported.
    pub(crate) fn downlink_rate(&self, id: ParticipantId) -> Option<Bitrate> {
        self.downlink(id)?.subscriber.target()
    }

    /// How often the layers of a participant's tracks were changed.
    pub(crate) fn layer_switches(&self, id: ParticipantId) -> u64 {
        let downlink = self.downlink(id);
        downlink.map_or(0, |downlink| downlink.subscriber.switches())
    }

    fn downlink(&self, id: ParticipantId) -> Option<&Downlink> {
        let local = self.locals.get(&id)?;
        self.downlinks.get(local.downlink)
    }

    fn remove_publisher(&mut self, id: ParticipantId, shared: &mut Shared) {
        // Whoever left of their own accord was retired with a reason of their own.
        let why = "the same user joined again";
        self.retire(id, CloseCode::Replaced, why, shared);
        let Some(slot) = self.publishers.remove(&id) else {
            return;
        };
        let uplink = self.uplinks.remove(slot);
        for (number, track) in &uplink.tracks {
            for receiver in &track.receivers {
                let downlink = &mut self.downlinks[receiver.downlink];
                downlink.subscriptions.remove(&TrackId::new(id, *number));
            }
        }
    }

    fn add_track(&mut self, track: TrackId, kind: MediaKind) {
        if let Some(slot) = self.publishers.get(&track.sender) {
            self.uplinks[*slot].add_track(track.number, kind);
        }
    }

    fn remove_track(&mut self, track: TrackId) {
        let Some(slot) = self.publishers.get(&track.sender) else {
            return;
        };
        for receiver in self.uplinks[*slot].remove_track(track.number) {
            let downlink = &mut self.downlinks[receiver.downlink];
            downlink.subscriptions.remove(&track);
        }
    }

    fn member(&self, participant: ParticipantId) -> Member {
        Member {
            room: self.room,
            participant,
        }
    }
}
