//! What both directions of a call know of the path that packets take.
//!
//! - [`FeedbackCollector`]: what arrived and when, reported to the sender's congestion controller.
//! - [`NackTracker`]: what is missing and still worth asking for.
//! - [`RttEstimator`]: how long a round trip takes.
//!
//! The downlink of a subscriber uses all three, an uplink only the last, and a gateway the first
//! two on what a publisher sends it. None of them looks at what a packet carries.

mod feedback_collector;
mod nack_tracker;
mod rtt;
pub(crate) mod sequence;

pub use feedback_collector::{FeedbackCollector, FeedbackConfig};
pub use nack_tracker::{Holes, NackConfig, NackCounters, NackTracker};
pub use rtt::RttEstimator;
