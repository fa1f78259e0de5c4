use crate::{delivery, forward::Drops};

/// What a node has counted since it started.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Participants who joined.
    pub joins: u64,
    /// Participants who left, for any reason.
    pub leaves: u64,
    /// Requests answered with an error.
    pub refused_requests: u64,
    /// Media packets taken from publishers.
    pub media_in: u64,
    /// Their bytes.
    pub media_in_bytes: u64,
    /// Media packets queued for subscribers, retransmissions not counted.
    pub media_out: u64,
    /// Repair packets made for subscribers' paths.
    pub repairs_made: u64,
    /// Publishers' repair packets that ended here, since all of their frame had come.
    pub repairs_ended: u64,
    /// Reports that came from subscribers.
    pub reports: u64,
    /// Changes of a subscriber's layers.
    pub layer_switches: u64,
    /// Packets retransmitted for subscribers' NACKs.
    pub retransmitted: u64,
    /// Packets asked for by subscribers that were not kept, or over the rate of retransmissions.
    pub not_retransmitted: u64,
    /// Kept packets that were looked at for subscribers' NACKs.
    pub nack_packets: u64,
    /// NACKs sent to publishers are not told apart from feedback; this counts both, and key-frame
    /// requests.
    pub datagrams_to_publishers: u64,
    /// Key-frame requests that came from subscribers.
    pub key_frame_requests: u64,
    /// Datagrams that do not parse or come from the wrong side.
    pub malformed_datagrams: u64,
    /// Datagrams of a kind or version of the future.
    pub unknown_datagrams: u64,
    /// Media packets that named a foreign sender.
    pub foreign_senders: u64,
    /// Media packets of tracks that were not published.
    pub unpublished: u64,
    /// Media packets that had come before.
    pub duplicates: u64,
    /// Media packets over the rate of a publisher.
    pub over_rate: u64,
    /// Messages of group keys.
    pub delivery: delivery::Counters,
    /// What left subscribers' queues unsent, of members who are gone.
    pub drops: Drops,
}
