//! What a NACK tracker knows of one stream: the frames that are not complete, and how its packets
//! come.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::config::{Holes, NackConfig, NackCounters};
use super::frame::{Frame, Waits};
use crate::ids::{FrameId, StreamId};
use crate::path::sequence::{Sequence, Step};
use crate::time::Instant;
use crate::wire::media::FrameHeader;
use crate::wire::nack::NackEntry;

#[derive(Debug)]
pub(super) struct Stream {
    audio: bool,
    holes: Holes,
    deadline: Duration,
    pub(super) ids: Sequence<32>,
    /// Frames below are not asked for.
    floor: u64,
    /// Incomplete frames up to the newest; a number in between that is not here is complete or
    /// given up.
    pub(super) frames: BTreeMap<u64, Frame>,
    /// Mean time between packets of one frame, for telling a paced frame from a lost tail.
    spacing: Duration,
    last: Option<(u64, Instant)>,
    /// How late packets come that were only turned round; sinks again.
    reordering: Duration,
    /// Repair packets came lately.
    protected_until: Instant,
    pub(super) counters: NackCounters,
}

/// Shortest time between two requests for one video frame.
const LEAST_RETRY: Duration = Duration::from_millis(20);
/// A larger jump means that the stream has begun anew: more than eight seconds of 30 frames/s.
const MAX_JUMP: u64 = 256;
/// A stream counts as protected for so long after its last repair packet.
const PROTECTED_FOR: Duration = Duration::from_millis(500);
/// Two more packets of audio get the chance to bring redundancy.
const REDUNDANCY_WAIT: Duration = Duration::from_millis(45);
/// A packet later than this was lost and came again by another way, and is not reordered.
const LONGEST_REORDERING: Duration = Duration::from_millis(80);

/// A packet, of whichever kind.
#[derive(Clone, Copy)]
pub(super) struct Piece {
    pub(super) header: FrameHeader,
    pub(super) count: u16,
    pub(super) rtx: bool,
    /// The fragment; or which repair packet it is, and of how many.
    pub(super) index: Result<u16, (u16, u16)>,
}

impl Stream {
    /// A stream of which nothing came yet.
    pub(super) fn new(audio: bool, config: &NackConfig) -> Self {
        Self {
            audio,
            holes: if audio {
                Holes::Lost
            } else {
                config.video_holes
            },
            deadline: if audio {
                config.audio_deadline
            } else {
                config.video_deadline
            },
            ids: Sequence::new(MAX_JUMP),
            floor: 0,
            frames: BTreeMap::new(),
            spacing: Duration::ZERO,
            last: None,
            reordering: Duration::ZERO,
            protected_until: Instant::ZERO,
            counters: NackCounters::default(),
        }
    }

    pub(super) fn on_packet(&mut self, now: Instant, packet: Piece, limit: usize) -> bool {
        let before = self.ids.newest();
        let id = match self.ids.step(packet.header.frame_id.into()) {
            Step::Suspect => return true,
            Step::Near(id) => id,
            Step::Restarted(id) => {
                self.frames.clear();
                self.floor = id;
                self.last = None;
                self.frames.insert(id, Frame::missing(now, true));
                id
            }
        };
        if id < self.floor {
            return true;
        }
        if let Some(before) = before.filter(|&before| id > before && !self.frames.contains_key(&id))
        {
            self.begin_frame(now, before, id, packet.header.media_kind.is_audio());
        }
        self.measure_spacing(now, id);
        let protected = now < self.protected_until;
        let Some(frame) = self.frames.get_mut(&id) else {
            return false;
        };
        if !packet.rtx
            && let Ok(index) = packet.index
            && let Some(late) = frame.lateness(now, index)
            && late <= LONGEST_REORDERING
        {
            self.reordering = self.reordering.max(late);
        }
        self.reordering = self.reordering * 255 / 256;
        let first = frame.is_missing_altogether();
        let new = match packet.index {
            Ok(index) => frame.on_fragment(now, index, packet.count, protected),
            Err((index, repairs)) => frame.on_repair(now, packet.count, index, repairs),
        };
        if new && packet.index.is_ok() && !packet.rtx && frame.counted_lost > 0 {
            frame.counted_lost -= 1;
            self.counters.lost = self.counters.lost.saturating_sub(1);
        }
        if frame.is_complete() {
            self.frames.remove(&id);
        }
        for (&other, frame) in self.frames.range_mut(..=id) {
            frame.on_later_packet(now, other < id, protected);
        }
        if first {
            self.need_references(id, packet.header.reference_distance.into());
        }
        while self.frames.len() > limit {
            self.give_up_oldest();
        }
        new
    }

    /// Repair packets or redundancy came: what is missing may come without being asked for.
    pub(super) fn protect(&mut self, now: Instant) {
        self.protected_until = now + PROTECTED_FOR;
    }

    /// Follows frame `id`, the newest one, and the holes between it and the newest one `before`.
    fn begin_frame(&mut self, now: Instant, before: u64, id: u64, audio: bool) {
        let lost = self.holes == Holes::Lost;
        // Later packets of audio may bring what is missing as redundancy.
        let wait = if audio && now < self.protected_until {
            REDUNDANCY_WAIT
        } else {
            Duration::ZERO
        };
        let hole = || Frame::missing(now, lost).asked_from(now + wait);
        self.frames
            .extend((before + 1..id).map(|number| (number, hole())));
        self.frames.insert(id, Frame::missing(now, true));
    }

    fn measure_spacing(&mut self, now: Instant, id: u64) {
        if let Some((_, at)) = self.last.filter(|&(last, _)| last == id) {
            self.spacing = (self.spacing * 7 + (now - at)) / 8;
        }
        self.last = Some((id, now));
    }

    /// A frame that came refers to the one `distance` before it, and that one, if all of it is
    /// missing, most likely to another as far before. Waiting to see its header would cost a round
    /// trip for each lost frame.
    fn need_references(&mut self, id: u64, distance: u64) {
        let mut reference = id;
        while distance > 0 && reference >= self.floor + distance {
            reference -= distance;
            match self.frames.get_mut(&reference) {
                Some(frame) if frame.is_missing_altogether() && !frame.needed => {
                    frame.needed = true
                }
                _ => break,
            }
        }
    }

    /// The reorder window of a stream is at least what its packets are seen to be late by.
    fn own_waits(&self, waits: Waits) -> Waits {
        Waits {
            reorder_window: waits.reorder_window.max(self.reordering * 5 / 4),
            // Video frames are asked for twice in a round trip: a request gets lost as easily as
            // what it asks for, and who answers knows what is under way already. Audio that comes
            // by the last of many requests would only teach its buffer to wait for such.
            retry: if self.audio {
                waits.retry
            } else {
                (waits.retry / 2).max(LEAST_RETRY)
            },
        }
    }

    /// How late the tail of the newest frame may be before it counts as lost.
    fn tail_wait(&self, waits: Waits) -> Duration {
        waits.reorder_window * 2 + self.spacing * 4
    }

    pub(super) fn collect(
        &mut self,
        now: Instant,
        id: StreamId,
        waits: Waits,
        rtt: Duration,
        max_tries: u32,
        out: &mut VecDeque<NackEntry>,
    ) {
        let waits = self.own_waits(waits);
        let tail_wait = self.tail_wait(waits);
        while let Some((&oldest, frame)) = self.frames.first_key_value()
            && now >= frame.since + self.deadline
        {
            self.give_up_below(oldest + 1);
        }
        let newest = self.ids.newest();
        for (&frame_id, frame) in &mut self.frames {
            // By when it was due and not by now, so that `next_timeout` agrees however late the
            // call is.
            let end = frame.since + self.deadline;
            let due = frame
                .due(waits, tail_wait)
                .is_some_and(|due| now >= due && due + rtt <= end);
            if !due || frame.tries >= max_tries {
                continue;
            }
            let fragments = frame.ask(now, waits, tail_wait, Some(frame_id) == newest);
            let missing = frame.missing_count();
            self.counters.lost += u64::from(missing.saturating_sub(frame.counted_lost));
            frame.counted_lost = frame.counted_lost.max(missing);
            self.counters.requested += push_entries(
                id.frame((frame_id & 0xffff_ffff) as u32),
                fragments.as_deref(),
                out,
            );
        }
    }

    pub(super) fn next_timeout(
        &self,
        waits: Waits,
        rtt: Duration,
        max_tries: u32,
    ) -> Option<Instant> {
        let waits = self.own_waits(waits);
        let tail_wait = self.tail_wait(waits);
        let frames = self.frames.values().map(|frame| {
            let end = frame.since + self.deadline;
            let due = frame
                .due(waits, tail_wait)
                .filter(|&due| frame.tries < max_tries && due + rtt <= end);
            due.unwrap_or(end)
        });
        frames.min()
    }

    pub(super) fn give_up_below(&mut self, floor: u64) {
        while self
            .frames
            .first_key_value()
            .is_some_and(|(&oldest, _)| oldest < floor)
        {
            self.give_up_oldest();
        }
        self.floor = self.floor.max(floor);
    }

    fn give_up_oldest(&mut self) {
        if let Some((id, frame)) = self.frames.pop_first() {
            self.floor = self.floor.max(id + 1);
            self.counters.frames_lost += u64::from(frame.needed && frame.is_missing_altogether());
        }
    }
}

/// Writes entries of up to 32 fragments; returns how many packets they ask for.
fn push_entries(frame: FrameId, fragments: Option<&[u16]>, out: &mut VecDeque<NackEntry>) -> u64 {
    let whole = NackEntry::whole_frame(frame);
    let Some(fragments) = fragments else {
        out.push_back(whole);
        return 1;
    };
    let mut entry: Option<NackEntry> = None;
    for &fragment in fragments {
        match &mut entry {
            Some(e) if fragment - e.first_fragment < 32 => {
                e.mask |= 1 << (fragment - e.first_fragment)
            }
            _ => out.extend(entry.replace(NackEntry {
                first_fragment: fragment,
                mask: 1,
                ..whole
            })),
        }
    }
    out.extend(entry);
    fragments.len() as u64
}
