//! One frame whose fragments are still coming.

use super::Assembled;
use crate::time::Instant;
use crate::wire::media::{FrameHeader, MediaPacket};

/// What an unfinished frame and one fragment cost beside the payload, rounded up.
pub(super) const FRAME_COST: usize = 192;
pub(super) const FRAGMENT_COST: usize = size_of::<Part>();

/// Payloads in order of arrival, and where each fragment lies. Fragments nearly always come in order, and then the
/// frame needs no second copy.
#[derive(Debug)]
pub(super) struct Partial {
    pub(super) header: FrameHeader,
    pub(super) count: u16,
    pub(super) begun: u64,
    pub(super) cost: usize,
    data: Vec<u8>,
    parts: Vec<Part>,
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
    pub(super) fn new(now: Instant, begun: u64, packet: &MediaPacket<'_>) -> Self {
        Self {
            header: packet.header,
            count: packet.fragment_count,
            begun,
            cost: 0,
            data: Vec::new(),
            parts: Vec::new(),
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
        if grows || shrinks || ends.into_iter().flatten().any(apart) {
            Check::Contradicts
        } else {
            Check::New
        }
    }

    pub(super) fn insert(&mut self, now: Instant, packet: &MediaPacket<'_>) {
        let index = packet.fragment_index;
        let at = self.parts.partition_point(|part| part.index < index);
        let (Ok(length), Ok(offset)) = (
            u16::try_from(packet.payload.len()),
            u32::try_from(self.data.len()),
        ) else {
            return;
        };
        self.parts.insert(
            at,
            Part {
                index,
                length,
                offset,
            },
        );
        self.data.extend_from_slice(packet.payload);
        self.last_arrival = now;
    }

    pub(super) fn is_whole(&self) -> bool {
        self.parts.len() == usize::from(self.count)
    }

    pub(super) fn finish(self) -> Assembled {
        let in_order = self.parts.is_sorted_by_key(|part| part.offset);
        let frame = if in_order {
            self.data
        } else {
            let mut frame = Vec::with_capacity(self.data.len());
            for part in &self.parts {
                let start = part.offset as usize;
                frame.extend_from_slice(&self.data[start..start + usize::from(part.length)]);
            }
            frame
        };
        Assembled {
            header: self.header,
            frame,
            packets: self.count,
            first_arrival: self.first_arrival,
            last_arrival: self.last_arrival,
        }
    }
}
