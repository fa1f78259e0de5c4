//! The way of a packet and of a frame through the stages.

use super::opening_frames::Arrivals;
use super::{Downlink, DownlinkEvent, DownlinkOutput};
use crate::ids::TrackId;
use crate::recv::{Assembled, BufferedFrame, DecryptChange, Inserted, OpenFailure};
use crate::stats::{DropReason, seconds};
use crate::time::Instant;
use crate::wire::media::{FrameHeader, HEADER_BYTES, MediaPacket};
use crate::wire::redundancy::RedundantFrames;
use crate::wire::repair::RepairPacket;

impl Downlink {
    pub(super) fn on_media(
        &mut self,
        now: Instant,
        packet: &MediaPacket<'_>,
        copies: RedundantFrames<'_>,
    ) {
        let header = packet.header;
        // Also for tracks that were not subscribed: the sender's controller counts every packet.
        self.feedback
            .on_packet(now, header.sender, packet.transport_seq);
        let track = self.tracks.get_mut(&header.track_id());
        let Some(track) =
            track.filter(|track| track.kind.is_audio() == header.media_kind.is_audio())
        else {
            self.transport.unexpected_packets_received += 1;
            return;
        };
        if !packet.rtx {
            let oldest = copies
                .last()
                .map_or(header.frame_id, |(copy, _)| copy.frame_id);
            track.copies = u8::try_from(header.frame_id.wrapping_sub(oldest)).unwrap_or(u8::MAX);
        }
        self.nack.on_packet(now, packet);
        let inserted = self.reassembler.insert(now, packet);
        let counters = &mut track.counters;
        if matches!(
            inserted,
            Inserted::Duplicate | Inserted::Contradiction | Inserted::Refused
        ) {
            counters.duplicate_packets_received += 1;
            self.count_given_up();
            return;
        }
        let payload = packet.payload.len() as u64;
        counters.packets_received += 1;
        counters.bytes_received += payload;
        counters.header_bytes_received += HEADER_BYTES as u64;
        if packet.rtx {
            counters.retransmitted_packets_received += 1;
            counters.retransmitted_bytes_received += payload;
        }
        if packet.fragment_count == 1 || inserted == Inserted::First {
            track.on_first_packet(now, header.media_time);
        }
        if let Some(video) = &mut track.video {
            video.on_packet(now, &header, self.rtt.rtt());
        }
        if let Inserted::Complete(frame) = inserted {
            self.on_assembled(frame);
        }
        self.count_given_up();
    }

    /// Takes in the earlier frames that a packet of audio carries, after the packet itself: so who
    /// plays them sees that they were lost and are late.
    pub(super) fn on_redundancy(
        &mut self,
        now: Instant,
        packet: &MediaPacket<'_>,
        copies: RedundantFrames<'_>,
    ) {
        for (header, payload) in copies {
            let Some(track) = self.tracks.get_mut(&header.track_id()) else {
                return;
            };
            if !track.kind.is_audio() {
                return;
            }
            let copy = MediaPacket {
                // It came by another way than its own packet would, and says nothing of reordering.
                rtx: true,
                header,
                metadata: header.metadata(),
                payload,
                ..*packet
            };
            track.counters.fec_packets_received += 1;
            track.counters.fec_bytes_received += payload.len() as u64;
            if let Inserted::Complete(frame) = self.reassembler.insert(now, &copy) {
                track.counters.frames_seen += 1;
                track.counters.frames_recovered += 1;
                self.nack.on_packet(now, &copy);
                self.on_assembled(frame);
            } else {
                track.counters.fec_packets_discarded += 1;
            }
        }
    }

    pub(super) fn on_repair(&mut self, now: Instant, packet: &RepairPacket<'_>) {
        let header = packet.header;
        self.feedback
            .on_packet(now, packet.reported_sender(), packet.transport_seq);
        let track = self.tracks.get_mut(&header.track_id());
        let Some(track) =
            track.filter(|track| track.kind.is_audio() == header.media_kind.is_audio())
        else {
            self.transport.unexpected_packets_received += 1;
            return;
        };
        self.nack.on_repair(now, packet);
        let inserted = self.reassembler.insert_repair(now, packet);
        let counters = &mut track.counters;
        counters.fec_packets_received += 1;
        counters.fec_bytes_received += packet.payload.len() as u64;
        if matches!(
            inserted,
            Inserted::Duplicate | Inserted::Contradiction | Inserted::Refused
        ) {
            counters.fec_packets_discarded += 1;
            self.count_given_up();
            return;
        }
        if packet.fragment_count == 1 || inserted == Inserted::First {
            track.on_first_packet(now, header.media_time);
        }
        if let Some(video) = &mut track.video {
            video.on_packet(now, &header, self.rtt.rtt());
        }
        if let Inserted::Complete(frame) = inserted {
            self.on_assembled(frame);
        }
        self.count_given_up();
    }

    fn on_assembled(&mut self, assembled: Assembled) {
        let header = assembled.header;
        let Some(track) = self.tracks.get_mut(&header.track_id()) else {
            return;
        };
        track.counters.frames_received += 1;
        track.counters.frames_recovered += u64::from(assembled.recovered > 0);
        self.nack.on_complete(header.stream_id(), header.frame_id);
        if assembled.packets > 1 {
            track.counters.frames_assembled_from_multiple_packets += 1;
            track.counters.total_assembly_time +=
                seconds(assembled.last_arrival - assembled.first_arrival);
        }
        if track
            .video
            .as_ref()
            .is_some_and(|video| video.is_late(&header))
        {
            self.drop_frame(header, DropReason::Late);
            return;
        }
        let arrivals = Arrivals {
            first: assembled.first_arrival,
            last: assembled.last_arrival,
        };
        if self.opening.insert(header.id(), arrivals) {
            self.drop_frame(header, DropReason::Late);
        }
        while let Some(oldest) = self.opening.pop_excess() {
            let header = FrameHeader {
                sender: oldest.stream.sender,
                track: oldest.stream.track,
                spatial: oldest.stream.spatial,
                frame_id: oldest.number,
                ..header
            };
            self.drop_frame(header, DropReason::Overflow);
        }
        self.outputs.push_back(DownlinkOutput::Sealed {
            header,
            frame: assembled.frame,
        });
    }

    pub(super) fn on_opened(&mut self, now: Instant, header: FrameHeader, plaintext: Vec<u8>) {
        // Not one of ours, or its track is gone.
        let Some(arrivals) = self.opening.take(header.id()) else {
            return;
        };
        let Some(track) = self.tracks.get_mut(&header.track_id()) else {
            return;
        };
        let change = self
            .participants
            .get_mut(&header.sender)
            .and_then(|participant| participant.decrypt.on_opened());
        if let Some(video) = &mut track.video {
            video.insert(
                BufferedFrame {
                    header,
                    data: plaintext,
                    first_arrival: arrivals.first,
                    inserted: now,
                },
                arrivals.last,
            );
        } else {
            track.counters.frames_delivered += 1;
            self.outputs.push_back(DownlinkOutput::Audio {
                header,
                copies: track.copies,
                opus: plaintext,
            });
        }
        self.tell_decrypt(header.sender, change);
        self.drive_video(now, header.track_id());
    }

    pub(super) fn on_open_failed(
        &mut self,
        now: Instant,
        header: FrameHeader,
        reason: OpenFailure,
    ) {
        if self.opening.take(header.id()).is_none() {
            return;
        }
        let participant = self.participants.get_mut(&header.sender);
        let change = participant.and_then(|participant| participant.decrypt.on_failed(now, reason));
        let track = self.tracks.get_mut(&header.track_id());
        if let Some(video) = track.and_then(|track| track.video.as_mut()) {
            video.on_lost(&header);
        }
        self.drop_frame(header, DropReason::NotOpened);
        self.tell_decrypt(header.sender, change);
        self.drive_video(now, header.track_id());
    }

    pub(super) fn on_decode_failed(&mut self, now: Instant, id: TrackId) {
        if let Some(video) = self
            .tracks
            .get_mut(&id)
            .and_then(|track| track.video.as_mut())
        {
            video.on_decode_failed();
        }
        self.drive_video(now, id);
    }

    /// Hands on what can be, and asks for a key frame if nothing else helps.
    pub(super) fn drive_video(&mut self, now: Instant, id: TrackId) {
        while self.hand_on_video(now, id) {}
        let rtt = self.rtt.rtt();
        let may_request = self.may_request(id.sender);
        let Some(track) = self.tracks.get_mut(&id) else {
            return;
        };
        let Some(video) = &mut track.video else {
            return;
        };
        let dropped = video.take_dropped();
        let request = if may_request {
            video.poll_key_frame_request(now, rtt)
        } else {
            None
        };
        if !track.paused && video.freeze.poll(now) {
            let event = DownlinkEvent::StreamStalled { track: id };
            self.outputs.push_back(DownlinkOutput::Event(event));
        }
        for (header, reason) in dropped {
            self.drop_frame(header, reason);
        }
        if let Some(spatial) = request {
            self.request_key_frame(id.stream(spatial));
        }
    }

    fn hand_on_video(&mut self, now: Instant, id: TrackId) -> bool {
        let Some(participant) = self.participants.get(&id.sender) else {
            return false;
        };
        let Some(track) = self.tracks.get_mut(&id) else {
            return false;
        };
        let Some(video) = &mut track.video else {
            return false;
        };
        let (reassembler, opening) = (&self.reassembler, &self.opening);
        let expected = |spatial| {
            let stream = id.stream(spatial);
            let opening = opening.of_stream(stream);
            reassembler.unfinished(stream).chain(opening).collect()
        };
        let Some((frame, render_at)) = video.poll(now, &participant.clock, &expected) else {
            return false;
        };
        let header = frame.header;
        if !track.paused
            && let Some(frozen) = video.freeze.on_shown(render_at)
        {
            let event = DownlinkEvent::StreamResumed { track: id, frozen };
            self.outputs.push_back(DownlinkOutput::Event(event));
        }
        track.on_video(header.key, header.spatial, frame.first_arrival, render_at);
        // Nothing before it is of use any more.
        let stream = header.stream_id();
        self.nack.give_up_before(stream, header.frame_id);
        self.reassembler.give_up_before(stream, header.frame_id);
        self.outputs.push_back(DownlinkOutput::Video {
            header,
            frame: frame.data,
            render_at,
        });
        self.count_given_up();
        true
    }

    pub(super) fn count_given_up(&mut self) {
        for frame in self.reassembler.take_given_up() {
            let reason = if frame.overflow {
                DropReason::Overflow
            } else {
                DropReason::Incomplete
            };
            self.drop_frame(frame.header, reason);
        }
    }

    pub(super) fn drop_frame(&mut self, header: FrameHeader, reason: DropReason) {
        let Some(track) = self.tracks.get_mut(&header.track_id()) else {
            return;
        };
        track.counters.dropped.add(reason);
        self.outputs
            .push_back(DownlinkOutput::Event(DownlinkEvent::FrameDropped {
                header,
                reason,
            }));
    }

    pub(super) fn tell_decrypt(&mut self, sender: u32, change: Option<DecryptChange>) {
        let event = match change {
            Some(DecryptChange::CannotDecrypt) => DownlinkEvent::CannotDecrypt { sender },
            Some(DecryptChange::Ok) => DownlinkEvent::DecryptOk { sender },
            None => return,
        };
        self.outputs.push_back(DownlinkOutput::Event(event));
    }
}
