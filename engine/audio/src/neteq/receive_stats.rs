//! What the receiving side counts.

/// Statistics of one source. Names and meanings of W3C webrtc-stats (`RTCInboundRtpStreamStats`)
/// unless said otherwise; serialised in camel case. Times are in seconds.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct AudioReceiveStats {
    /// Packets that came, whatever became of them.
    pub packets_received: u64,
    /// Packets whose turn came and went without them; falls again when one comes late.
    pub packets_lost: i64,
    /// Packets that came too late, twice, or that are not Opus, or that were skipped to catch up.
    pub packets_discarded: u64,
    /// Interarrival jitter (RFC 3550 §6.4.1).
    pub jitter: f64,
    /// Sum over samples of the time from the packet's arrival to the sample's turn.
    pub jitter_buffer_delay: f64,
    /// Sum over samples of the target delay at their turn.
    pub jitter_buffer_target_delay: f64,
    /// Samples that the two sums are over.
    pub jitter_buffer_emitted_count: u64,
    /// Samples rendered, concealed ones included.
    pub total_samples_received: u64,
    /// Samples made up for packets that were not there.
    pub concealed_samples: u64,
    /// Those of them that are silent because the loss went on.
    pub silent_concealed_samples: u64,
    /// How many times concealment began.
    pub concealment_events: u64,
    /// Samples added to let the delay grow.
    pub inserted_samples_for_deceleration: u64,
    /// Samples taken out to bring the delay down.
    pub removed_samples_for_acceleration: u64,
    /// Packets that carried a copy of the frame before them.
    pub fec_packets_received: u64,
    /// Those of them whose copy was not needed or came too late.
    pub fec_packets_discarded: u64,
    /// Samples of lost frames decoded from such a copy; not among the concealed. Not in
    /// webrtc-stats.
    pub recovered_samples: u64,
    /// Linear, 0 to 1, before the volume.
    pub audio_level: f64,
    /// Integral of the squared level.
    pub total_audio_energy: f64,
    /// Duration of the samples rendered.
    pub total_samples_duration: f64,
    /// The target delay now. Not in webrtc-stats.
    pub target_delay: f64,
    /// Packets that libopus refused. Not in webrtc-stats.
    pub decode_errors: u64,
}
