//! Sealed frames to packets: the sending half of the engine.
//!
//! [`Uplink`] is the session of a publisher: it numbers frames, cuts sealed ones into packets
//! ([`Packetizer`]), spreads them over time ([`Pacer`]) at the rate its congestion controller
//! allows, keeps them a while ([`PacketCache`]) and sends again what is asked for.
//!
//! Not the encoding and not the sealing: a frame comes in as opaque bytes and is told its size by
//! events.

mod pacer;
mod packet_cache;
mod packetizer;
mod retransmission_gate;
mod uplink;

pub use pacer::{Class, Dropped, Pacer, PacerConfig, Queued};
pub use packet_cache::{CacheConfig, PacketCache};
pub use packetizer::Packetizer;
pub use retransmission_gate::RetransmissionGate;
pub use uplink::{
    FrameParams, LayerConfig, ProtectionConfig, TrackConfig, Uplink, UplinkConfig, UplinkEvent,
    UplinkInput, UplinkOutput,
};
