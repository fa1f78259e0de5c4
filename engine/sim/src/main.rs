//! `smrtc-sim SCENARIO.toml… [--seeds N] [--first-seed N] [--without fec,red,nack] [--bbr] [--json FILE]`: runs scenarios and prints a Markdown table.

use std::process::ExitCode;

use smrtc_sim::scenario::{ControllerSpec, Scenario};
use smrtc_sim::{Simulation, Voice, table};

const USAGE: &str = "smrtc-sim SCENARIO.toml... [--seeds N] [--first-seed N] [--without fec,red,nack] [--bbr] [--json FILE]";

fn main() -> ExitCode {
    match run(std::env::args().skip(1)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("smrtc-sim: {why}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: impl Iterator<Item = String>) -> Result<(), String> {
    let (mut files, mut seeds, mut first, mut json) = (Vec::new(), 3, 1, None);
    let (mut without, mut bbr) = (String::new(), false);
    let mut arguments = arguments;
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(USAGE);
        match argument.as_str() {
            "--seeds" => seeds = number(&value()?)?,
            "--first-seed" => first = number(&value()?)?,
            "--without" => without = value()?,
            "--bbr" => bbr = true,
            "--json" => json = Some(value()?),
            _ if argument.starts_with("--") => return Err(USAGE.to_owned()),
            _ => files.push(argument),
        }
    }
    if files.is_empty() {
        return Err(USAGE.to_owned());
    }
    let voice = Voice::new();
    let mut reports = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).map_err(|why| format!("{file}: {why}"))?;
        let mut scenario = Scenario::parse(&text).map_err(|why| format!("{file}: {why}"))?;
        for part in without.split(',').filter(|part| !part.is_empty()) {
            *match part {
                "fec" => &mut scenario.engine.fec,
                "red" => &mut scenario.engine.red,
                "nack" => &mut scenario.engine.nack,
                _ => return Err(USAGE.to_owned()),
            } = false;
            scenario.name = format!("{} without {part},", scenario.name);
        }
        if bbr {
            scenario.engine.controller = ControllerSpec::Bbr;
            scenario.name = format!("{} with BBR,", scenario.name);
        }
        for case in scenario.cases() {
            for seed in first..first + seeds {
                reports.push(Simulation::new(&case, seed, &voice).run());
            }
        }
    }
    if let Some(file) = json {
        let text = serde_json::to_string_pretty(&reports).map_err(|why| why.to_string())?;
        std::fs::write(&file, text).map_err(|why| format!("{file}: {why}"))?;
    }
    print!("{}", table::markdown(&reports));
    Ok(())
}

fn number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| USAGE.to_owned())
}
