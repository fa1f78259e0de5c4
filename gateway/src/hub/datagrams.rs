//! Datagrams: media to its subscribers, NACKs answered from the cache, key-frame requests passed
//! on.

use smrtc_engine::{
    StreamId, TrackId,
    control::v1::{LeaveReason, MediaKind, Track},
    time::Instant,
    wire::{
        self, CloseCode, Kind, WireError,
        keyframe::KeyFrameRequest,
        media::{self, FrameHeader, MediaPacket},
        nack::{Nack, NackEntry},
        ping::{Ping, Pong},
        repair::RepairPacket,
    },
};
use std::time::Duration;

use super::{Hub, Member, Output, RoomKey, Side, downlinks::with_copies};
use crate::{
    forward::{Accepted, Class, Datagram, IngestError, Need, Publisher, accepted},
    room::ParticipantId,
};

/// Pings go unanswered while so much control waits: a flood of them must not grow a queue.
const MAX_WAITING_CONTROL: usize = 64;

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

impl Hub {
    /// Applies one datagram that came on a session. Does nothing for a member who is out.
    pub fn datagram(&mut self, now: Instant, member: Member, side: Side, datagram: &Datagram) {
        let bytes = datagram.payload();
        let result = match (wire::kind(bytes), side) {
            (Ok(Kind::Media), Side::Uplink) => self.on_media(now, member, datagram),
            (Ok(Kind::Repair), Side::Uplink) => self.on_repair(now, member, datagram),
            (Ok(Kind::Feedback), Side::Downlink) => self.on_feedback(now, member, bytes),
            (Ok(Kind::Nack), Side::Downlink) => self.on_nack(now, member, bytes),
            (Ok(Kind::KeyFrameRequest), Side::Downlink) => {
                self.on_key_frame_request(now, member, bytes)
            }
            (Ok(Kind::Ping), _) => self.on_ping(now, member, side, bytes),
            // We ask for none: QUIC knows the round-trip time.
            (Ok(Kind::Pong), _) => Ok(()),
            (Ok(_), _) => Err(Rejected::Malformed),
            (Err(error), _) => Err(error.into()),
        };
        match result {
            Ok(()) => {}
            Err(Rejected::Harmless) => self.counters.unknown_datagrams += 1,
            Err(Rejected::Malformed) => self.on_malformed(now, member),
        }
    }

    /// Counts a datagram that does not parse; one too many ends the participant.
    fn on_malformed(&mut self, now: Instant, member: Member) {
        self.counters.malformed_datagrams += 1;
        if let Some(media) = self.media(member)
            && !media.malformed.tolerates(now)
        {
            let (code, why) = (CloseCode::TooMany, "too many malformed datagrams");
            self.leave(member, LeaveReason::Disconnected, code, why);
        }
    }

    /// Does what is due for a member: reports to a publisher, asks again for a tree. Call when
    /// [`Self::next_timeout`] has passed.
    pub fn timeout(&mut self, now: Instant, member: Member) {
        if let Some(entry) = self.rooms.get_mut(&member.room) {
            entry
                .delivery
                .timeout(now, member.participant, &mut self.posts);
            self.send_posts(member.room);
        }
        let Some(media) = self.media(member) else {
            return;
        };
        let due = media.publisher.poll(now);
        for datagram in &due {
            media
                .queue(Side::Uplink)
                .push(now, Class::Control, Datagram::copy_of(datagram));
        }
        if !due.is_empty() {
            self.counters.datagrams_to_publishers += due.len() as u64;
            self.ready.insert((member, Side::Uplink));
        }
    }

    /// When [`Self::timeout`] has something to do for this member.
    #[must_use]
    pub fn next_timeout(&self, member: Member) -> Instant {
        self.rooms
            .get(&member.room)
            .and_then(|entry| {
                let media = entry.media.get(&member.participant)?;
                let delivery = entry.delivery.next_timeout(member.participant);
                Some(media.publisher.next_timeout().min(delivery))
            })
            .unwrap_or(Instant::FAR_FUTURE)
    }

    /// Sets the round-trip time of a session, which spaces requests and repetitions.
    pub fn set_rtt(&mut self, member: Member, side: Side, rtt: Duration) {
        if let Some(media) = self.media(member) {
            match side {
                Side::Uplink => media.publisher.set_rtt(rtt),
                Side::Downlink => media.subscriber.rtt = rtt,
            }
        }
    }

    /// The share, 0 to 1, of what a member sent lately that did not come.
    #[must_use]
    pub fn fraction_lost(&self, member: Member) -> f64 {
        let media = self
            .rooms
            .get(&member.room)
            .and_then(|entry| entry.media.get(&member.participant));
        media.map_or(0.0, |media| media.publisher.fraction_lost())
    }

    /// Asks a publisher for a key frame, now or when the limit allows it.
    pub(super) fn want_key_frame(
        &mut self,
        now: Instant,
        room: RoomKey,
        stream: StreamId,
        need: Need,
    ) {
        let member = Member {
            room,
            participant: stream.sender,
        };
        let Some(entry) = self.rooms.get_mut(&room) else {
            return;
        };
        let pictures = entry
            .room
            .track(stream.track_id())
            .is_some_and(|track| track.kind != MediaKind::Audio as i32);
        if !pictures {
            return;
        }
        if let Some(media) = entry.media.get_mut(&stream.sender) {
            media.publisher.request_key_frame(stream, need);
            self.timeout(now, member);
            self.outputs.push_back(Output::Rearm(member, Side::Uplink));
        }
    }

    fn on_media(
        &mut self,
        now: Instant,
        member: Member,
        datagram: &Datagram,
    ) -> Result<(), Rejected> {
        let packet = MediaPacket::parse(datagram.payload())?;
        let forwarded =
            self.forward(now, member, datagram, &packet.header, |publisher, track| {
                publisher.ingest(now, datagram, &packet, track)
            })?;
        self.protect(
            now,
            member,
            &packet.header,
            packet.fragment_count,
            &forwarded,
        );
        self.tick_due(now, member.room, &forwarded);
        Ok(())
    }

    /// Repair packets of a frame that is not here whole go where the frame goes. They are not kept:
    /// a NACK asks for fragments.
    fn on_repair(
        &mut self,
        now: Instant,
        member: Member,
        datagram: &Datagram,
    ) -> Result<(), Rejected> {
        let packet = RepairPacket::parse(datagram.payload())?;
        self.forward(now, member, datagram, &packet.header, |publisher, track| {
            publisher.ingest_repair(now, datagram, &packet, track)
        })
        .map(|_| ())
    }

    /// Says to whom it went.
    fn forward(
        &mut self,
        now: Instant,
        member: Member,
        datagram: &Datagram,
        header: &FrameHeader,
        ingest: impl FnOnce(&mut Publisher, Option<&Track>) -> Result<Accepted, IngestError>,
    ) -> Result<Vec<ParticipantId>, Rejected> {
        let mut forwarded = Vec::new();
        let Some(entry) = self.rooms.get_mut(&member.room) else {
            return Ok(forwarded);
        };
        let Some(media) = entry.media.get_mut(&member.participant) else {
            return Ok(forwarded);
        };
        let id = TrackId::new(member.participant, header.track);
        self.counters.media_in += 1;
        self.counters.media_in_bytes += datagram.payload().len() as u64;
        let accepted = match ingest(&mut media.publisher, entry.room.track(id)) {
            Ok(accepted) => accepted,
            Err(IngestError::ForeignSender) => {
                self.counters.foreign_senders += 1;
                return Err(Rejected::Malformed);
            }
            Err(IngestError::NotPublished) => {
                self.counters.unpublished += 1;
                return Ok(forwarded);
            }
            Err(IngestError::Repetition) => {
                self.counters.repetitions += 1;
                return Ok(forwarded);
            }
            Err(IngestError::OverRate) => {
                self.counters.over_rate += 1;
                return Ok(forwarded);
            }
            Err(IngestError::NotNeeded) => {
                self.counters.repairs_ended += 1;
                return Ok(forwarded);
            }
        };
        let copied = with_copies(entry, member.participant, datagram, header);
        for (subscriber, highest) in entry.room.subscribers(id) {
            if accepted.temporal > highest.temporal {
                continue;
            }
            if let Some(media) = entry.media.get_mut(&subscriber)
                && media.attached
                && media.subscriber.wants(header, highest)
            {
                forwarded.push(subscriber);
                let datagram = copied
                    .get(&media.subscriber.audio_redundancy())
                    .unwrap_or(datagram);
                media
                    .queue(Side::Downlink)
                    .push(now, accepted.class, datagram.clone());
                self.counters.media_out += 1;
                let to = Member {
                    room: member.room,
                    participant: subscriber,
                };
                self.ready.insert((to, Side::Downlink));
            }
        }
        Ok(forwarded)
    }

    fn on_nack(&mut self, now: Instant, member: Member, bytes: &[u8]) -> Result<(), Rejected> {
        let nack = Nack::parse(bytes)?;
        let Some(media) = self.media(member) else {
            return Ok(());
        };
        let allowed = media.subscriber.nack_allowance(now);
        let mut left = allowed;
        for entry in nack.distinct() {
            self.repeat(now, member, &entry, &mut left);
        }
        let looked_at = allowed - left;
        self.counters.nack_packets += looked_at as u64;
        if let Some(media) = self.media(member) {
            media.subscriber.charge_nack(now, looked_at);
        }
        Ok(())
    }

    fn repeat(&mut self, now: Instant, member: Member, wanted: &NackEntry, left: &mut usize) {
        let Some(entry) = self.rooms.get_mut(&member.room) else {
            return;
        };
        // Only what is subscribed: a NACK is no way around the room's rules.
        let track = wanted.track_id();
        if !entry.room.receives(member.participant, track) {
            return;
        }
        // What went in another layer was not lost; frames that were never sent here may look so.
        let forwarded = entry
            .media
            .get(&member.participant)
            .is_some_and(|media| media.subscriber.forwards(wanted.stream_id()));
        if !forwarded {
            self.counters.not_repeated += 1;
            return;
        }
        let kept: Vec<_> = entry
            .media
            .get(&wanted.sender)
            .into_iter()
            .flat_map(|media| media.publisher.answer(wanted, left))
            .map(|(fragment, datagram)| (fragment, datagram.clone()))
            .collect();
        if kept.is_empty() {
            self.counters.not_repeated += 1;
        }
        let Some(media) = entry.media.get_mut(&member.participant) else {
            return;
        };
        let frame = wanted.frame();
        for (fragment, datagram) in kept {
            let Ok(packet) = MediaPacket::parse(datagram.payload()) else {
                continue;
            };
            let bytes = datagram.payload().len();
            if !media.subscriber.admit_repeat(now, frame, fragment, bytes) {
                self.counters.not_repeated += 1;
                continue;
            }
            let class = match accepted(&packet.header).class {
                Class::KeyFrame(frame) | Class::Picture(frame) => Class::Leavable(frame),
                other => other,
            };
            let mut bytes = datagram.payload().to_vec();
            media::mark_rtx(&mut bytes, None);
            media
                .queue(Side::Downlink)
                .push(now, class, Datagram::copy_of(&bytes));
            self.counters.repeated += 1;
            self.ready.insert((member, Side::Downlink));
        }
    }

    fn on_key_frame_request(
        &mut self,
        now: Instant,
        member: Member,
        bytes: &[u8],
    ) -> Result<(), Rejected> {
        for wanted in KeyFrameRequest::parse(bytes)?.distinct() {
            let Some(entry) = self.rooms.get(&member.room) else {
                break;
            };
            let track = wanted.track_id();
            if !entry.room.receives(member.participant, track) {
                continue;
            }
            self.counters.key_frame_requests += 1;
            let stream = wanted.stream_id();
            let asking = entry.media.get(&member.participant);
            if let Some(need) = asking.and_then(|media| media.subscriber.key_frame_need(stream)) {
                self.want_key_frame(now, member.room, stream, need);
            }
        }
        Ok(())
    }

    fn on_ping(
        &mut self,
        now: Instant,
        member: Member,
        side: Side,
        bytes: &[u8],
    ) -> Result<(), Rejected> {
        let token = Ping::parse(bytes)?.token;
        let mut pong = Vec::new();
        Pong { token }.encode(&mut pong);
        if let Some(media) = self.media(member)
            && media.queue(side).control() < MAX_WAITING_CONTROL
        {
            media
                .queue(side)
                .push(now, Class::Control, Datagram::copy_of(&pong));
            self.ready.insert((member, side));
        }
        Ok(())
    }
}
