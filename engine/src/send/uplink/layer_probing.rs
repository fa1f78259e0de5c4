//! When to try whether the path bears the next size of a track.
//!
//! While a size is not sent nothing shows that there would be room for it, and the controller's
//! rate stays near what is sent.

use core::time::Duration;

use super::layer::Track;
use super::{Uplink, simulcast};
use crate::cc::{CongestionController, Probing};
use crate::time::{Bitrate, Instant};
use crate::wire::media::FrameHeader;

/// From one trial to the next, doubled after each that failed.
const PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(32);

/// The trials of an uplink.
#[derive(Debug)]
pub(super) struct LayerProbing {
    probing: Probing,
    pause: Duration,
    next: Instant,
}

impl LayerProbing {
    pub(super) fn new() -> Self {
        Self {
            probing: Probing::default(),
            pause: PAUSE,
            next: Instant::ZERO,
        }
    }

    /// Looks at what became of a trial, and begins another if one is due. `wanted` is the rate that
    /// the next size needs, if one is not sent.
    fn on_time(
        &mut self,
        now: Instant,
        wanted: Option<Bitrate>,
        congestion: &mut dyn CongestionController,
    ) {
        if let Some(shown) = self.probing.outcome(now, congestion.take_probed()) {
            self.pause = if shown {
                PAUSE
            } else {
                (self.pause * 2).min(LONGEST_PAUSE)
            };
            self.next = now + self.pause;
        }
        let Some(wanted) = wanted.filter(|&rate| rate > congestion.target_bitrate()) else {
            // Another size may be wanted next, on another path.
            self.pause = PAUSE;
            return;
        };
        if self.probing.is_idle() && now >= self.next {
            self.probing.begin(now, wanted);
        }
    }
}

impl Uplink {
    /// Does what is due of trials.
    pub(super) fn try_next_size(&mut self) {
        let wanted = self.wanted();
        self.trials
            .on_time(self.now, wanted, self.congestion.as_mut());
        self.pace();
    }

    /// The repair packets of a frame, more of them if a burst waits for one.
    pub(super) fn repairs(&mut self, header: &FrameHeader, datagrams: &[Vec<u8>]) -> Vec<Vec<u8>> {
        let bytes = datagrams.first().map_or(0, Vec::len);
        let loss = self.congestion.path().random_loss;
        let burst = self.trials.probing.packets(bytes, loss);
        let repairs = self
            .protection
            .repairs(header, datagrams, burst.unwrap_or(0));
        if burst.is_some() && !repairs.is_empty() {
            let packets = u16::try_from(repairs.len()).unwrap_or(u16::MAX);
            self.trials.probing.queued(packets);
        }
        repairs
    }

    /// Notes a repair packet that goes out.
    pub(super) fn on_repair_sent(&mut self, bytes: usize) {
        if let Some(probe) = self.trials.probing.on_sent(self.now, bytes) {
            self.congestion.on_probe(probe);
            self.pace();
        }
    }

    /// Sends a burst at its own rate.
    fn pace(&mut self) {
        let rate = self.congestion.pacing().rate;
        let burst = self.trials.probing.rate().unwrap_or(rate);
        self.pacer.set_rate(rate.max(burst));
    }

    /// The rate at which the next size of a track would begin, if one is not sent.
    fn wanted(&self) -> Option<Bitrate> {
        let lacking = |track: &Track| {
            let wanted = simulcast::wanted(&track.shares)?;
            Some(wanted.saturating_sub(track.bitrate))
        };
        let lacking = self.tracks.values().filter_map(lacking).min()?;
        // What more there is the tracks of pictures share.
        let pictures = |track: &&Track| !track.config.kind.is_audio();
        let tracks = self.tracks.values().filter(pictures).count();
        let more = lacking * (tracks as f64 / self.payload_share());
        Some(self.congestion.target_bitrate() + more)
    }
}
