//! The command line: which scenarios, how many seeds, which parts of the engine are off, and where
//! the results go.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use crate::report::Report;
use crate::scenario::{Case, ControllerSpec, EngineSpec, Scenario};
use crate::{Simulation, Voice, plot, room, table};

/// What to simulate. The options of `smrtc-sim` and of `smrtc-loadgen simulate`.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// Scenario files; `engine/sim/scenarios` has some.
    #[arg(required = true, value_name = "SCENARIO.toml")]
    files: Vec<PathBuf>,

    /// Number of runs of each case, each with the next seed. The table has median and worst.
    #[arg(long, default_value_t = 3, value_name = "N")]
    seeds: u64,

    /// Seed of the first run.
    #[arg(long, default_value_t = 1, value_name = "N")]
    first_seed: u64,

    /// Parts of the engine to switch off, to see what each contributes; separated by commas.
    #[arg(long, value_delimiter = ',', value_name = "PARTS")]
    without: Vec<Part>,

    /// Control congestion from a model of the path (BBR), not from delay.
    #[arg(long)]
    bbr: bool,

    /// Write the reports of all runs as JSON to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// Draw the run of the first seed of each case as SVG in this folder.
    #[arg(long, value_name = "FOLDER")]
    plot: Option<PathBuf>,
}

/// A part of the engine that can be switched off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Repair packets of video.
    Fec,
    /// Earlier frames of audio, carried again in later packets.
    Red,
    /// Retransmissions.
    Nack,
    /// The adaptive jitter buffer of audio; one of 60 ms takes its place.
    Neteq,
}

/// Runs the scenarios and prints a Markdown table; progress goes to standard error.
///
/// # Errors
///
/// A sentence for people: what in a file is wrong, or what could not be written.
pub fn run(options: &Options) -> Result<(), String> {
    let voice = Voice::new();
    let mut cases = Vec::new();
    for file in &options.files {
        cases.extend(options.scenario(file)?.cases());
    }
    let reports = options.run_all(&cases, &voice);
    let is_first = |report: &&Report| report.seed == options.first_seed;
    for report in reports.iter().filter(is_first) {
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

impl Part {
    fn name(self) -> &'static str {
        match self {
            Self::Fec => "fec",
            Self::Red => "red",
            Self::Nack => "nack",
            Self::Neteq => "neteq",
        }
    }

    fn switch(self, engine: &mut EngineSpec) -> &mut bool {
        match self {
            Self::Fec => &mut engine.fec,
            Self::Red => &mut engine.red,
            Self::Nack => &mut engine.nack,
            Self::Neteq => &mut engine.neteq,
        }
    }
}

impl Options {
    /// Every case with every seed, in this order.
    fn run_all(&self, cases: &[Case], voice: &Voice) -> Vec<Report> {
        let mut reports = Vec::new();
        for case in cases {
            for seed in (self.first_seed..=u64::MAX).take(self.seeds as usize) {
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

    /// The scenario of a file, without the parts that are off. Its name tells them.
    fn scenario(&self, file: &Path) -> Result<Scenario, String> {
        let scenario = Scenario::read(file);
        let mut scenario = scenario.map_err(|why| format!("{}: {why}", file.display()))?;
        for part in &self.without {
            *part.switch(&mut scenario.engine) = false;
        }
        if !self.without.is_empty() {
            let parts: Vec<&str> = self.without.iter().map(|part| part.name()).collect();
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

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Arguments {
        #[command(flatten)]
        options: Options,
    }

    fn read(line: &str) -> Result<Options, clap::Error> {
        let words = ["smrtc-sim"].into_iter().chain(line.split_whitespace());
        Ok(Arguments::try_parse_from(words)?.options)
    }

    #[test]
    fn words_are_read_and_unknown_ones_refused() {
        let options = read("a.toml b.toml --seeds 20 --without fec,neteq --plot out").unwrap();
        assert_eq!(
            (options.files.len(), options.seeds, options.first_seed),
            (2, 20, 1)
        );
        assert_eq!(options.without, [Part::Fec, Part::Neteq]);
        assert_eq!(options.plot, Some(PathBuf::from("out")));
        for wrong in [
            "",
            "--seeds 3",
            "a.toml --seeds many",
            "a.toml --colour",
            "a.toml --json",
            "a.toml --without audio",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_parts_that_are_off_are_in_the_name() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/jitter.toml");
        let scenario = read(&format!("{file} --without neteq,fec --bbr"))
            .unwrap()
            .scenario(Path::new(file))
            .unwrap();
        assert_eq!(scenario.name, "jitter without neteq and fec, with BBR,");
        assert!(!scenario.engine.neteq && !scenario.engine.fec && scenario.engine.nack);
    }
}
