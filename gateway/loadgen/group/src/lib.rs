//! What group keys cost in rooms of different sizes: bytes on the wire and milliseconds of one
//! core.
//!
//! The members are sessions of `smrtc-e2ee`, the delivery service is one in memory, the
//! clock is virtual: what is timed is the work of a member alone. The room grows by external
//! commits, each of which gives the newcomer's whole path fresh keys; so the tree is filled, as in
//! a room where every member has committed once. Two members live through all of it, and commit and
//! process; the others only stand in the tree. The same code runs natively and, by `build.sh`, as
//! Wasm in Node.

/// The one of the tests of group keys.
#[allow(dead_code, reason = "those tests use all of it")]
#[path = "../../../../crypto/e2ee/tests/support/service.rs"]
mod delivery;
mod measure;
mod room;
mod stopwatch;
#[cfg(target_arch = "wasm32")]
pub mod web;

use serde::Serialize;
use smrtc_e2ee::mls::Suite;

pub use measure::{Cost, Growth};
pub use room::{ExternalJoin, Join, Leave, Rotation};

use room::Room;

/// Costs in rooms of several sizes.
#[derive(Serialize)]
pub struct Costs {
    /// In the order of their sizes.
    pub rooms: Vec<Cost>,
    /// From each to the next.
    pub growth: Vec<Growth>,
}

/// Grows a room to each of `sizes`, does everything `repeat` times there, and takes medians.
/// `progress` is told each size before.
///
/// # Errors
///
/// That the members do not agree, or that something which must happen does not: a fault of the
/// group keys.
pub fn costs(
    suite: Suite,
    sizes: &[u32],
    repeat: u32,
    progress: impl Fn(u32),
) -> anyhow::Result<Costs> {
    let mut sizes = sizes.to_vec();
    sizes.sort_unstable();
    sizes.dedup();
    let mut room = Room::create(suite)?;
    let mut rooms = Vec::new();
    for size in sizes {
        progress(size);
        while room.size() < size {
            room.join_externally()?;
        }
        rooms.push(measure::measure(&mut room, repeat)?);
    }
    let growth = rooms
        .windows(2)
        .map(|pair| Growth::between(&pair[0], &pair[1]));
    Ok(Costs {
        growth: growth.collect(),
        rooms,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_are_counted_in_every_suite() {
        for suite in [Suite::Sm2Sm4GcmSm3, Suite::P256Aes128GcmSha256] {
            let costs = costs(suite, &[4, 2, 4], 1, |_| ()).expect("they agree");
            let sizes: Vec<u32> = costs.rooms.iter().map(|room| room.members).collect();
            assert_eq!((sizes, costs.growth.len()), (vec![2, 4], 1));
            let leave = &costs.rooms[1].leave;
            assert!(leave.commit_bytes > 300 && leave.commit_ms > 0.0 && leave.process_ms > 0.0);
        }
    }
}
