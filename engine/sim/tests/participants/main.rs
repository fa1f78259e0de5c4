//! Whole participants in a room of the gateway's, in virtual time.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "a failed unwrap is a failed test, and a test program has no readers of its docs"
)]

mod guest;
mod network;
mod world;

mod calls;
mod joins;
