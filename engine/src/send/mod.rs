//! Sealed frames to packets: the sending half of the engine.
//!
//! [`Uplink`] is the session of a publisher: it numbers frames, cuts sealed ones into packets
//! ([`Packetizer`]), spreads them over time ([`Pacer`]) at the rate its congestion controller
//! allows, keeps them a while ([`PacketCache`]) and repeats what is asked for again.
//!
//! Not the encoding and not the sealing: a frame comes in as opaque bytes and is told its size by
//! events.

mod cache;
mod pacer;
mod packetizer;
mod repeat;
mod uplink;

pub use cache::{CacheConfig, PacketCache};
pub use pacer::{Class, Dropped, Pacer, PacerConfig, Queued};
pub use packetizer::Packetizer;
pub use repeat::RepeatGate;
pub use uplink::{
    FrameParams, LayerConfig, ProtectionConfig, TrackConfig, Uplink, UplinkConfig, UplinkEvent,
    UplinkInput, UplinkOutput,
};
