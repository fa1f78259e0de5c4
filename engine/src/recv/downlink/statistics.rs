//! The counts of a downlink, gathered from its stages.

use super::{Downlink, Track};
use crate::ids::TrackId;
use crate::stats::{DownlinkStats, InboundStats, TransportStats, seconds};
use crate::time::Instant;
use crate::wire::media::MAX_LAYER;

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

    fn inbound(&self, id: TrackId, track: &Track) -> InboundStats {
        let nack = self.nack.track_counters(id);
        let mut stats = InboundStats {
            nack_count: nack.requested,
            packets_lost: nack.lost,
            frames_lost: nack.frames_lost,
            frames_dropped: track.counters.dropped.total(),
            frames_pending: self.pending(id, track),
            cannot_decrypt: !self.may_request(id.sender),
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

    fn pending(&self, id: TrackId, track: &Track) -> u64 {
        let streams = (0..=MAX_LAYER).map(|spatial| id.stream(spatial));
        let moving: usize = streams.map(|stream| self.expected(stream).len()).sum();
        (moving + track.video.as_ref().map_or(0, |video| video.held())) as u64
    }
}
