//! Statistics of one uplink or one downlink, under the names of W3C webrtc-stats.
//!
//! Where the specification (<https://www.w3.org/TR/webrtc-stats/>) has a name for a quantity, the
//! field has that name and that meaning; times are in seconds and rates in bits per second, as
//! there. Fields the specification has no name for say so. Structures serialize to camelCase.
//!
//! Not a meter: the stages count, these structures only carry the counts out.

mod downlink;
mod transport;
mod uplink;

pub use downlink::{DownlinkStats, DropCounts, DropReason, InboundStats};
pub use transport::TransportStats;
pub use uplink::{OutboundStats, PathStats, UplinkStats};

use core::time::Duration;

/// A duration as webrtc-stats writes it: seconds, with a fraction.
pub fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64()
}
