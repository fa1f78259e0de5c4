//! Media from one publisher to its subscribers: ingest → forward → protect → choose.
//!
//! The uplink is looked up once, when the datagram comes. Its track names its receivers by their
//! places, so no stage searches, and none makes a list: [`Edge::took`] remembers for the later
//! stages who took the packet.

use smrtc_engine::{
    time::Instant,
    wire::{
        media::{FrameHeader, MediaPacket},
        repair::RepairPacket,
    },
};

use super::{Edge, Member, Shared, Side, datagrams::Rejected, uplink::Uplink};
use crate::{
    counters::Counters,
    forward::{Accepted, Datagram, IngestError, accepted},
};

impl Edge {
    pub(super) fn on_media(
        &mut self,
        now: Instant,
        slot: usize,
        datagram: &Datagram,
        shared: &mut Shared,
    ) -> Result<(), Rejected> {
        let packet = MediaPacket::parse(datagram.payload())?;
        let header = &packet.header;
        let uplink = &mut self.uplinks[slot];
        let kind = uplink.kind(header.track);
        let ingested = uplink.publisher.ingest(now, datagram, &packet, kind);
        let Some(accepted) = count(datagram, ingested, &mut shared.counters)? else {
            return Ok(());
        };
        self.forward(now, slot, datagram, header, accepted, shared);
        self.protect(now, slot, header, packet.fragment_count, shared);
        self.choose_due(now, shared);
        Ok(())
    }

    /// Repair packets of a frame that is not here whole go where the frame goes. They are not kept:
    /// a NACK asks for fragments.
    pub(super) fn on_repair(
        &mut self,
        now: Instant,
        slot: usize,
        datagram: &Datagram,
        shared: &mut Shared,
    ) -> Result<(), Rejected> {
        let packet = RepairPacket::parse(datagram.payload())?;
        let header = &packet.header;
        let uplink = &mut self.uplinks[slot];
        let kind = uplink.kind(header.track);
        let ingested = uplink.publisher.ingest_repair(now, datagram, &packet, kind);
        if let Some(accepted) = count(datagram, ingested, &mut shared.counters)? {
            self.forward(now, slot, datagram, header, accepted, shared);
        }
        Ok(())
    }

    /// Queues a packet for those of the track's receivers whose layers it is of.
    fn forward(
        &mut self,
        now: Instant,
        slot: usize,
        datagram: &Datagram,
        header: &FrameHeader,
        accepted: Accepted,
        shared: &mut Shared,
    ) {
        self.took.clear();
        let uplink = &self.uplinks[slot];
        let track = uplink.tracks.get(&header.track);
        let mut variants = Variants::new(uplink, datagram, header);
        for receiver in track.into_iter().flat_map(|track| &track.receivers) {
            if accepted.temporal > receiver.highest.temporal {
                continue;
            }
            let downlink = &mut self.downlinks[receiver.downlink];
            let subscriber = &mut downlink.subscriber;
            if !downlink.is_attached || !subscriber.wants(header, receiver.highest) {
                continue;
            }
            let datagram = variants.for_path(|| subscriber.audio_redundancy());
            subscriber.queue.push(now, accepted.class, datagram);
            shared.counters.media_out += 1;
            let member = Member {
                room: self.room,
                participant: receiver.participant,
            };
            let flag = &mut downlink.is_ready;
            shared.outputs.ready(flag, member, Side::Downlink);
            self.took.push(receiver.downlink);
        }
    }

    /// Makes the repair packets for a frame that has just become whole here, for those who took its
    /// last packet.
    fn protect(
        &mut self,
        now: Instant,
        slot: usize,
        header: &FrameHeader,
        fragment_count: u16,
        shared: &mut Shared,
    ) {
        let downlinks = &mut self.downlinks;
        let needs = |at: &usize| downlinks[*at].subscriber.needs_protection();
        if header.media_kind.is_audio() || !self.took.iter().any(needs) {
            return;
        }
        let publisher = &self.uplinks[slot].publisher;
        let Some(mut frame) = publisher.whole_frame(header, fragment_count) else {
            return;
        };
        let class = accepted(header).class;
        for at in &self.took {
            let subscriber = &mut downlinks[*at].subscriber;
            let made = subscriber.protect(now, class, header.key, &mut frame);
            shared.counters.repairs_made += made;
        }
    }

    /// Chooses layers anew for those who took the packet and for whom it is time.
    fn choose_due(&mut self, now: Instant, shared: &mut Shared) {
        for index in 0..self.took.len() {
            let slot = self.took[index];
            if self.downlinks[slot].subscriber.is_due(now) {
                self.choose(now, slot, shared);
            }
        }
    }
}

/// Counts what became of a packet; `None` if it goes no further.
fn count(
    datagram: &Datagram,
    ingested: Result<Accepted, IngestError>,
    counters: &mut Counters,
) -> Result<Option<Accepted>, Rejected> {
    counters.media_in += 1;
    counters.media_in_bytes += datagram.payload().len() as u64;
    match ingested {
        Ok(accepted) => return Ok(Some(accepted)),
        Err(IngestError::ForeignSender) => {
            counters.foreign_senders += 1;
            return Err(Rejected::Malformed);
        }
        Err(IngestError::NotPublished) => counters.unpublished += 1,
        Err(IngestError::Duplicate) => counters.duplicates += 1,
        Err(IngestError::OverRate) => counters.over_rate += 1,
        Err(IngestError::NotNeeded) => counters.repairs_ended += 1,
    }
    Ok(None)
}

/// One packet as it goes over different paths: audio with more earlier frames in it where more gets
/// lost.
struct Variants<'a> {
    uplink: &'a Uplink,
    datagram: &'a Datagram,
    is_audio: bool,
    track: u8,
    /// Made so far, by how many earlier frames were asked for.
    made: Vec<(usize, Datagram)>,
}

impl<'a> Variants<'a> {
    fn new(uplink: &'a Uplink, datagram: &'a Datagram, header: &FrameHeader) -> Self {
        Self {
            uplink,
            datagram,
            is_audio: header.media_kind.is_audio(),
            track: header.track,
            made: Vec::new(),
        }
    }

    /// The packet for a path that needs this many earlier frames of audio.
    fn for_path(&mut self, needed: impl FnOnce() -> usize) -> Datagram {
        let count = if self.is_audio { needed() } else { 0 };
        if count == 0 {
            return self.datagram.clone();
        }
        if let Some((_, datagram)) = self.made.iter().find(|(of, _)| *of == count) {
            return datagram.clone();
        }
        let publisher = &self.uplink.publisher;
        let made = publisher.with_redundancy(self.track, self.datagram, count);
        let datagram = made.unwrap_or_else(|| self.datagram.clone());
        self.made.push((count, datagram.clone()));
        datagram
    }
}
