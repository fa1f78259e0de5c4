//! Tools that put a load or a strain on a gateway, for tests and measurements.
//!
//! Not part of a deployment.

mod bots;
mod group;
mod impair;

use clap::{Parser, Subcommand};

/// Tools that put a load or a strain on a gateway.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Fills rooms of a gateway with native participants, and prints how they fare as JSON.
    ///
    /// Each bot is a whole participant: it joins by token, takes part in the room's MLS group,
    /// seals what it sends and opens, decodes and plays what it gets. Bots are named
    /// bot-ROOM-NUMBER. Their video is VP8 that shows the number of the frame and the time; people
    /// may join the same rooms with a browser.
    ///
    /// The report: how long joining took; frames sent, expected and received; the delay of audio
    /// and video from the sender's engine to the receiver's ear and eye; concealed audio; epochs of
    /// the groups, and when all agreed; what is missing and what went wrong; CPU time and memory
    /// of the gateway.
    ///
    /// With a gateway that `make demo` has started: smrtc-loadgen bots --gateway
    /// http://localhost:4433 --rooms 2 --people 4
    Bots(bots::Options),
    /// Relays UDP with loss, delay, jitter and a bottleneck, both ways.
    ///
    /// Each client address gets a socket of its own towards the target, so that replies find their
    /// way back. Counters are printed as one line of JSON on SIGUSR1, and at the end on SIGTERM or
    /// SIGINT.
    ///
    /// A line on standard input changes the path under way: options as on the command line, from
    /// --delay to --direction, defaults for what it does not name. The counters so far are printed
    /// in answer.
    Impair(impair::Options),
    /// Runs scenarios of the engine's network simulator and prints a Markdown table.
    ///
    /// In virtual time: a run is a function of its scenario and its seed.
    Simulate(smrtc_sim::cli::Options),
    /// Measures what group keys (MLS) cost in rooms of different sizes, as JSON.
    ///
    /// No gateway and no network: bytes, and milliseconds of one core, of members that join, leave
    /// and make new keys, once the tree is filled. Build with --release for times that mean
    /// something.
    Group(group::Options),
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {
        Command::Bots(options) => bots::run(&options),
        Command::Impair(options) => impair::run(&options),
        Command::Simulate(options) => smrtc_sim::cli::run(&options).map_err(anyhow::Error::msg),
        Command::Group(options) => group::run(&options),
    }
}
