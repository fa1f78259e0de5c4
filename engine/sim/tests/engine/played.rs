//! What a call came to.

use std::time::Duration;

use smrtc_engine::Instant;
use smrtc_engine::stats::{DownlinkStats, InboundStats};
use smrtc_engine::wire::media::FrameHeader;

use super::pair::{AUDIO, VIDEO};

/// One frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ShownFrame {
    pub(crate) header: FrameHeader,
    pub(crate) captured: Instant,
    pub(crate) released: Instant,
    pub(crate) render_at: Instant,
}

#[derive(Debug, Default)]
pub(crate) struct Played {
    pub(crate) frames: Vec<ShownFrame>,
    pub(crate) captured: u32,
    pub(crate) key_frames_asked: Vec<Instant>,
    pub(crate) lost: u64,
    pub(crate) stats: DownlinkStats,
}

impl Played {
    pub(crate) fn video(&self) -> &InboundStats {
        self.stats
            .inbound
            .iter()
            .find(|stats| stats.track == VIDEO)
            .expect("subscribed")
    }

    pub(crate) fn audio(&self) -> &InboundStats {
        self.stats
            .inbound
            .iter()
            .find(|stats| stats.track == AUDIO)
            .expect("subscribed")
    }

    /// From capture to display, of the frames captured in these seconds, ascending.
    pub(crate) fn delays(&self, seconds: std::ops::Range<u64>) -> Vec<Duration> {
        let frames = self
            .frames
            .iter()
            .filter(|frame| seconds.contains(&(frame.captured.as_micros() / 1_000_000)));
        let mut delays: Vec<_> = frames
            .map(|frame| frame.render_at - frame.captured)
            .collect();
        delays.sort_unstable();
        delays
    }

    /// What must hold after every run, whatever the path.
    pub(crate) fn check_books(&self) {
        for stats in &self.stats.inbound {
            let accounted = stats.frames_delivered + stats.frames_dropped + stats.frames_pending;
            assert_eq!(stats.frames_seen, accounted, "{stats:#?}");
        }
        assert_eq!(self.video().frames_delivered, self.frames.len() as u64);
        for pair in self.frames.windows(2) {
            assert!(
                pair[0].render_at <= pair[1].render_at,
                "frames are shown in order"
            );
            assert!(pair[1].header.frame_id > pair[0].header.frame_id);
            let reference = pair[1].header.frame_id - u32::from(pair[1].header.reference_distance);
            let known = pair[1].header.key
                || self
                    .frames
                    .iter()
                    .any(|frame| frame.header.frame_id == reference);
            assert!(
                known,
                "frame {} was handed on without its reference",
                pair[1].header.frame_id
            );
        }
    }
}
