//! A host for the tests of the downlink.

use std::time::Duration;

use crate::ids::TrackId;
use crate::recv::{
    Downlink, DownlinkConfig, DownlinkEvent, DownlinkInput, DownlinkOutput, OpenFailure,
};
use crate::stats::InboundStats;
use crate::testing::{SENDER, packet};
use crate::time::Instant;
use crate::wire::media::{FrameHeader, MediaKind, MediaPacket};
use crate::wire::nack::Nack;
use crate::wire::ping::{Ping, Pong};
use crate::wire::{self, Kind};

pub(super) const START: Instant = Instant::from_millis(1_000);
pub(super) const VIDEO: u8 = 1;
pub(super) const AUDIO: u8 = 0;

pub(super) fn at(millis: u64) -> Instant {
    START + Duration::from_millis(millis)
}

/// When frame `n` of 30 per second comes.
pub(super) fn frame_at(n: u32) -> Instant {
    START + Duration::from_micros(33_333) * n
}

/// A host that opens whatever begins with `s` and takes every output at once.
pub(super) struct Host {
    pub(super) downlink: Downlink,
    pub(super) now: Instant,
    pub(super) next: Instant,
    pub(super) seq: u16,
    pub(super) video: Vec<(u32, Instant, Instant)>,
    /// Frame ids of the audio, and how many copies were said to go with it.
    pub(super) audio: Vec<(u32, u8)>,
    pub(super) events: Vec<DownlinkEvent>,
    pub(super) nacked: Vec<(u32, Option<u16>)>,
    pub(super) requests: Vec<Instant>,
    pub(super) opened: usize,
}

impl Host {
    pub(super) fn new() -> Self {
        let mut downlink = Downlink::new(DownlinkConfig::default(), 1);
        downlink.add_track(TrackId::new(SENDER, VIDEO), MediaKind::Video);
        downlink.add_track(TrackId::new(SENDER, AUDIO), MediaKind::Audio);
        Self {
            downlink,
            now: START,
            next: START,
            seq: 0,
            video: Vec::new(),
            audio: Vec::new(),
            events: Vec::new(),
            nacked: Vec::new(),
            requests: Vec::new(),
            opened: 0,
        }
    }

    pub(super) fn input(&mut self, input: DownlinkInput<'_>) {
        self.downlink.handle_input(self.now, input);
        loop {
            match self.downlink.poll_output() {
                DownlinkOutput::Transmit(datagram) => self.on_transmit(&datagram),
                DownlinkOutput::Sealed { header, frame } => {
                    self.opened += 1;
                    let input = if frame.starts_with(b"s") {
                        DownlinkInput::Opened {
                            header,
                            plaintext: frame,
                        }
                    } else {
                        DownlinkInput::OpenFailed {
                            header,
                            reason: OpenFailure::Authentication,
                        }
                    };
                    self.downlink.handle_input(self.now, input);
                }
                DownlinkOutput::Audio { header, copies, .. } => {
                    self.audio.push((header.frame_id, copies));
                }
                DownlinkOutput::Video {
                    header, render_at, ..
                } => {
                    assert!(render_at >= self.now);
                    self.video.push((header.frame_id, self.now, render_at));
                }
                DownlinkOutput::Event(event) => self.events.push(event),
                DownlinkOutput::Timeout(next) => {
                    self.next = next;
                    return;
                }
            }
        }
    }

    pub(super) fn on_transmit(&mut self, datagram: &[u8]) {
        match wire::kind(datagram).unwrap() {
            Kind::Ping => {
                let mut pong = Vec::new();
                Pong {
                    token: Ping::parse(datagram).unwrap().token,
                }
                .encode(&mut pong);
                self.downlink
                    .handle_input(self.now, DownlinkInput::Datagram(&pong));
            }
            Kind::Nack => {
                for entry in Nack::parse(datagram).unwrap().entries() {
                    if entry.is_whole_frame() {
                        self.nacked.push((entry.frame_id, None));
                    }
                    self.nacked.extend(
                        entry
                            .fragments()
                            .map(|fragment| (entry.frame_id, Some(fragment))),
                    );
                }
            }
            Kind::KeyFrameRequest => self.requests.push(self.now),
            _ => {}
        }
    }

    /// Lets time pass; every timeout must lie in the future once it was served.
    pub(super) fn run_to(&mut self, until: Instant) {
        while self.next <= until {
            self.now = self.now.max(self.next);
            self.input(DownlinkInput::Timeout);
            assert!(
                self.next > self.now,
                "a timeout that is served and still due"
            );
        }
        self.now = until;
    }

    pub(super) fn receive(&mut self, now: Instant, header: FrameHeader, index: u16, count: u16) {
        self.receive_payload(now, header, index, count, b"s");
    }

    pub(super) fn receive_payload(
        &mut self,
        now: Instant,
        header: FrameHeader,
        index: u16,
        count: u16,
        payload: &[u8],
    ) {
        self.run_to(now);
        self.seq = self.seq.wrapping_add(1);
        let mut datagram = Vec::new();
        MediaPacket {
            transport_seq: self.seq,
            ..packet(header, index, count, payload)
        }
        .encode(&mut datagram);
        self.input(DownlinkInput::Datagram(&datagram));
    }

    pub(super) fn shown(&self) -> Vec<u32> {
        self.video.iter().map(|&(frame_id, ..)| frame_id).collect()
    }

    pub(super) fn stats(&self, track: u8) -> InboundStats {
        let stats = self.downlink.stats(self.now);
        let inbound = stats
            .inbound
            .into_iter()
            .find(|stats| stats.track == track)
            .unwrap();
        let accounted = inbound.frames_delivered + inbound.frames_dropped + inbound.frames_pending;
        assert_eq!(inbound.frames_seen, accounted, "{inbound:#?}");
        inbound
    }
}
