//! The figures of one run.

use serde::Serialize;

use crate::trace::Trace;

/// One run of one case.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The case.
    pub case: String,
    /// The seed.
    pub seed: u64,
    /// How long it was measured.
    pub seconds: f64,
    /// Each call.
    pub flows: Vec<FlowReport>,
    /// The link from publisher to subscriber.
    pub forward: LinkReport,
    /// The link back.
    pub back: LinkReport,
    /// Jain's index of what the calls send, 1 if all the same.
    pub fairness: f64,
    /// How it went over time; for plots, and not in the JSON.
    #[serde(skip)]
    pub trace: Trace,
}

/// Percentiles, in milliseconds.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Percentiles {
    /// Median.
    pub p50: f64,
    /// 95th percentile.
    pub p95: f64,
    /// 99th percentile.
    pub p99: f64,
}

/// One call. Rates are in kbit/s, shares 0 to 1.
#[derive(Clone, Debug, Default, Serialize)]
pub struct FlowReport {
    /// Frames shown each second.
    pub fps: f64,
    /// From capture to display, without coding and the display itself.
    pub delay_ms: Percentiles,
    /// Share of the time that lies in gaps above 200 ms between frames.
    pub gap_share: f64,
    /// The longest gap between frames.
    pub longest_gap_ms: f64,
    /// After the last change of the link's rate: how long until the video encoder may make 95 % of
    /// its most; none if never.
    pub full_again_s: Option<f64>,
    /// Freezes, by the rule of webrtc-stats.
    pub freezes: u64,
    /// Share of the time that is frozen.
    pub freeze_share: f64,
    /// Share of the audio that was concealed.
    pub concealed_share: f64,
    /// Target delay of the jitter buffer of audio at the end.
    pub audio_target_ms: f64,
    /// From arrival to playout of audio, on average.
    pub audio_delay_ms: f64,
    /// Encoded video.
    pub encoded_kbps: f64,
    /// All that was sent, audio and repair packets included.
    pub sent_kbps: f64,
    /// Target rate of the congestion controller at the end.
    pub target_kbps: f64,
    /// Frames encoded, the whole run.
    pub frames_encoded: u64,
    /// Of those, handed to the decoder.
    pub frames_delivered: u64,
    /// Key frames among the encoded.
    pub key_frames: u64,
    /// Key frames asked for.
    pub key_frame_requests: u64,
    /// Packets asked for by NACK.
    pub nacks: u64,
    /// Retransmissions received.
    pub packets_repeated: u64,
    /// Repair packets received.
    pub repair_packets: u64,
    /// Frames that repair packets completed.
    pub frames_recovered: u64,
    /// Frames dropped because they came too late.
    pub frames_late: u64,
    /// Frames of which a fragment never came.
    pub frames_lost: u64,
    /// Frames whose reference was missing.
    pub frames_undecodable: u64,
    /// Only behind a gateway.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room: Option<RoomReport>,
}

/// What a gateway chose for a subscriber.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct RoomReport {
    /// Share of the frames shown that were of the largest size.
    pub large_share: f64,
    /// How often frames changed their size.
    pub size_changes: u64,
    /// How often the gateway chose other layers, the whole run.
    pub layer_switches: u64,
}

/// One direction of the path, for the time that is measured.
#[derive(Clone, Debug, Default, Serialize)]
pub struct LinkReport {
    /// What went through the bottleneck, in kbit/s.
    pub carried_kbps: f64,
    /// Mean capacity of the bottleneck, if there is one.
    pub capacity_kbps: Option<f64>,
    /// How long packets stood in its queue.
    pub queue_ms: Percentiles,
    /// Packets lost, the whole run.
    pub lost: u64,
    /// Packets that the queue refused, the whole run.
    pub overflowed: u64,
}
