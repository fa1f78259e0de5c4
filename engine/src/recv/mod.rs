//! The receiving side: from datagrams to frames that can be decoded, in order and on time.
//!
//! ```text
//!  datagram ─► FeedbackCollector   what came and when, for the sender's congestion controller
//!           ─► NackTracker         what is missing and still worth asking for
//!           ─► Reassembler ─► Sealed ─► (the host opens) ─► Audio, at once
//!                                                        └► VideoJitterBuffer ─► Video { render_at }
//! ```
//!
//! [`Downlink`] is these stages put together for a subscriber. A gateway uses [`FeedbackCollector`] and
//! [`NackTracker`] by themselves on what a publisher sends it.
//!
//! Not a decoder and not a key holder: sealed frames are opaque, and opened ones are looked at only through their
//! header.

mod feedback;
mod nack;
mod nack_frame;
mod reassembler;
mod rtt;
mod sequence;
mod stream_id;
#[cfg(test)]
mod testing;

pub use feedback::{FeedbackCollector, FeedbackConfig};
pub use nack::{Holes, NackConfig, NackCounters, NackTracker};
pub use reassembler::{Assembled, Inserted, Reassembler, ReassemblerConfig, Unfinished};
pub use rtt::RttEstimator;
pub use stream_id::StreamId;
