//! Repair packets for video frames, and how many video frames they leave room for.

use core::time::Duration;

use crate::cc::PathEstimate;
use crate::fec::{BlockCode, Blocks, PathLoss, audio_redundancy, repair_packets};
use crate::time::{Bitrate, Instant};
use crate::wire::media::{FrameHeader, HEADER_BYTES};
use crate::wire::repair::RepairPacket;

/// How video frames are protected against loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProtectionConfig {
    /// Whether repair packets are sent at all. Default yes.
    pub repair: bool,
    /// Whether packets of audio carry copies of earlier frames. Default yes.
    pub copies: bool,
    /// A video frame of fewer bytes than this is not worth showing: rather fewer video frames than
    /// worse ones. Default 800, about what 360 lines need to be recognised.
    pub worthwhile_frame_bytes: u64,
}

impl Default for ProtectionConfig {
    fn default() -> Self {
        Self {
            repair: true,
            copies: true,
            worthwhile_frame_bytes: 800,
        }
    }
}

/// On a path that loses packets, frames are cut into fragments of about this size, up to
/// [`FINE_FRAGMENTS`]: a code over few packets is a coarse one.
const FINE_FRAGMENT_BYTES: usize = 350;
const FINE_FRAGMENTS: usize = 6;
/// Least frame rate: below it video is no motion.
const LEAST_FRAME_RATE: f64 = 9.0;
/// A frame may come this much early: cameras do not keep exact time.
const FRAME_TOLERANCE: Duration = Duration::from_millis(8);

#[derive(Debug)]
pub(super) struct Protection {
    config: ProtectionConfig,
    path: PathLoss,
}

impl Protection {
    pub(super) fn new(config: ProtectionConfig) -> Self {
        Self {
            config,
            path: PathLoss::new(Instant::ZERO),
        }
    }

    /// Takes in what is known of the path now.
    pub(super) fn on_path(&mut self, now: Instant, path: &PathEstimate, rtt: Duration) {
        self.path.update(now, path.random_loss, path.burst, rtt);
    }

    /// How many copies of earlier frames a packet of audio carries.
    pub(super) fn audio_redundancy(&self) -> usize {
        if self.config.copies {
            audio_redundancy(self.path.protection(false))
        } else {
            0
        }
    }

    /// Bytes of repair packets for each byte of a video frame, on average.
    pub(super) fn overhead(&self) -> f64 {
        self.path.overhead()
    }

    /// In how many packets a frame should go at least.
    pub(super) fn least_fragments(&self, bytes: usize) -> usize {
        if !self.config.repair || !self.path.is_noticed() {
            return 1;
        }
        bytes.div_ceil(FINE_FRAGMENT_BYTES).min(FINE_FRAGMENTS)
    }

    /// The repair packets of a frame whose media packets are `datagrams`: as many as it needs, and
    /// at least `least`.
    pub(super) fn repairs(
        &mut self,
        header: &FrameHeader,
        datagrams: &[Vec<u8>],
        least: u16,
    ) -> Vec<Vec<u8>> {
        if !self.config.repair {
            return Vec::new();
        }
        let Ok(fragment_count) = u16::try_from(datagrams.len()) else {
            return Vec::new();
        };
        let blocks = Blocks::new(fragment_count);
        let wanted = repair_packets(fragment_count, self.path.protection(header.key));
        let most = u16::try_from(blocks.max_repairs()).unwrap_or(u16::MAX);
        self.path.note(fragment_count, wanted.min(most), header.key);
        let repair_count = wanted.max(least).min(most);
        let fragment = |index: usize| &datagrams[index][HEADER_BYTES..];
        let length = datagrams
            .first()
            .map_or(0, |first| first.len() - HEADER_BYTES);
        let long = datagrams
            .iter()
            .filter(|datagram| datagram.len() - HEADER_BYTES == length)
            .count();
        let metadata = header.metadata();
        let repair = |repair_index: u16| {
            let (block, row) = blocks.place(repair_index);
            let code = BlockCode {
                fragments: blocks.fragments(block).len(),
                length,
            };
            let payload = code.repair(blocks.fragments(block).map(fragment), row);
            let mut datagram = Vec::new();
            RepairPacket {
                hop: false,
                transport_seq: 0,
                repair_index,
                fragment_count,
                header: *header,
                metadata,
                long_fragments: u16::try_from(long).unwrap_or(u16::MAX),
                repair_count,
                payload: &payload,
            }
            .encode(&mut datagram);
            datagram
        };
        (0..repair_count).map(repair).collect()
    }

    /// The time between video frames at which each is worth showing, for an encoder that gets
    /// `bitrate`.
    fn frame_interval(&self, bitrate: Bitrate) -> Duration {
        let bytes = self.config.worthwhile_frame_bytes;
        bitrate
            .time_for(bytes)
            .min(Duration::from_secs_f64(1.0 / LEAST_FRAME_RATE))
    }
}

/// Which of the video frames a camera takes are worth encoding.
#[derive(Debug, Default)]
pub(super) struct FrameGate {
    due: Instant,
}

impl FrameGate {
    pub(super) fn admit(
        &mut self,
        now: Instant,
        bitrate: Bitrate,
        protection: &Protection,
    ) -> bool {
        if now + FRAME_TOLERANCE < self.due {
            return false;
        }
        let interval = protection.frame_interval(bitrate);
        // A frame that came late shortens the next interval, but only that one.
        self.due = (self.due + interval).max(now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lossy(loss: f64) -> Protection {
        let mut protection = Protection::new(ProtectionConfig::default());
        let path = PathEstimate {
            random_loss: loss,
            ..PathEstimate::default()
        };
        for ms in 0..40 {
            let now = Instant::from_millis(ms * 50);
            protection.on_path(now, &path, Duration::from_millis(50));
        }
        protection
    }

    #[test]
    fn a_clean_path_costs_nothing() {
        let protection = lossy(0.0);
        assert_eq!(
            (protection.least_fragments(3_000), protection.overhead()),
            (1, 0.0)
        );
        assert_eq!(lossy(0.1).least_fragments(3_000), 6);
        assert_eq!(lossy(0.1).least_fragments(600), 2);
    }

    #[test]
    fn video_frames_become_fewer_before_they_become_worthless() {
        let protection = lossy(0.0);
        let taken = |kbps| {
            let mut gate = FrameGate::default();
            (0..300)
                .filter(|n| {
                    let now = Instant::from_micros(1_000_000 + n * 33_333);
                    gate.admit(now, Bitrate::from_kbps(kbps), &protection)
                })
                .count()
        };
        assert_eq!(taken(1_000), 300);
        assert!((115..=140).contains(&taken(80)), "{}", taken(80));
        assert!((85..=100).contains(&taken(10)), "{}", taken(10));
    }
}
