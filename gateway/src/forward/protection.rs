//! Repair packets of the gateway's own: each subscriber's path gets as many as it needs.
//!
//! Made on ciphertext, as the publisher's are. Those speak for the path from the publisher and end here, unless the gateway itself
//! lacks a fragment of their frame.

use std::time::Duration;

use smrtc_engine::{
    cc::PathEstimate,
    fec::{Blocks, Code, Protection, repair_packets},
    time::Instant,
    wire::{
        media::{FrameHeader, MediaPacket},
        repair::{MAX_REPAIRED_BYTES, RepairPacket},
    },
};

use super::Datagram;

/// As the engine's uplink: loss is believed quickly when it rises and slowly when it falls.
const RISE_SECONDS: f64 = 0.3;
const FALL_SECONDS: f64 = 4.0;
/// Below this [`repair_packets`] asks for none.
const LOSS_NOTICED: f64 = 0.008;
/// The share of the newest frame in the mean overhead.
const OVERHEAD_GAIN: f64 = 0.1;

/// What a subscriber's path needs.
#[derive(Debug)]
pub(super) struct PathProtection {
    loss: f64,
    burst: f64,
    rtt: Duration,
    updated: Instant,
    /// Bytes of repair packets over those of the frames they are for.
    overhead: f64,
}

impl PathProtection {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            loss: 0.0,
            burst: 1.0,
            rtt: Duration::ZERO,
            updated: now,
            overhead: 0.0,
        }
    }

    /// Takes in what is known of the path now.
    pub(super) fn on_path(&mut self, now: Instant, path: &PathEstimate, rtt: Duration) {
        let elapsed = (now - self.updated).as_secs_f64().min(1.0);
        self.updated = now;
        let time = if path.random_loss > self.loss {
            RISE_SECONDS
        } else {
            FALL_SECONDS
        };
        self.loss += (path.random_loss - self.loss) * (1.0 - (-elapsed / time).exp());
        self.burst = path.burst.max(1.0);
        self.rtt = path.rtt.unwrap_or(rtt);
    }

    /// How many repair packets a frame of `fragments` packets needs on this path.
    pub(super) fn wanted(&mut self, fragments: u16, key: bool) -> u16 {
        let wanted = repair_packets(
            fragments,
            Protection {
                loss: self.loss,
                burst: self.burst,
                rtt: self.rtt,
                key,
            },
        );
        if !key {
            let overhead = f64::from(wanted) / f64::from(fragments.max(1));
            self.overhead += (overhead - self.overhead) * OVERHEAD_GAIN;
        }
        wanted
    }

    /// Whether the path loses enough for any repair packet.
    pub(super) fn is_needed(&self) -> bool {
        self.loss >= LOSS_NOTICED
    }

    /// Bytes of repair packets for each byte of a picture, on average.
    pub(super) fn overhead(&self) -> f64 {
        self.overhead
    }
}

/// A frame that is here whole, and the sums of its fragments made so far: subscribers share them.
#[derive(Debug)]
pub struct WholeFrame {
    header: FrameHeader,
    /// Each with where its payload begins.
    fragments: Vec<(Datagram, usize)>,
    sums: Vec<Vec<u8>>,
}

impl WholeFrame {
    /// `None` if its fragments are too long to be summed within a datagram, or are no frame.
    pub(super) fn new(header: FrameHeader, fragments: Vec<Datagram>) -> Option<Self> {
        let placed = fragments.into_iter().map(|datagram| {
            let payload = MediaPacket::parse(datagram.payload()).ok()?.payload.len();
            let begin = datagram.payload().len() - payload;
            Some((datagram, begin))
        });
        let frame = Self {
            header,
            fragments: placed.collect::<Option<_>>()?,
            sums: Vec::new(),
        };
        let length = frame.fragments.first().map(|_| frame.payload(0).len())?;
        // Longer ones first, and by one byte only: what else a publisher may send cannot be told of in a repair packet.
        let lengths: Vec<usize> = (0..frame.fragments.len())
            .map(|fragment| frame.payload(fragment).len())
            .collect();
        let even = lengths.is_sorted_by(|a, b| a >= b) && lengths.iter().all(|of| of + 1 >= length);
        (length <= MAX_REPAIRED_BYTES && even).then_some(frame)
    }

    /// How many packets the frame has.
    #[must_use]
    pub fn fragments(&self) -> u16 {
        u16::try_from(self.fragments.len()).unwrap_or(u16::MAX)
    }

    /// Bytes of one repair packet, about.
    pub(super) fn packet_bytes(&self) -> usize {
        self.fragments
            .first()
            .map_or(0, |(first, _)| first.payload().len())
    }

    /// The most repair packets there are.
    pub(super) fn max_repairs(&self) -> u16 {
        u16::try_from(Blocks::new(self.fragments()).max_repairs()).unwrap_or(u16::MAX)
    }

    /// Repair packet `index` of `count`, numbered for one subscriber.
    pub(super) fn repair(&mut self, index: u16, count: u16, transport_seq: u16) -> Datagram {
        while self.sums.len() <= usize::from(index) {
            let next = u16::try_from(self.sums.len()).unwrap_or(u16::MAX);
            self.sums.push(self.sum(next));
        }
        let length = self.payload(0).len();
        let long = (0..self.fragments.len())
            .filter(|&fragment| self.payload(fragment).len() == length)
            .count();
        let mut datagram = Vec::new();
        RepairPacket {
            hop: true,
            transport_seq,
            repair_index: index,
            fragment_count: self.fragments(),
            header: self.header,
            metadata: self.header.metadata(),
            long_fragments: u16::try_from(long).unwrap_or(u16::MAX),
            repair_count: count,
            payload: &self.sums[usize::from(index)],
        }
        .encode(&mut datagram);
        Datagram::copy_of(&datagram)
    }

    fn sum(&self, index: u16) -> Vec<u8> {
        let blocks = Blocks::new(self.fragments());
        let (block, row) = blocks.place(index);
        let fragments = blocks.fragments(block);
        let code = Code {
            fragments: fragments.len(),
            length: self.payload(0).len(),
        };
        code.repair(fragments.map(|fragment| self.payload(fragment)), row)
    }

    fn payload(&self, fragment: usize) -> &[u8] {
        let (datagram, begin) = &self.fragments[fragment];
        &datagram.payload()[*begin..]
    }
}
