//! What a downlink counts.

use serde::Serialize;

use super::TransportStats;

/// Everything measured at one downlink.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct DownlinkStats {
    /// When the numbers were taken, in milliseconds since the host's origin.
    pub timestamp: f64,
    /// The session.
    pub transport: TransportStats,
    /// One entry for each track subscribed, in order of sender and track.
    pub inbound: Vec<InboundStats>,
}

/// Why a frame of which something arrived was not handed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum DropReason {
    /// It became whole, or was opened, after a later frame had been handed on.
    Late,
    /// Some of its fragments never came.
    Incomplete,
    /// A frame it refers to was not decoded, and a later key frame took over.
    Undecodable,
    /// It could not be opened.
    NotOpened,
    /// A buffer was full.
    Overflow,
    /// Another spatial layer of the track was being shown.
    OtherLayer,
    /// Its header contradicts itself: no key frame and yet no reference.
    Malformed,
}

/// Dropped frames by reason. Ours; the sum is `framesDropped`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct DropCounts {
    /// See [`DropReason::Late`].
    pub late: u64,
    /// See [`DropReason::Incomplete`].
    pub incomplete: u64,
    /// See [`DropReason::Undecodable`].
    pub undecodable: u64,
    /// See [`DropReason::NotOpened`].
    pub not_opened: u64,
    /// See [`DropReason::Overflow`].
    pub overflow: u64,
    /// See [`DropReason::OtherLayer`].
    pub other_layer: u64,
    /// See [`DropReason::Malformed`].
    pub malformed: u64,
}

impl DropCounts {
    /// Counts one frame.
    pub fn add(&mut self, reason: DropReason) {
        *match reason {
            DropReason::Late => &mut self.late,
            DropReason::Incomplete => &mut self.incomplete,
            DropReason::Undecodable => &mut self.undecodable,
            DropReason::NotOpened => &mut self.not_opened,
            DropReason::Overflow => &mut self.overflow,
            DropReason::OtherLayer => &mut self.other_layer,
            DropReason::Malformed => &mut self.malformed,
        } += 1;
    }

    /// All of them together.
    pub fn total(&self) -> u64 {
        self.late
            + self.incomplete
            + self.undecodable
            + self.not_opened
            + self.overflow
            + self.other_layer
            + self.malformed
    }
}

/// One track received, after `RTCInboundRtpStreamStats`; its spatial layers are counted together.
///
/// Conservation: `frames_seen` = `frames_delivered` + `frames_dropped` + `frames_pending` at every
/// moment, and frames of which nothing came although a later frame refers to them are
/// `frames_lost`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct InboundStats {
    /// `"audio"` or `"video"`.
    pub kind: &'static str,
    /// Whose track it is. Ours.
    pub sender: u32,
    /// The track number. Ours, for `mid`.
    pub track: u8,
    /// The spatial layer of the newest frame handed on. Ours.
    pub spatial: u8,
    /// Media packets received, retransmissions included, duplicates not.
    pub packets_received: u64,
    /// Payload bytes received, duplicates not.
    pub bytes_received: u64,
    /// Bytes of media headers received.
    pub header_bytes_received: u64,
    /// Packets found missing and not come by themselves, whether or not they were sent again.
    pub packets_lost: u64,
    /// Packets received because they were sent again.
    pub retransmitted_packets_received: u64,
    /// Their payload bytes.
    pub retransmitted_bytes_received: u64,
    /// Repair packets received.
    pub fec_packets_received: u64,
    /// Their payload bytes.
    pub fec_bytes_received: u64,
    /// Those that were of no use: their frame was whole already.
    pub fec_packets_discarded: u64,
    /// Frames of which some fragment was computed from repair packets. Ours.
    pub frames_recovered: u64,
    /// Packets that came twice or contradicted their frame. Ours.
    pub duplicate_packets_received: u64,
    /// Packets asked for again; each request for each packet counts, a whole frame as one.
    pub nack_count: u64,
    /// Key frames asked for.
    pub pli_count: u64,
    /// Frames that arrived whole.
    pub frames_received: u64,
    /// Frames the host reported decoded.
    pub frames_decoded: u64,
    /// Key frames handed on for decoding.
    pub key_frames_decoded: u64,
    /// Frames of which something arrived and that were not handed on.
    pub frames_dropped: u64,
    /// The same by reason. Ours.
    pub dropped: DropCounts,
    /// Frames of which at least one packet arrived. Ours.
    pub frames_seen: u64,
    /// Frames handed on for decoding (video) or playout (audio). Ours.
    pub frames_delivered: u64,
    /// Frames being assembled, opened or waited for. Ours.
    pub frames_pending: u64,
    /// Frames that were needed and of which nothing ever came. Ours.
    pub frames_lost: u64,
    /// Frames that came from more than one packet.
    pub frames_assembled_from_multiple_packets: u64,
    /// Sum over those of the time from first to last packet, in seconds.
    pub total_assembly_time: f64,
    /// Freezes that have ended, by the rule of webrtc-stats.
    pub freeze_count: u64,
    /// Their total length, in seconds.
    pub total_freezes_duration: f64,
    /// Sum of times between rendered frames, in seconds.
    pub total_inter_frame_delay: f64,
    /// Interarrival jitter of RFC 3550 §6.4.1, in seconds.
    pub jitter: f64,
    /// Sum over emitted frames of the time from first packet to `render_at`, in seconds; audio is
    /// buffered elsewhere.
    pub jitter_buffer_delay: f64,
    /// What the buffer aims to add to the fastest frames now, in seconds. Ours; compare
    /// `jitterBufferTargetDelay`, which sums.
    pub current_target_delay: f64,
    /// How many frames `jitter_buffer_delay` sums.
    pub jitter_buffer_emitted_count: u64,
    /// Delay added for lip-sync now, in seconds. Ours.
    pub sync_delay: f64,
    /// How much later (positive) or earlier audio plays than the video frame of the same moment, in
    /// seconds. Ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub audio_lag: Option<f64>,
    /// Whether this track's frames cannot be opened at present. Ours.
    pub cannot_decrypt: bool,
}
