//! What an uplink counts.

use serde::Serialize;

use super::TransportStats;

/// Everything measured at one uplink.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct UplinkStats {
    /// When the numbers were taken, in milliseconds since the host's origin.
    pub timestamp: f64,
    /// The session.
    pub transport: TransportStats,
    /// What reports say of all packets on the path. Ours.
    pub path: PathStats,
    /// One entry for each track and spatial layer, in their order.
    pub outbound: Vec<OutboundStats>,
}

/// What the far end reports of the path, whatever the packets carried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct PathStats {
    /// Packets reported as received.
    pub packets_received: u64,
    /// Packets reported as lost, less those that came after all.
    pub packets_lost: u64,
    /// Share of packets lost while no queue stood, 0 to 1: the path's own losses, not those for
    /// want of room.
    pub random_loss: f64,
    /// Mean length of a run of lost packets over that of independent losses, from 1.
    pub burst: f64,
}

/// One stream sent, after `RTCOutboundRtpStreamStats` and what the far end reports of it
/// (`RTCRemoteInboundRtpStreamStats`).
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct OutboundStats {
    /// `"audio"` or `"video"`.
    pub kind: &'static str,
    /// The track number. Ours, for `mid`.
    pub track: u8,
    /// The spatial layer. Ours, for `rid`.
    pub spatial: u8,
    /// Media packets sent, retransmissions included.
    pub packets_sent: u64,
    /// Payload bytes sent, retransmissions included, headers not.
    pub bytes_sent: u64,
    /// Bytes of media headers sent.
    pub header_bytes_sent: u64,
    /// Packets sent again.
    pub retransmitted_packets_sent: u64,
    /// Payload bytes sent again.
    pub retransmitted_bytes_sent: u64,
    /// Repair packets sent. Ours.
    pub fec_packets_sent: u64,
    /// Their bytes, headers included. Ours.
    pub fec_bytes_sent: u64,
    /// Frames whose every packet was sent once.
    pub frames_sent: u64,
    /// Key frames among `frames_encoded`.
    pub key_frames_encoded: u64,
    /// Frames the encoder handed in.
    pub frames_encoded: u64,
    /// Frames handed in and thrown away before they were sent whole. Ours.
    pub frames_dropped: u64,
    /// Bytes of the sealed frames handed in. Ours.
    pub bytes_encoded: u64,
    /// Packets the far end asked for again.
    pub nack_count: u64,
    /// Key frames the far end asked for.
    pub pli_count: u64,
    /// What the encoder is told to produce, in bits per second.
    pub target_bitrate: f64,
    /// Sum over packets of the time from hand-over to the wire, in seconds.
    pub total_packet_send_delay: f64,
    /// Packets the gateway reported as not received (`RTCRemoteInboundRtpStreamStats.packetsLost`).
    pub packets_lost: u64,
    /// Their share since the last report, 0 to 1.
    pub fraction_lost: f64,
}
