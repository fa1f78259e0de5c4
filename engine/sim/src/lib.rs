//! A deterministic network simulator for the media engine.
//!
//! Real uplinks and downlinks with the real jitter buffer for sound exchange their datagrams over simulated links, in
//! virtual time: a run is a function of its scenario and its seed, and ten minutes of call take seconds.
//!
//! - [`link`]: a bottleneck with a queue, loss, delay, jitter. [`tcp`]: cross traffic.
//! - [`scenario`]: what a TOML file says. [`Simulation`]: runs one case of it with one seed.
//! - [`report`]: what is said of a run. [`table`]: of many. [`plot`]: one as a picture.
//!
//! Not a codec: pictures are sizes only, and sealing is the length it adds. Not a gateway either: a flow is one hop from its
//! publisher to its subscriber.

pub mod cli;
mod codel;
mod endpoint;
pub mod link;
mod measure;
pub mod plot;
pub mod report;
mod rng;
mod run;
pub mod scenario;
pub mod table;
pub mod tcp;
pub mod trace;
mod voice;

pub use rng::Rng;
pub use run::Simulation;
pub use voice::Voice;
