//! The words of the command line: which scenarios, how many seeds, what is left out, and where it
//! goes.

use std::path::{Path, PathBuf};

use crate::report::Report;
use crate::scenario::{Case, ControllerSpec, Scenario};
use crate::{Simulation, Voice, plot, room, table};

/// What there is to say.
pub const USAGE: &str = "SCENARIO.toml... [--seeds N] [--first-seed N] [--without fec,red,nack,neteq] [--bbr] [--json FILE] [--plot DIR]";

struct Options {
    files: Vec<String>,
    seeds: u64,
    first: u64,
    without: String,
    bbr: bool,
    json: Option<PathBuf>,
    plot: Option<PathBuf>,
}

/// Runs what the arguments say and prints a Markdown table; progress goes to standard error.
///
/// # Errors
///
/// A sentence for people: what in the arguments or files is wrong, or what could not be written.
pub fn run(arguments: impl Iterator<Item = String>) -> Result<(), String> {
    let options = Options::read(arguments)?;
    let voice = Voice::new();
    let mut cases = Vec::new();
    for file in &options.files {
        cases.extend(options.scenario(file)?.cases());
    }
    let reports = options.run_all(&cases, &voice);
    for report in reports.iter().filter(|report| report.seed == options.first) {
        if let Some(folder) = &options.plot {
            write(&folder.join(plot::file_name(report)), &plot::svg(report))?;
        }
    }
    if let Some(file) = &options.json {
        let text = serde_json::to_string_pretty(&reports).map_err(|why| why.to_string())?;
        write(file, &text)?;
    }
    print!("{}", table::markdown(&reports));
    Ok(())
}

impl Options {
    fn read(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self {
            files: Vec::new(),
            seeds: 3,
            first: 1,
            without: String::new(),
            bbr: false,
            json: None,
            plot: None,
        };
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(USAGE);
            match argument.as_str() {
                "--seeds" => options.seeds = number(&value()?)?,
                "--first-seed" => options.first = number(&value()?)?,
                "--without" => options.without = value()?,
                "--bbr" => options.bbr = true,
                "--json" => options.json = Some(value()?.into()),
                "--plot" => options.plot = Some(value()?.into()),
                _ if argument.starts_with("--") => return Err(USAGE.to_owned()),
                _ => options.files.push(argument),
            }
        }
        if options.files.is_empty() {
            return Err(USAGE.to_owned());
        }
        Ok(options)
    }

    /// Every case with every seed, in this order.
    fn run_all(&self, cases: &[Case], voice: &Voice) -> Vec<Report> {
        let mut reports = Vec::new();
        for case in cases {
            for seed in self.first..self.first + self.seeds {
                if case.scenario.subscribers.is_empty() {
                    reports.push(Simulation::new(case, seed, voice).run());
                } else {
                    reports.extend(room::run(case, seed, voice));
                }
                eprintln!("{}: seed {seed} done", case.name);
            }
        }
        reports
    }

    /// The scenario of a file, without what is to be left out.
    fn scenario(&self, file: &str) -> Result<Scenario, String> {
        let scenario = Scenario::read(Path::new(file));
        let mut scenario = scenario.map_err(|why| format!("{file}: {why}"))?;
        let parts: Vec<&str> = self
            .without
            .split(',')
            .filter(|part| !part.is_empty())
            .collect();
        for part in &parts {
            *match *part {
                "fec" => &mut scenario.engine.fec,
                "red" => &mut scenario.engine.red,
                "nack" => &mut scenario.engine.nack,
                "neteq" => &mut scenario.engine.neteq,
                _ => return Err(USAGE.to_owned()),
            } = false;
        }
        if !parts.is_empty() {
            scenario.name = format!("{} without {},", scenario.name, parts.join(" and "));
        }
        if self.bbr {
            scenario.engine.controller = ControllerSpec::Bbr;
            scenario.name = format!("{} with BBR,", scenario.name);
        }
        Ok(scenario)
    }
}

fn write(file: &Path, text: &str) -> Result<(), String> {
    let error = |why: std::io::Error| format!("{}: {why}", file.display());
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder).map_err(error)?;
    }
    std::fs::write(file, text).map_err(error)
}

fn number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| USAGE.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Options, String> {
        Options::read(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn words_are_read_and_unknown_ones_refused() {
        let options = read("a.toml b.toml --seeds 20 --without fec,neteq --plot out").unwrap();
        assert_eq!(
            (options.files.len(), options.seeds, options.first),
            (2, 20, 1)
        );
        assert_eq!(options.plot, Some(PathBuf::from("out")));
        for wrong in [
            "",
            "--seeds 3",
            "a.toml --seeds many",
            "a.toml --colour",
            "a.toml --json",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_left_out_is_in_the_name() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/jitter.toml");
        let scenario = read(&format!("{file} --without neteq,fec --bbr"))
            .unwrap()
            .scenario(file)
            .unwrap();
        assert_eq!(scenario.name, "jitter without neteq and fec, with BBR,");
        assert!(!scenario.engine.neteq && !scenario.engine.fec && scenario.engine.nack);
        assert!(
            read(&format!("{file} --without audio"))
                .unwrap()
                .scenario(file)
                .is_err()
        );
    }
}
