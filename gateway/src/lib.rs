//! The media gateway, as a library that tests drive in-process.
//!
//! [`hub`] and all beneath it are sans-IO; only `net` says `async`. Nothing here can open media:
//! the gateway has no key and does not link the code that would use one.

pub mod auth;
pub mod ca;
pub mod config;
mod counter_macro;
mod counters;
pub mod delivery;
mod edge;
pub mod forward;
mod gateway;
pub mod hub;
#[cfg(feature = "_test_support")]
pub mod interceptor;
mod net;
mod ops;
mod owner;
pub mod room;
pub mod tls;

pub use gateway::{Gateway, Settings, StartError};
pub use net::TcpLimits;
