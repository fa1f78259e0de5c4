use crate::{counter_macro::counters, delivery, forward::Drops};

counters! {
    /// What a node has counted since it started.
    #[non_exhaustive]
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Counters {
        /// Participants who joined.
        pub joins = "joins_total",
        /// Participants who left.
        pub leaves = "leaves_total",
        /// Requests answered with an error.
        pub refused_requests = "requests_refused_total",
        /// Media packets from publishers.
        pub media_in = "media_packets_in_total",
        /// Bytes of media packets from publishers.
        pub media_in_bytes = "media_bytes_in_total",
        /// Media packets queued for subscribers.
        pub media_out = "media_packets_out_total",
        /// Repair packets made for subscribers' paths.
        pub repairs_made = "repair_packets_made_total",
        /// Publishers' repair packets that were not needed any further.
        pub repairs_ended = "repair_packets_ended_total",
        /// Reports of arrivals from subscribers.
        pub reports = "subscriber_reports_total",
        /// Changes of the layers that a subscriber gets of a track.
        pub layer_switches = "layer_switches_total",
        /// Packets retransmitted for NACKs.
        pub retransmitted = "packets_repeated_total",
        /// NACKs that the cache or the rate did not answer.
        pub not_retransmitted = "packets_not_repeated_total",
        /// Kept packets looked at for NACKs.
        pub nack_packets = "nack_packets_total",
        /// Feedback, NACKs and key-frame requests sent.
        pub datagrams_to_publishers = "datagrams_to_publishers_total",
        /// Key-frame requests from subscribers.
        pub key_frame_requests = "key_frame_requests_total",
        /// Datagrams that do not parse.
        pub malformed_datagrams = "malformed_datagrams_total",
        /// Datagrams of an unknown kind or version.
        pub unknown_datagrams = "unknown_datagrams_total",
        /// Media packets that name another sender.
        pub foreign_senders = "foreign_sender_packets_total",
        /// Media packets of unpublished tracks.
        pub unpublished = "unpublished_packets_total",
        /// Media packets that had come before.
        pub duplicates = "repetitions_total",
        /// Media packets over a publisher's rate.
        pub over_rate = "over_rate_packets_total",
    }
    parts {
        /// Messages of group keys.
        pub delivery: delivery::Counters,
        /// What left subscribers' queues unsent, of members who are gone.
        pub drops: Drops,
    }
}
