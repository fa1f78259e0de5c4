//! The adaptive buffer between the network and the mixer, one for each source.
//!
//! Packets go in as they come; 10 ms of audio come out whenever asked. In between, a fixed rule
//! picks an [`Operation`] each time audio runs short: decode what is next, conceal what is missing,
//! or shorten or lengthen what was decoded so that the delay stays at its target. The words are
//! libwebrtc NetEQ's; the rules are simpler: `Expand` is libopus's own concealment with our fade to
//! background noise, and our pitch repetition only continues it up to a `Merge`. Not here: a target
//! delay that weighs what a loss costs against waiting (libwebrtc's `ReorderOptimizer`); it is a
//! quantile of what came lately.
//!
//! ```text
//!  insert ─► packet_buffer ─► decision ─┬─ Normal, Merge, Recover ─► Opus ─┬─► pcm ─► render
//!               │                ▲      ├─ Expand, ComfortNoise ──► Opus ──┤
//!               └► delay_manager ┘      └─ Accelerate, PreemptiveExpand ───┘
//! ```
//!
//! Delay is measured by schedule, not by buffer level: the time since the fastest recent packet
//! would have delivered the sample about to be rendered. So neither bursts of arrivals nor bursts
//! of `render` calls look like a change.

mod background_noise;
mod buffer;
mod decision;
mod delay_manager;
mod expand;
mod merge;
mod missing_packets;
mod packet_buffer;
mod pitch;
mod receive_stats;
mod time_stretch;

pub(crate) use buffer::Neteq;
pub(crate) use delay_manager::DelayLimits;
pub use receive_stats::AudioReceiveStats;

/// What is done to get the next audio of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// The next packet is decoded.
    Normal,
    /// The next packet is decoded after concealment and joined to it.
    Merge,
    /// The missing frame is decoded from the low-bitrate copy in its successor.
    Recover,
    /// Nothing is there: the past is continued.
    Expand,
    /// The talker has fallen silent on purpose: background noise is continued.
    ComfortNoise,
    /// The next packet is decoded and shortened, because the delay is above its target.
    Accelerate,
    /// The next packet is decoded and lengthened, because the delay is below its target.
    PreemptiveExpand,
}
