//! What is missing and still worth asking for again (WIRE.md, NACK).
//!
//! Finds gaps within frames by fragment, and whole missing frames by `frame_id`. A gap is given one
//! reorder window before it is asked for, again each round trip (pictures twice), until the frame
//! could not come in time any more. The window grows with the reordering that is seen; later
//! packets do not end it early as in RFC 9002 §6.1.1, for media leaves in bursts, of which three
//! packets say nothing of time. Of a frame that is sent with repair packets nothing is asked for
//! before those had time to come. Works on headers that nothing has authenticated, so every list
//! has a cap.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

pub use self::config::{Holes, NackConfig, NackCounters};
use self::frame::{Frame, Waits};
use super::sequence::{Sequence, Step};
use crate::ids::{FrameId, StreamId, TrackId};
use crate::time::Instant;
use crate::wire::media::{FrameHeader, MediaPacket};
use crate::wire::nack::{self, NackEntry};
use crate::wire::repair::RepairPacket;

mod config;
mod frame;

/// Follows streams and writes NACKs.
#[derive(Debug)]
pub struct NackTracker {
    config: NackConfig,
    rtt: Duration,
    streams: BTreeMap<StreamId, Stream>,
    ready: VecDeque<NackEntry>,
}

#[derive(Debug)]
struct Stream {
    audio: bool,
    holes: Holes,
    deadline: Duration,
    ids: Sequence<32>,
    /// Frames below are not asked for.
    floor: u64,
    /// Incomplete frames up to the newest; a number in between that is not here is complete or
    /// given up.
    frames: BTreeMap<u64, Frame>,
    /// Mean time between packets of one frame, for telling a paced frame from a lost tail.
    spacing: Duration,
    last: Option<(u64, Instant)>,
    /// How late packets come that were only turned round; sinks again.
    reordering: Duration,
    /// Repair packets came lately.
    protected_until: Instant,
    counters: NackCounters,
}

/// Of a picture nothing is asked for again sooner.
const LEAST_RETRY: Duration = Duration::from_millis(20);
/// More than eight seconds of 30 frames/s: beyond that a stream has begun anew.
const MAX_JUMP: u64 = 256;
/// A stream counts as protected for so long after its last repair packet.
const PROTECTED_FOR: Duration = Duration::from_millis(500);
/// Two more packets of audio get the chance to bring a copy.
const COPY_WAIT: Duration = Duration::from_millis(45);
/// What is later than this is a loss that came again by another way.
const LONGEST_REORDERING: Duration = Duration::from_millis(80);

impl NackTracker {
    /// An empty one.
    pub fn new(config: NackConfig) -> Self {
        Self {
            config,
            rtt: Duration::from_millis(100),
            streams: BTreeMap::new(),
            ready: VecDeque::new(),
        }
    }

    /// Sets the round-trip time to whom the NACKs go.
    pub fn set_rtt(&mut self, rtt: Duration) {
        self.rtt = rtt;
    }

    /// The stream of a packet, if it can be followed.
    fn stream(&mut self, header: &FrameHeader) -> Option<&mut Stream> {
        let id = header.stream_id();
        let audio = header.media_kind.is_audio();
        if !self.streams.contains_key(&id) && self.streams.len() >= self.config.streams {
            return None;
        }
        let config = &self.config;
        Some(self.streams.entry(id).or_insert_with(|| Stream {
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
        }))
    }

    /// Takes in the header of a packet; false if it is one that had come before (or cannot be
    /// followed).
    pub fn on_packet(&mut self, now: Instant, packet: &MediaPacket<'_>) -> bool {
        let frames = self.config.frames;
        let Some(stream) = self.stream(&packet.header) else {
            return true;
        };
        let piece = Piece {
            header: packet.header,
            count: packet.fragment_count,
            rtx: packet.rtx,
            index: Ok(packet.fragment_index),
        };
        stream.on_packet(now, piece, frames)
    }

    /// Takes in the header of a repair packet; false as [`Self::on_packet`].
    pub fn on_repair(&mut self, now: Instant, packet: &RepairPacket<'_>) -> bool {
        let frames = self.config.frames;
        let Some(stream) = self.stream(&packet.header) else {
            return true;
        };
        let piece = Piece {
            header: packet.header,
            count: packet.fragment_count,
            rtx: false,
            index: Err((packet.repair_index, packet.repair_count)),
        };
        stream.protected_until = now + PROTECTED_FOR;
        stream.on_packet(now, piece, frames)
    }

    /// A packet of this stream of audio carries copies of earlier frames: what is missing is likely
    /// to come with the next ones.
    pub fn on_redundancy(&mut self, now: Instant, header: &FrameHeader) {
        if let Some(stream) = self.stream(header) {
            stream.protected_until = now + PROTECTED_FOR;
        }
    }

    /// A frame was put together: nothing of it is missing any more.
    pub fn on_complete(&mut self, id: StreamId, frame_id: u32) {
        if let Some(stream) = self.streams.get_mut(&id)
            && let Some(frame_id) = stream.ids.extend(frame_id.into())
        {
            stream.frames.remove(&frame_id);
        }
    }

    /// The next NACK to send, as a datagram, if one is due. Call until it says `None`.
    pub fn poll(&mut self, now: Instant) -> Option<Vec<u8>> {
        if self.ready.is_empty() {
            let waits = self.waits();
            for (&id, stream) in &mut self.streams {
                stream.collect(
                    now,
                    id,
                    waits,
                    self.rtt,
                    self.config.max_tries,
                    &mut self.ready,
                );
            }
        }
        let count = self.ready.len().min(nack::MAX_ENTRIES);
        let entries: Vec<NackEntry> = self.ready.drain(..count).collect();
        let mut datagram = Vec::new();
        nack::encode(&entries, &mut datagram);
        (!datagram.is_empty()).then_some(datagram)
    }

    /// When [`Self::poll`] has something next.
    pub fn next_timeout(&self) -> Option<Instant> {
        if !self.ready.is_empty() {
            return Some(Instant::ZERO);
        }
        let waits = self.waits();
        self.streams
            .values()
            .filter_map(|stream| stream.next_timeout(waits, self.rtt, self.config.max_tries))
            .min()
    }

    /// Asks for nothing before `frame_id` in this stream any more.
    pub fn give_up_before(&mut self, id: StreamId, frame_id: u32) {
        let Some(stream) = self.streams.get_mut(&id) else {
            return;
        };
        if let Some(floor) = stream.ids.extend(frame_id.into()) {
            stream.give_up_below(floor);
        }
    }

    /// Forgets the streams for which `gone` holds.
    pub fn remove_streams(&mut self, gone: impl Fn(&StreamId) -> bool) {
        self.streams.retain(|id, _| !gone(id));
        self.ready.retain(|entry| !gone(&entry.stream_id()));
    }

    /// What was counted of a stream.
    pub fn counters(&self, id: StreamId) -> NackCounters {
        self.streams
            .get(&id)
            .map_or_else(NackCounters::default, |stream| stream.counters)
    }

    /// What was counted of all layers of a track.
    pub fn track_counters(&self, track: TrackId) -> NackCounters {
        self.streams
            .range(track.stream(0)..=track.stream(u8::MAX))
            .fold(NackCounters::default(), |sum, (_, stream)| NackCounters {
                requested: sum.requested + stream.counters.requested,
                lost: sum.lost + stream.counters.lost,
                frames_lost: sum.frames_lost + stream.counters.frames_lost,
            })
    }

    /// How many incomplete frames are followed.
    pub fn tracked_frames(&self) -> usize {
        self.streams
            .values()
            .map(|stream| stream.frames.len())
            .sum()
    }

    fn waits(&self) -> Waits {
        Waits {
            reorder_window: self.config.reorder_window,
            retry: self.rtt.max(self.config.min_retry),
        }
    }
}

/// A packet, of whichever kind.
#[derive(Clone, Copy)]
struct Piece {
    header: FrameHeader,
    count: u16,
    rtx: bool,
    /// The fragment; or which repair packet it is, and of how many.
    index: Result<u16, (u16, u16)>,
}

impl Stream {
    fn on_packet(&mut self, now: Instant, packet: Piece, limit: usize) -> bool {
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
            let lost = self.holes == Holes::Lost;
            let wait = if packet.header.media_kind.is_audio() && now < self.protected_until {
                COPY_WAIT
            } else {
                Duration::ZERO
            };
            self.frames.extend(
                (before + 1..id)
                    .map(|hole| (hole, Frame::missing(now, lost).asked_from(now + wait))),
            );
            self.frames.insert(id, Frame::missing(now, true));
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
            // Pictures are asked for twice in a round trip: a request gets lost as easily as what
            // it asks for, and who answers knows what is under way already. Audio that comes by the
            // last of many requests would only teach its buffer to wait for such.
            retry: if self.audio {
                waits.retry
            } else {
                (waits.retry / 2).max(LEAST_RETRY)
            },
        }
    }

    /// What the lost tail of the newest frame may be late by before it counts as lost.
    fn tail_wait(&self, waits: Waits) -> Duration {
        waits.reorder_window * 2 + self.spacing * 4
    }

    fn collect(
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

    fn next_timeout(&self, waits: Waits, rtt: Duration, max_tries: u32) -> Option<Instant> {
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

    fn give_up_below(&mut self, floor: u64) {
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

#[cfg(test)]
mod tests;
