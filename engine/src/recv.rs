//! The receiving side: from datagrams to frames that can be decoded, in order and on time.
//!
//! ```text
//!  datagram ─► FeedbackCollector   what came and when, for the sender's congestion controller
//!           ─► NackTracker         what is missing and still worth asking for
//!           ─► Reassembler ─► Sealed ─► (the host opens) ─► Audio, at once
//!                                                        └► VideoJitterBuffer ─► Video { render_at }
//! ```
//!
//! [`Downlink`] is these stages put together for a subscriber. The first two are in
//! [`crate::path`], because a gateway uses them too.
//!
//! Not a decoder and not a key holder: sealed frames are opaque, and opened ones are looked at only
//! through their header.

mod decrypt_state;
mod downlink;
mod freeze_meter;
mod jitter_buffer;
mod key_frame_requester;
mod playout_delay;
mod reassembler;
mod video_track;

pub use decrypt_state::{DecryptChange, DecryptState, OpenFailure};
pub use downlink::{Downlink, DownlinkConfig, DownlinkEvent, DownlinkInput, DownlinkOutput};
pub use freeze_meter::FreezeMeter;
pub use jitter_buffer::{BufferedFrame, JitterBufferConfig, VideoJitterBuffer};
pub use key_frame_requester::KeyFrameRequester;
pub use playout_delay::{PlayoutDelay, PlayoutDelayConfig};
pub use reassembler::{Assembled, Inserted, Reassembler, ReassemblerConfig, Unfinished};
pub use video_track::VideoConfig;
