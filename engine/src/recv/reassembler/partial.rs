//! One frame whose fragments are still coming.

use super::Assembled;
use crate::fec::{BlockCode, Blocks};
use crate::time::Instant;
use crate::wire::media::{FrameHeader, MediaPacket};
use crate::wire::repair::RepairPacket;

/// Memory that an unfinished frame and one packet take beside the payload, rounded up.
pub(super) const FRAME_COST: usize = 256;
pub(super) const FRAGMENT_COST: usize = size_of::<Part>();

/// Payloads in order of arrival, and where each fragment lies. Fragments nearly always come in
/// order, and then the frame needs no second copy.
#[derive(Debug)]
pub(super) struct Partial {
    pub(super) header: FrameHeader,
    pub(super) count: u16,
    pub(super) begun: u64,
    pub(super) cost: usize,
    data: Vec<u8>,
    parts: Vec<Part>,
    repairs: Vec<Part>,
    /// What repair packets say of the fragments: the length of the longer ones, and how many those
    /// are.
    shape: Option<(usize, u16)>,
    pub(super) first_arrival: Instant,
    pub(super) last_arrival: Instant,
}

#[derive(Clone, Copy, Debug)]
struct Part {
    index: u16,
    length: u16,
    offset: u32,
}

pub(super) enum Check {
    New,
    Held,
    Contradicts,
}

impl Partial {
    pub(super) fn new(now: Instant, begun: u64, header: FrameHeader, count: u16) -> Self {
        Self {
            header,
            count,
            begun,
            cost: 0,
            data: Vec::new(),
            parts: Vec::new(),
            repairs: Vec::new(),
            shape: None,
            first_arrival: now,
            last_arrival: now,
        }
    }

    /// Fragments have equal sizes, give or take one byte, the larger ones first (WIRE.md, media).
    pub(super) fn check(&self, index: u16, length: usize) -> Check {
        let at = match self.parts.binary_search_by_key(&index, |part| part.index) {
            Ok(_) => return Check::Held,
            Err(at) => at,
        };
        let ends = [self.parts.first(), self.parts.last()];
        let apart = |part: &Part| usize::from(part.length).abs_diff(length) > 1;
        let grows = at > 0 && usize::from(self.parts[at - 1].length) < length;
        let shrinks = self
            .parts
            .get(at)
            .is_some_and(|next| usize::from(next.length) > length);
        let unlike = self
            .shape
            .is_some_and(|shape| length != fragment_bytes(shape, index));
        if grows || shrinks || unlike || ends.into_iter().flatten().any(apart) {
            Check::Contradicts
        } else {
            Check::New
        }
    }

    /// The same for a repair packet.
    pub(super) fn check_repair(&self, packet: &RepairPacket<'_>) -> Check {
        let shape = (packet.payload.len(), packet.long_fragments);
        let unlike = |part: &Part| usize::from(part.length) != fragment_bytes(shape, part.index);
        if self.shape.is_some_and(|held| held != shape) || self.parts.iter().any(unlike) {
            return Check::Contradicts;
        }
        let index = packet.repair_index;
        if self.repairs.iter().any(|part| part.index == index) {
            Check::Held
        } else {
            Check::New
        }
    }

    pub(super) fn insert(&mut self, now: Instant, packet: &MediaPacket<'_>) {
        let Some(part) = self.store(now, packet.fragment_index, packet.payload) else {
            return;
        };
        let at = self.parts.partition_point(|other| other.index < part.index);
        self.parts.insert(at, part);
    }

    pub(super) fn insert_repair(&mut self, now: Instant, packet: &RepairPacket<'_>) {
        self.shape = Some((packet.payload.len(), packet.long_fragments));
        if let Some(part) = self.store(now, packet.repair_index, packet.payload) {
            self.repairs.push(part);
        }
    }

    fn store(&mut self, now: Instant, index: u16, payload: &[u8]) -> Option<Part> {
        let part = Part {
            index,
            length: u16::try_from(payload.len()).ok()?,
            offset: u32::try_from(self.data.len()).ok()?,
        };
        self.data.extend_from_slice(payload);
        self.last_arrival = now;
        Some(part)
    }

    /// Whether the frame can be put together now: every block has as many packets as fragments.
    pub(super) fn is_whole(&self) -> bool {
        let count = usize::from(self.count);
        if self.parts.len() == count {
            return true;
        }
        if self.repairs.is_empty() || self.parts.len() + self.repairs.len() < count {
            return false;
        }
        let blocks = Blocks::new(self.count);
        let mut short: Vec<usize> = (0..blocks.count())
            .map(|block| blocks.fragments(block).len())
            .collect();
        for part in self.parts.iter().chain(&self.repairs) {
            let (block, _) = blocks.place(part.index);
            short[block] = short[block].saturating_sub(1);
        }
        short.into_iter().all(|short| short == 0)
    }

    pub(super) fn finish(self) -> Option<Assembled> {
        let came = self.parts.len();
        let in_order = self.parts.is_sorted_by_key(|part| part.offset);
        let frame = if came < usize::from(self.count) {
            self.recover()?
        } else if in_order && self.repairs.is_empty() {
            self.data
        } else {
            let mut frame = Vec::with_capacity(self.data.len());
            for part in &self.parts {
                frame.extend_from_slice(self.bytes(part));
            }
            frame
        };
        Some(Assembled {
            header: self.header,
            frame,
            packets: self.count,
            recovered: self.count - u16::try_from(came).unwrap_or(self.count),
            first_arrival: self.first_arrival,
            last_arrival: self.last_arrival,
        })
    }

    fn bytes(&self, part: &Part) -> &[u8] {
        let start = part.offset as usize;
        &self.data[start..start + usize::from(part.length)]
    }

    /// Computes the fragments that did not come.
    fn recover(&self) -> Option<Vec<u8>> {
        let shape = self.shape?;
        let blocks = Blocks::new(self.count);
        let mut computed = Vec::new();
        for block in 0..blocks.count() {
            let of_block = |part: &&Part| blocks.place(part.index).0 == block;
            let came: Vec<_> = self.parts.iter().filter(of_block).collect();
            let repairs: Vec<_> = self.repairs.iter().filter(of_block).collect();
            let placed = |parts: &[&Part]| -> Vec<(usize, &[u8])> {
                let place = |part: &&Part| (blocks.place(part.index).1, self.bytes(part));
                parts.iter().map(place).collect()
            };
            let code = BlockCode {
                fragments: blocks.fragments(block).len(),
                length: shape.0,
            };
            let fragments = code.recover(&placed(&came), &placed(&repairs))?;
            let index = |place: usize| blocks.fragments(block).nth(place);
            computed.extend(
                fragments
                    .into_iter()
                    .filter_map(|(place, bytes)| Some((index(place)?, bytes))),
            );
        }
        computed.sort_unstable_by_key(|&(index, _)| index);
        let mut computed = computed.into_iter();
        let mut parts = self.parts.iter();
        let (mut next_part, mut next_computed) = (parts.next(), computed.next());
        let mut frame = Vec::with_capacity(shape.0 * usize::from(self.count));
        for index in 0..self.count {
            if let Some(part) = next_part.filter(|part| part.index == index) {
                frame.extend_from_slice(self.bytes(part));
                next_part = parts.next();
            } else {
                let (_, bytes) = next_computed.filter(|(place, _)| *place == usize::from(index))?;
                frame.extend_from_slice(bytes.get(..fragment_bytes(shape, index))?);
                next_computed = computed.next();
            }
        }
        Some(frame)
    }
}

fn fragment_bytes((longest, long_fragments): (usize, u16), index: u16) -> usize {
    longest - usize::from(index >= long_fragments)
}
