//! The engine on a simulated network, in virtual time: a seed is a run.
//!
//! `pair` a publisher and the one who receives from it, `call` a publisher and a subscriber; then
//! one file per behaviour.
#![allow(
    missing_docs,
    reason = "a test program has no readers of its documentation"
)]

mod call;
mod pair;
mod receiver;

mod any_path;
mod clock;
mod congestion;
mod determinism;
mod playback;
mod repair;
