//! The ways to the subscribers: reports, layers, repair packets.

use std::collections::BTreeMap;

use smrtc_engine::{
    TrackId,
    control::v1::MediaKind,
    time::{Bitrate, Instant},
    wire::{feedback::Feedback, media::FrameHeader},
};

use super::{Entry, Hub, Member, RoomKey, Side, datagrams::Rejected};
use crate::{
    forward::{Datagram, Need, Point, accepted},
    room::ParticipantId,
};

impl Hub {
    pub(super) fn on_feedback(
        &mut self,
        now: Instant,
        member: Member,
        bytes: &[u8],
    ) -> Result<(), Rejected> {
        let feedback = Feedback::parse(bytes)?;
        self.counters.reports += 1;
        if let Some(media) = self.media(member) {
            media.subscriber.on_feedback(now, &feedback);
        }
        self.tick_due(now, member.room, &[member.participant]);
        Ok(())
    }

    /// When a downlink has something to send that it holds back now.
    #[must_use]
    pub fn next_send(&self, member: Member) -> Instant {
        self.rooms
            .get(&member.room)
            .and_then(|entry| entry.media.get(&member.participant))
            .map_or(Instant::FAR_FUTURE, |media| media.subscriber.next_send())
    }

    /// Lets go of what a downlink has held back. Call when [`Self::next_send`] has passed.
    pub fn send_due(&mut self, member: Member) {
        if let Some(media) = self.media(member) {
            media.armed = false;
            if !media.subscriber.queue.is_empty() {
                self.ready.insert((member, Side::Downlink));
            }
        }
    }

    /// The rate that a downlink's path bears, once its subscriber has reported.
    #[must_use]
    pub fn downlink_rate(&self, member: Member) -> Option<Bitrate> {
        let entry = self.rooms.get(&member.room)?;
        entry.media.get(&member.participant)?.subscriber.target()
    }

    /// How often the layers of a member's tracks were changed.
    #[must_use]
    pub fn layer_switches(&self, member: Member) -> u64 {
        self.rooms
            .get(&member.room)
            .and_then(|entry| entry.media.get(&member.participant))
            .map_or(0, |media| media.subscriber.switches())
    }

    /// A subscriber can start with a key frame only; asking now saves the round trip in which it
    /// would find out.
    pub(super) fn begin_track(&mut self, now: Instant, member: Member, track: TrackId) {
        self.tick(now, member);
        let spatial = self
            .media(member)
            .map_or(0, |media| media.subscriber.spatial(track));
        let stream = track.stream(spatial);
        self.want_key_frame(now, member.room, stream, Need::Urgent);
    }

    /// Other layers of a track that is received already may be forwarded from now on. The picture
    /// goes on until one of them begins.
    pub(super) fn change_track(&mut self, now: Instant, member: Member, track: TrackId) {
        if let Some(media) = self.media(member) {
            media.subscriber.choose_anew(track);
        }
        self.tick(now, member);
    }

    /// Chooses layers anew for those among `participants` for whom it is time.
    pub(super) fn tick_due(&mut self, now: Instant, room: RoomKey, participants: &[ParticipantId]) {
        for &participant in participants {
            let member = Member { room, participant };
            if self
                .media(member)
                .is_some_and(|media| media.subscriber.is_due(now))
            {
                self.tick(now, member);
            }
        }
    }

    fn tick(&mut self, now: Instant, member: Member) {
        let Some(entry) = self.rooms.get_mut(&member.room) else {
            return;
        };
        let mut audio = Bitrate::ZERO;
        let mut pictures: BTreeMap<TrackId, Vec<Point>> = BTreeMap::new();
        for (track, max) in entry.room.subscriptions(member.participant) {
            let Some(media) = entry.media.get(&track.sender) else {
                continue;
            };
            let is_audio = entry
                .room
                .track(track)
                .is_some_and(|track| track.kind == MediaKind::Audio as i32);
            let rates = media.publisher.rates();
            if is_audio {
                audio = audio + rates.track(now, track.number);
            } else {
                let mut points = rates.points(now, track.number);
                points
                    .retain(|point| point.spatial <= max.spatial && point.temporal <= max.temporal);
                pictures.insert(track, points);
            }
        }
        let Some(media) = entry.media.get_mut(&member.participant) else {
            return;
        };
        let before = media.subscriber.switches();
        let wanted = media.subscriber.tick(now, audio, &pictures);
        self.counters.layer_switches += media.subscriber.switches() - before;
        for (stream, need) in wanted {
            self.want_key_frame(now, member.room, stream, need);
        }
    }

    /// Makes the repair packets for a frame that has just become whole here, for those it went to.
    pub(super) fn protect(
        &mut self,
        now: Instant,
        publisher: Member,
        header: &FrameHeader,
        fragment_count: u16,
        forwarded: &[ParticipantId],
    ) {
        if header.media_kind.is_audio() {
            return;
        }
        let Some(entry) = self.rooms.get_mut(&publisher.room) else {
            return;
        };
        let needs = |id: &&ParticipantId| {
            let media = entry.media.get(id);
            media.is_some_and(|media| media.subscriber.needs_protection())
        };
        if forwarded.iter().find(needs).is_none() {
            return;
        }
        let frame = entry
            .media
            .get(&publisher.participant)
            .and_then(|media| media.publisher.whole_frame(header, fragment_count));
        let Some(mut frame) = frame else {
            return;
        };
        let class = accepted(header).class;
        for subscriber in forwarded {
            if let Some(media) = entry.media.get_mut(subscriber) {
                let made = media.subscriber.protect(now, class, header.key, &mut frame);
                self.counters.repairs_made += made;
            }
        }
    }
}

/// A packet of audio as it goes over paths that lose more than the publisher's, by how many copies
/// of earlier frames they need.
pub(super) fn with_copies(
    entry: &Entry,
    publisher: ParticipantId,
    datagram: &Datagram,
    header: &FrameHeader,
) -> BTreeMap<usize, Datagram> {
    let mut copied = BTreeMap::new();
    let publisher = entry.media.get(&publisher);
    let (Some(publisher), true) = (publisher, header.media_kind.is_audio()) else {
        return copied;
    };
    for (subscriber, _) in entry.room.subscribers(header.track_id()) {
        let media = entry.media.get(&subscriber);
        let count = media.map_or(0, |media| media.subscriber.audio_redundancy());
        if count > 0 && !copied.contains_key(&count) {
            let made = publisher
                .publisher
                .with_copies(header.track, datagram, count);
            copied.insert(count, made.unwrap_or_else(|| datagram.clone()));
        }
    }
    copied
}
