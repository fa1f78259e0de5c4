//! What group keys cost in rooms of different sizes: bytes on the wire and milliseconds of one core.
//!
//! The members are sessions of `smrtc-e2ee`, the delivery service is a few lines of memory, the clock is virtual: what is timed is
//! the work of a member alone. The room grows by external commits, each of which gives the newcomer's whole path fresh keys; so the
//! tree is filled, as in a room where every member has committed once. Two members live through all of it, and
//! commit and process; the others only stand in the tree.

mod measure;
mod room;

use clap::{Args, ValueEnum};
use serde::Serialize;
use smrtc_e2ee::mls::Suite;

use measure::{Cost, Growth, measure};
use room::Room;

/// The options of `group`.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Sizes of the room, ascending, as a list with commas or repeated.
    #[arg(long, value_name = "N", value_delimiter = ',', default_values_t = [2, 10, 100, 1000], value_parser = clap::value_parser!(u32).range(2..=20_000))]
    members: Vec<u32>,

    /// Cipher suite of MLS.
    #[arg(long, value_enum, default_value = "sm2")]
    suite: SuiteName,

    /// How often each thing is done; the median counts.
    #[arg(long, value_name = "TIMES", default_value = "5", value_parser = clap::value_parser!(u32).range(1..=100))]
    repeat: u32,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum SuiteName {
    /// 0xF001: DHKEM over the SM2 curve, SM4-GCM, SM3.
    Sm2,
    /// 0xF002: the same with SM2 encryption as KEM.
    Sm2Pke,
    /// 0x0002: P-256, AES-128-GCM, SHA-256.
    P256,
}

impl From<SuiteName> for Suite {
    fn from(name: SuiteName) -> Self {
        match name {
            SuiteName::Sm2 => Self::Sm2Sm4GcmSm3,
            SuiteName::Sm2Pke => Self::Sm2PkeSm4GcmSm3,
            SuiteName::P256 => Self::P256Aes128GcmSha256,
        }
    }
}

#[derive(Serialize)]
struct Report {
    suite: String,
    repeat: u32,
    rooms: Vec<Cost>,
    growth: Vec<Growth>,
}

/// Prints the costs as one JSON object; progress goes to standard error.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let suite = Suite::from(options.suite);
    let mut sizes = options.members.clone();
    sizes.sort_unstable();
    sizes.dedup();
    let mut room = Room::create(suite)?;
    let mut rooms = Vec::new();
    for size in sizes {
        eprintln!("group: growing to {size} members");
        while room.size() < size {
            room.join_externally()?;
        }
        rooms.push(measure(&mut room, options.repeat)?);
    }
    let growth = rooms
        .windows(2)
        .map(|pair| Growth::between(&pair[0], &pair[1]));
    let report = Report {
        suite: format!("{:#06x}", suite.id()),
        repeat: options.repeat,
        growth: growth.collect(),
        rooms,
    };
    println!("{}", serde_json::to_string_pretty(&report)?);
    Ok(())
}
