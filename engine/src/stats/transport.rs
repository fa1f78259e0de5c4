//! What is measured of the session as a whole rather than of one stream.

use serde::Serialize;

/// One session's datagrams and its path, after `RTCIceCandidatePairStats` and `RTCTransportStats`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct TransportStats {
    /// Datagrams sent, of every kind.
    pub packets_sent: u64,
    /// Datagrams received, of every kind, malformed ones too.
    pub packets_received: u64,
    /// Bytes of those sent, without the transport's own headers.
    pub bytes_sent: u64,
    /// Bytes of those received, without the transport's own headers.
    pub bytes_received: u64,
    /// The newest round-trip time to the gateway, in seconds; absent before the first pong or
    /// report.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub current_round_trip_time: Option<f64>,
    /// Sum of all measured round-trip times, in seconds.
    pub total_round_trip_time: f64,
    /// How many measurements `total_round_trip_time` sums.
    pub responses_received: u64,
    /// What the congestion controller would send now, in bits per second; absent on a downlink.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub available_outgoing_bitrate: Option<f64>,
    /// Datagrams that did not parse or had an unknown kind or version. Ours.
    pub malformed_packets_received: u64,
    /// Media datagrams of tracks this session does not know. Ours.
    pub unexpected_packets_received: u64,
}
