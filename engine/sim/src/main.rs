//! `smrtc-sim SCENARIO.toml… [--seeds N] [--plot DIR] …`: runs scenarios and prints a Markdown
//! table; see [`smrtc_sim::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    match smrtc_sim::cli::run(std::env::args().skip(1)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("smrtc-sim: {why}");
            ExitCode::FAILURE
        }
    }
}
