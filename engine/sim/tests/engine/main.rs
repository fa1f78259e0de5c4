//! The engine on a simulated network, in virtual time: a seed is a run.
//!
//! `pair` is the sending engine alone, without keys, against the parts that a gateway receives
//! with. `call` is two participants, from capture to display. Then one file per behaviour.
#![allow(
    missing_docs,
    reason = "a test program has no readers of its documentation"
)]

mod call;
mod pair;
mod played;
mod receiver;

mod any_path;
mod clock;
mod congestion;
mod determinism;
mod playback;
mod repair;
