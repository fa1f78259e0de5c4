//! Follows secrets through compiled Wasm, to see that none becomes an address or a branch.
//!
//! A module is decoded and then run, instruction by instruction, on values that know which of their
//! bits depend on a secret ([`value`]); memory knows it of each byte ([`memory`]). A secret
//! address, branch condition, `select` condition, target of an indirect call or operand of a
//! division is a finding ([`machine`]). What did not run is listed ([`coverage`]).
//!
//! **What a run without findings shows.** Since no secret decided where control goes or what is
//! read and written, the run took the steps it takes under *every* value of the secrets, for the
//! public inputs that were given: lengths, nonces, associated data, addresses. So one run per
//! public input is enough, and it is no sample.
//!
//! **What it does not show.** Public inputs that were not tried: other lengths go through the same
//! instructions, all of which ran (or the check fails), but not in the same order. What an engine's
//! compiler makes of the module. Instructions whose time depends on their operands in ways other
//! than a division's.
//!
//! One secret bit is let through: whether a tag verifies. It is recognised as a bit that depends on
//! each of the sixteen bytes of the received tag, so a comparison that stops at the first
//! difference is a finding.

pub mod access;
pub mod coverage;
pub mod doors;
pub mod follow;
pub mod machine;
pub mod memory;
pub mod module;
pub mod numeric;
pub mod value;
pub mod vector;
