//! A participant outside of the browser: `smrtc-client` over tokio, WebTransport and WebSocket.
//!
//! [`Call::start`] connects, joins and stays; [`Call`] publishes and sends, [`Events`] tells what
//! happens and brings what is received. Media is sealed end to end, with the room's MLS group or
//! with a key of the application's. Bots, recorders and native applications build on this.
//!
//! Not here: encoders and decoders of video. A host brings encoded frames and gets encoded
//! frames.

mod call;
mod ivf;
mod link;

pub use call::{Call, CallOptions, CallStats, Event, Events, group_keys};
pub use ivf::{IvfError, IvfFrame, IvfReader, IvfWriter};
pub use link::{Address, Transport};

pub use smrtc_client as client;
pub use smrtc_engine as engine;
