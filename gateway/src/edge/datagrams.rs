//! What a datagram is, and which stage it is for.

use smrtc_engine::{
    time::Instant,
    wire::{
        self, Kind, WireError,
        feedback::Feedback,
        keyframe::KeyFrameRequest,
        ping::{Ping, Pong},
    },
};

use super::{Edge, Member, Shared, Side};
use crate::{
    forward::{Class, Datagram},
    room::ParticipantId,
};

/// Pings go unanswered while so much control waits: a flood of them must not grow a queue.
const MAX_WAITING_CONTROL: usize = 64;

/// A participant has sent too many malformed datagrams: it has to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooMany;

/// Why a datagram was not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rejected {
    Malformed,
    /// Of a later version, or in a race with a change of the room.
    Harmless,
}

impl From<WireError> for Rejected {
    fn from(error: WireError) -> Self {
        match error {
            WireError::UnknownKind(_) | WireError::Version(_) | WireError::UnknownMediaKind(_) => {
                Self::Harmless
            }
            _ => Self::Malformed,
        }
    }
}

impl Edge {
    /// Applies one datagram that came on a session. Does nothing for a participant who is not here.
    ///
    /// # Errors
    ///
    /// [`TooMany`]; the caller takes the participant out.
    pub(crate) fn datagram(
        &mut self,
        now: Instant,
        from: ParticipantId,
        side: Side,
        datagram: &Datagram,
        shared: &mut Shared,
    ) -> Result<(), TooMany> {
        let Some(local) = self.locals.get(&from) else {
            return Ok(());
        };
        let (uplink, downlink) = (local.uplink, local.downlink);
        let bytes = datagram.payload();
        let result = match (wire::kind(bytes), side) {
            (Ok(Kind::Media), Side::Uplink) => self.on_media(now, uplink, datagram, shared),
            (Ok(Kind::Repair), Side::Uplink) => self.on_repair(now, uplink, datagram, shared),
            (Ok(Kind::Feedback), Side::Downlink) => self.on_feedback(now, downlink, bytes, shared),
            (Ok(Kind::Nack), Side::Downlink) => self.on_nack(now, downlink, bytes, shared),
            (Ok(Kind::KeyFrameRequest), Side::Downlink) => {
                self.on_key_frame_request(now, downlink, bytes, shared)
            }
            (Ok(Kind::Ping), Side::Uplink) => self.on_ping(now, side, uplink, bytes, shared),
            (Ok(Kind::Ping), Side::Downlink) => self.on_ping(now, side, downlink, bytes, shared),
            // We ask for none: QUIC knows the round-trip time.
            (Ok(Kind::Pong), _) => Ok(()),
            (Ok(_), _) => Err(Rejected::Malformed),
            (Err(error), _) => Err(error.into()),
        };
        match result {
            Ok(()) => Ok(()),
            Err(Rejected::Harmless) => {
                shared.counters.unknown_datagrams += 1;
                Ok(())
            }
            Err(Rejected::Malformed) => self.on_malformed(now, from, shared),
        }
    }

    /// Counts a datagram that does not parse.
    fn on_malformed(
        &mut self,
        now: Instant,
        from: ParticipantId,
        shared: &mut Shared,
    ) -> Result<(), TooMany> {
        shared.counters.malformed_datagrams += 1;
        let local = self.locals.get_mut(&from);
        if local.is_none_or(|local| local.malformed.tolerates(now)) {
            Ok(())
        } else {
            Err(TooMany)
        }
    }

    fn on_feedback(
        &mut self,
        now: Instant,
        slot: usize,
        bytes: &[u8],
        shared: &mut Shared,
    ) -> Result<(), Rejected> {
        let feedback = Feedback::parse(bytes)?;
        shared.counters.reports += 1;
        let subscriber = &mut self.downlinks[slot].subscriber;
        subscriber.on_feedback(now, &feedback);
        if subscriber.is_due(now) {
            self.choose(now, slot, shared);
        }
        Ok(())
    }

    fn on_key_frame_request(
        &mut self,
        now: Instant,
        slot: usize,
        bytes: &[u8],
        shared: &mut Shared,
    ) -> Result<(), Rejected> {
        for wanted in KeyFrameRequest::parse(bytes)?.distinct() {
            let downlink = &self.downlinks[slot];
            let Some(subscription) = downlink.subscriptions.get(&wanted.track_id()).copied() else {
                continue;
            };
            shared.counters.key_frame_requests += 1;
            let stream = wanted.stream_id();
            if let Some(need) = downlink.subscriber.key_frame_need(stream) {
                self.want_key_frame(now, subscription.uplink, stream, need, shared);
            }
        }
        Ok(())
    }

    /// Answers a ping on the session that it came on: `slot` is of that side.
    fn on_ping(
        &mut self,
        now: Instant,
        side: Side,
        slot: usize,
        bytes: &[u8],
        shared: &mut Shared,
    ) -> Result<(), Rejected> {
        let pong = pong(bytes)?;
        let (participant, queue, is_ready) = match side {
            Side::Uplink => {
                let uplink = &mut self.uplinks[slot];
                (uplink.participant, &mut uplink.queue, &mut uplink.is_ready)
            }
            Side::Downlink => {
                let downlink = &mut self.downlinks[slot];
                let queue = &mut downlink.subscriber.queue;
                (downlink.participant, queue, &mut downlink.is_ready)
            }
        };
        if queue.control() < MAX_WAITING_CONTROL {
            queue.push(now, Class::Control, pong);
            let room = self.room;
            let member = Member { room, participant };
            shared.outputs.ready(is_ready, member, side);
        }
        Ok(())
    }
}

/// The answer to a ping.
fn pong(bytes: &[u8]) -> Result<Datagram, Rejected> {
    let token = Ping::parse(bytes)?.token;
    let mut pong = Vec::new();
    Pong { token }.encode(&mut pong);
    Ok(Datagram::copy_of(&pong))
}
