//! Frames that the host is opening.

use std::collections::BTreeMap;

use crate::ids::{FrameId, StreamId};
use crate::time::Instant;

/// Frames at the host at a time; a host that never answers loses the oldest.
const MAX_FRAMES: usize = 1_024;

/// When the packets of a frame came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Arrivals {
    pub(super) first: Instant,
    pub(super) last: Instant,
}

/// The frames that were handed out sealed and have not come back.
#[derive(Debug, Default)]
pub(super) struct OpeningFrames {
    frames: BTreeMap<FrameId, Arrivals>,
}

impl OpeningFrames {
    /// Notes a frame that is handed out; whether one of that number is at the host already. The two
    /// cannot be told apart when they come back: the publisher began the track anew.
    pub(super) fn insert(&mut self, frame: FrameId, arrivals: Arrivals) -> bool {
        self.frames.insert(frame, arrivals).is_some()
    }

    /// Takes a frame that came back; `None` if it is not one that was handed out.
    pub(super) fn take(&mut self, frame: FrameId) -> Option<Arrivals> {
        self.frames.remove(&frame)
    }

    /// Takes the frame that came first, if there are too many.
    pub(super) fn pop_excess(&mut self) -> Option<FrameId> {
        if self.frames.len() <= MAX_FRAMES {
            return None;
        }
        let oldest = self
            .frames
            .iter()
            .min_by_key(|(_, arrivals)| arrivals.first)
            .map(|(&frame, _)| frame)?;
        self.frames.remove(&oldest);
        Some(oldest)
    }

    /// Numbers of the frames of a stream.
    pub(super) fn of_stream(&self, stream: StreamId) -> impl Iterator<Item = u32> {
        self.frames
            .range(stream.frame(0)..=stream.frame(u32::MAX))
            .map(|(frame, _)| frame.number)
    }

    /// Forgets the frames of streams for which `gone` holds.
    pub(super) fn remove_streams(&mut self, gone: impl Fn(&StreamId) -> bool) {
        self.frames.retain(|frame, _| !gone(&frame.stream));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::TrackId;

    fn arrivals(ms: u64) -> Arrivals {
        let at = Instant::from_millis(ms);
        Arrivals {
            first: at,
            last: at,
        }
    }

    #[test]
    fn a_frame_comes_back_once() {
        let mut opening = OpeningFrames::default();
        let stream = TrackId::new(1, 2).stream(0);
        assert!(!opening.insert(stream.frame(u32::MAX), arrivals(1)));
        assert!(!opening.insert(stream.frame(0), arrivals(2)));
        assert!(opening.insert(stream.frame(0), arrivals(3)), "twice");
        assert_eq!(opening.of_stream(stream).collect::<Vec<_>>(), [0, u32::MAX]);
        assert_eq!(opening.take(stream.frame(0)), Some(arrivals(3)));
        assert_eq!(opening.take(stream.frame(0)), None);
        opening.remove_streams(|gone| *gone == stream);
        assert_eq!(opening.take(stream.frame(u32::MAX)), None);
    }

    #[test]
    fn a_host_that_never_answers_loses_what_came_first() {
        let mut opening = OpeningFrames::default();
        let stream = TrackId::new(1, 2).stream(0);
        for n in 0..MAX_FRAMES as u32 {
            // Numbers fall while time goes on.
            opening.insert(stream.frame(5_000 - n), arrivals(n.into()));
            assert_eq!(opening.pop_excess(), None);
        }
        opening.insert(stream.frame(1), arrivals(9_000));
        assert_eq!(opening.pop_excess(), Some(stream.frame(5_000)));
        assert_eq!(opening.pop_excess(), None);
    }
}
