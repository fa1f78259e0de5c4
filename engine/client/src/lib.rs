//! A participant of a call, without a socket and without a clock.
//!
//! This is where the engine, the audio and the sealing meet. A host passes bytes, frames and the
//! time in, and carries out what is polled: it owns the sockets, the microphone, the encoders and
//! the decoders.
//!
//! ```text
//!                     control stream       datagrams                datagrams
//!                           ▲ │              ▲ │                        ▲ │
//!                           │ ▼              │ ▼                        │ ▼
//! microphone, video ─► UplinkHalf ────── KeyMessage ──────────────► DownlinkHalf ─► video, audio
//!                      capture, group, sealing, sending     receiving, opening, playout
//! ```
//!
//! - [`UplinkHalf`] holds the control stream and the session of the room's MLS group.
//!   [`DownlinkHalf`] holds the keys that open frames. Each runs alone, as in the two workers of a
//!   browser; [`KeyMessage`]s go from the first to the second.
//! - [`Participant`] drives both halves, for hosts that run them in one place.
//!
//! Not here: the wire formats and the media algorithms (`smrtc-engine`, `smrtc-audio`), the ciphers
//! and the group protocol (`smrtc-crypto`, `smrtc-e2ee`), and sockets.

mod datagram_queue;
mod downlink;
mod error;
mod group;
mod keys;
mod participant;
mod randomness;
mod sealing;
mod uplink;
mod wall_clock;

pub use datagram_queue::MAX_WAITING_DATAGRAMS;
pub use downlink::{
    AudioStats, Decryption, DownlinkEvent, DownlinkHalf, DownlinkOptions, DownlinkStats,
    OpeningState, SenderStats, VideoFrame,
};
pub use error::{NoSession, SetupError};
pub use group::GroupOptions;
pub use keys::{KeyMessage, Keys};
pub use participant::{
    Input, Output, Participant, ParticipantEvent, ParticipantOptions, RemoteTrack, Side,
};
pub use randomness::Randomness;
pub use sealing::{FrameBuffer, SendError};
pub use smrtc_e2ee::mls::Event as GroupEvent;
pub use uplink::{EncoderEvent, KeySource, LayerBitrate, UplinkEvent, UplinkHalf, UplinkOptions};
pub use wall_clock::WallClock;
