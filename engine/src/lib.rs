//! The sans-IO media engine: wire formats, sending, receiving, rate control, synchronisation.
//!
//! No sockets, clock, threads, randomness or keys: the host passes datagrams and the time in and
//! takes datagrams, events and the next deadline out. A sealed frame is opaque bytes here.
//!
//! - [`wire`], [`control`]: bytes ⇄ types; `WIRE.md` and `proto/control.proto` define them.
//! - [`ids`]: names of tracks, layers, streams and frames.
//! - [`signal`]: the client's side of the control stream.
//! - [`send`]: sealed frames → packets; [`cc`] says how fast, [`fec`] makes the packets that stand
//!   in for lost ones.
//! - [`path`]: what both directions know of the path: what arrived, what is missing, how long a
//!   round trip takes.
//! - [`recv`]: packets → sealed frames → frames in time; [`sync`] aligns audio and video.
//! - [`quality`]: how good a direction is, after the E-model.
//! - [`stats`]: what can be said about it all, in the names of W3C webrtc-stats.

pub mod cc;
pub mod control;
pub mod error;
pub mod fec;
pub mod ids;
pub mod path;
pub mod quality;
pub mod recv;
pub mod send;
pub mod signal;
pub mod stats;
pub mod sync;
#[cfg(test)]
pub(crate) mod testing;
pub mod time;
pub mod wire;

pub use ids::{FrameId, LayerId, StreamId, TrackId};
pub use time::{Bitrate, Instant, MediaTime};
