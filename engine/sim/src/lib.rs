//! A deterministic network simulator for the media engine.
//!
//! Participants, as `smrtc-client` has them, exchange their datagrams over simulated links, in
//! virtual time: a run is a function of its scenario and its seed, and ten minutes of call take
//! seconds.
//!
//! - [`link`]: a bottleneck with a queue, loss, delay, jitter. [`bandwidth`]: a bottleneck as it
//!   was recorded; [`made_traces`]: some that are made. [`tcp`]: cross traffic.
//! - [`scenario`]: what a TOML file says. [`Simulation`]: runs one case of it with one seed.
//!   [`room`]: the same through a gateway, by the real one's forwarding, to several subscribers.
//! - [`halves`]: the participants, which share a key. A host here captures and shows.
//! - [`report`]: what is said of a run. [`table`]: of many. [`plot`]: one as a drawing.
//!
//! Frames are really sealed and opened, with SM4-GCM. Not a codec: frames are as many bytes as
//! one would make.

pub mod bandwidth;
pub mod cli;
mod codel;
pub mod halves;
pub mod link;
mod link_spec;
mod loss;
pub mod made_traces;
mod measure;
pub mod plot;
mod publisher;
pub mod report;
mod reporting;
mod rng;
pub mod room;
mod run;
pub mod scenario;
mod subscriber;
pub mod table;
pub mod tcp;
mod temporal;
pub mod trace;
mod voice;

pub use rng::Rng;
pub use run::Simulation;
pub use voice::Voice;
