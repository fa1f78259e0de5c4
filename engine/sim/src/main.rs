//! Runs scenarios of the network simulator and prints a Markdown table; see [`smrtc_sim::cli`].

use std::process::ExitCode;

use clap::Parser;

/// Runs scenarios of the engine's network simulator and prints a Markdown table.
///
/// In virtual time: a run is a function of its scenario and its seed.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(flatten)]
    options: smrtc_sim::cli::Options,
}

fn main() -> ExitCode {
    match smrtc_sim::cli::run(&Arguments::parse().options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("smrtc-sim: {why}");
            ExitCode::FAILURE
        }
    }
}
