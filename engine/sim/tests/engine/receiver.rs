//! Who receives: a gateway's half of a hop, made of the parts a gateway uses.

use std::collections::VecDeque;

use smrtc_engine::Instant;
use smrtc_engine::path::{
    FeedbackCollector, FeedbackConfig, NackConfig, NackTracker, RttEstimator,
};
use smrtc_engine::recv::{Assembled, Inserted, Reassembler, ReassemblerConfig};
use smrtc_engine::wire::media::MediaPacket;
use smrtc_engine::wire::ping::{Ping, Pong};
use smrtc_engine::wire::repair::RepairPacket;
use smrtc_engine::wire::{self, Kind};

#[derive(Debug)]
pub(crate) struct Hop {
    feedback: FeedbackCollector,
    nack: NackTracker,
    reassembler: Reassembler,
    rtt: RttEstimator,
    out: VecDeque<Vec<u8>>,
    pub(crate) assembled: Vec<Assembled>,
    pub(crate) packets: u64,
    pub(crate) repeated: u64,
}

impl Hop {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            feedback: FeedbackCollector::new(FeedbackConfig::default()),
            nack: NackTracker::new(NackConfig::default()),
            reassembler: Reassembler::new(ReassemblerConfig::default()),
            rtt: RttEstimator::new(seed),
            out: VecDeque::new(),
            assembled: Vec::new(),
            packets: 0,
            repeated: 0,
        }
    }

    pub(crate) fn on_datagram(&mut self, now: Instant, bytes: &[u8]) {
        match wire::kind(bytes).expect("only the uplink sends") {
            Kind::Media => {
                let packet = MediaPacket::parse(bytes).expect("only the uplink sends");
                self.packets += 1;
                self.repeated += u64::from(packet.rtx);
                self.feedback
                    .on_packet(now, packet.header.sender, packet.transport_seq);
                self.nack.on_packet(now, &packet);
                if let Inserted::Complete(frame) = self.reassembler.insert(now, &packet) {
                    self.assembled.push(frame);
                }
            }
            Kind::Repair => {
                let packet = RepairPacket::parse(bytes).expect("only the uplink sends");
                self.packets += 1;
                self.feedback
                    .on_packet(now, packet.header.sender, packet.transport_seq);
                self.nack.on_repair(now, &packet);
                if let Inserted::Complete(frame) = self.reassembler.insert_repair(now, &packet) {
                    self.assembled.push(frame);
                }
            }
            Kind::Ping => {
                let token = Ping::parse(bytes).expect("only the uplink sends").token;
                let mut pong = Vec::new();
                Pong { token }.encode(&mut pong);
                self.out.push_back(pong);
            }
            Kind::Pong => self.rtt.on_pong(
                now,
                Pong::parse(bytes).expect("only the uplink sends").token,
            ),
            other => panic!("an uplink does not send {other:?}"),
        }
    }

    /// What it sends at `now`.
    pub(crate) fn poll(&mut self, now: Instant) -> Option<Vec<u8>> {
        self.nack.set_rtt(self.rtt.rtt());
        if let Some(token) = self.rtt.poll(now) {
            let mut ping = Vec::new();
            Ping { token }.encode(&mut ping);
            self.out.push_back(ping);
        }
        self.out
            .pop_front()
            .or_else(|| self.nack.poll(now))
            .or_else(|| self.feedback.poll(now))
    }

    pub(crate) fn next_timeout(&self) -> Instant {
        let due = [
            self.nack.next_timeout(),
            self.feedback.next_timeout(),
            Some(self.rtt.next_timeout()),
        ];
        due.into_iter()
            .flatten()
            .min()
            .unwrap_or(Instant::FAR_FUTURE)
    }
}
