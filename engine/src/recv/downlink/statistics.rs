//! The counts of a downlink, gathered from its stages.

use super::{Downlink, Track};
use crate::recv::StreamId;
use crate::stats::{DownlinkStats, InboundStats, TransportStats, seconds};
use crate::time::Instant;

impl Downlink {
    /// Everything measured so far.
    pub fn stats(&self, now: Instant) -> DownlinkStats {
        let (total, samples) = self.rtt.total();
        DownlinkStats {
            timestamp: now.as_micros() as f64 / 1e3,
            transport: TransportStats {
                current_round_trip_time: self.rtt.latest().map(seconds),
                total_round_trip_time: seconds(total),
                responses_received: samples,
                ..self.transport
            },
            inbound: self
                .tracks
                .iter()
                .map(|(&key, track)| self.inbound(key, track))
                .collect(),
        }
    }

    fn inbound(&self, (sender, number): (u32, u8), track: &Track) -> InboundStats {
        let nack = self.nack.track_counters(sender, number);
        let mut stats = InboundStats {
            nack_count: nack.requested,
            packets_lost: nack.lost,
            frames_lost: nack.frames_lost,
            frames_dropped: track.counters.dropped.total(),
            frames_pending: self.pending(sender, number, track),
            cannot_decrypt: !self.may_request(sender),
            ..track.counters.clone()
        };
        if let Some(video) = &track.video {
            let (count, total) = video.freeze.freezes();
            stats.freeze_count = count;
            stats.total_freezes_duration = seconds(total);
            stats.total_inter_frame_delay = seconds(video.freeze.total_interval());
            stats.current_target_delay = seconds(video.target_delay());
            stats.sync_delay = seconds(video.sync().delay());
            stats.audio_lag = video
                .sync()
                .audio_lag_micros()
                .map(|micros| micros as f64 / 1e6);
        }
        stats
    }

    fn pending(&self, sender: u32, track_number: u8, track: &Track) -> u64 {
        let ids = (0..=u8::MAX)
            .map(|spatial| StreamId {
                sender,
                track: track_number,
                spatial,
            })
            .take(16);
        let moving: usize = ids.map(|id| self.expected(id).len()).sum();
        (moving + track.video.as_ref().map_or(0, |video| video.held())) as u64
    }
}
