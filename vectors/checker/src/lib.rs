//! Checks an implementation with conformance vectors: ours, or somebody else's behind a pipe.
//!
//! A file ([`mod@format`]) becomes groups of cases; a case is one or more [`Request`]s, each with what
//! must come of it; an [`Implementation`] answers requests; [`check`] compares. Nothing here
//! computes an expected value. What an implementation cannot do is counted and said, never skipped.
//!
//! The command `smrtc-vectors` is a shell over this: see `vectors/README.md`.

pub mod args;
pub mod check;
pub mod command;
pub mod format;
pub mod implementation;
pub mod kat;
pub mod ours;
#[cfg(not(target_family = "wasm"))]
pub mod pipe;
pub mod report;
pub mod request;

pub use implementation::{Answer, Implementation};
pub use request::Request;
