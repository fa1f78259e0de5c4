//! The command `smrtc-vectors`; `vectors/README.md` says how it is used.

mod args;
mod files;

use std::process::ExitCode;

use smrtc_vectors_check::check::{Counts, run_file};
use smrtc_vectors_check::format::{VectorFile, parse};
use smrtc_vectors_check::kat;
use smrtc_vectors_check::ours::Ours;
use smrtc_vectors_check::pipe::Pipe;
use smrtc_vectors_check::report::{Run, json, junit};
use smrtc_vectors_check::{Implementation, format};

use crate::args::{Backend, Check, Command, USAGE};

/// Something disagreed, or nothing at all could be checked.
const DISAGREEMENT: u8 = 1;
/// The command, a file or the implementation is not what it must be.
const BAD_USE: u8 = 2;

/// What ends a run before its verdict.
type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let command = match args::parse(std::env::args().skip(1)) {
        Ok(command) => command,
        Err(error) => {
            eprintln!("smrtc-vectors: {error}\n\n{USAGE}");
            return ExitCode::from(BAD_USE);
        }
    };
    let outcome = match command {
        Command::Help => {
            print!("{USAGE}");
            Ok(ExitCode::SUCCESS)
        }
        Command::Check(check) => run_check(&check),
        Command::Kat { out } => run_kat(&out),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("smrtc-vectors: {error}");
        ExitCode::from(BAD_USE)
    })
}

fn run_check(check: &Check) -> Result<ExitCode, Failure> {
    let files = read_all(&check.files)?;
    if check.list {
        list(&files);
        return Ok(ExitCode::SUCCESS);
    }
    for file in files.iter().filter(|_| !check.files.is_empty()) {
        if !file.converted_to.is_empty() {
            let to = file.converted_to.join(", ");
            eprintln!("smrtc-vectors: {}: its cases are in {to}", file.name);
        }
    }
    let mut runs = Vec::new();
    for mut implementation in implementations(check)? {
        let run = run_all(&mut *implementation, &files)?;
        print!("{}", run.text());
        runs.push(run);
    }
    if let Some(path) = &check.json {
        files::write(path, &format!("{:#}\n", json::report(&runs)))?;
    }
    if let Some(path) = &check.junit {
        files::write(path, &junit::report(&runs))?;
    }
    Ok(verdict(&runs, check.strict))
}

fn verdict(runs: &[Run], strict: bool) -> ExitCode {
    for run in runs {
        let Counts {
            passed,
            failed,
            unsupported,
        } = run.counts();
        if failed > 0 || (strict && unsupported > 0) {
            return ExitCode::from(DISAGREEMENT);
        }
        if passed == 0 {
            eprintln!("smrtc-vectors: nothing was checked: every case is unsupported");
            return ExitCode::from(DISAGREEMENT);
        }
    }
    ExitCode::SUCCESS
}

fn read_all(paths: &[std::path::PathBuf]) -> Result<Vec<VectorFile>, Failure> {
    files::find(paths)?
        .iter()
        .map(|(name, path)| Ok(parse(name, &files::read(path)?)?))
        .collect()
}

fn implementations(check: &Check) -> Result<Vec<Box<dyn Implementation>>, Failure> {
    if let Some(command) = &check.implementation {
        return Ok(vec![Box::new(Pipe::start(command)?)]);
    }
    Ok(match &check.backend {
        Backend::Default => vec![Box::new(Ours::new())],
        Backend::Named(name) => vec![Box::new(Ours::with_backend(name)?)],
        Backend::All => {
            let mut all: Vec<Box<dyn Implementation>> = Vec::new();
            for name in Ours::backends() {
                all.push(Box::new(Ours::with_backend(name)?));
            }
            all
        }
    })
}

fn run_all(implementation: &mut dyn Implementation, files: &[VectorFile]) -> Result<Run, Failure> {
    let mut groups = Vec::new();
    for file in files {
        groups.extend(run_file(implementation, file)?);
    }
    Ok(Run {
        implementation: implementation.name(),
        build: implementation.build(),
        groups,
    })
}

fn list(files: &[format::VectorFile]) {
    println!("back ends of SM4 here: {}", Ours::backends().join(", "));
    for file in files {
        if !file.converted_to.is_empty() {
            println!(
                "{}: its cases are in {}",
                file.name,
                file.converted_to.join(", ")
            );
        }
        for group in &file.groups {
            let why = group
                .cases
                .iter()
                .find_map(|case| case.steps.as_ref().err());
            let why = why.map_or(String::new(), |why| {
                format!(" (not for any implementation: {why})")
            });
            println!(
                "{} · {}: {} cases{why}",
                file.name,
                group.name,
                group.cases.len()
            );
        }
    }
}

fn run_kat(out: &std::path::Path) -> Result<ExitCode, Failure> {
    let ours = smrtc_vectors::directory().join("smrtc");
    for (name, path) in files::find(&[ours])? {
        let name = name.rsplit(['/', '\\']).next().unwrap_or(&name).to_owned();
        for export in kat::export(&name, &files::read(&path)?)? {
            let path = out.join(&export.name);
            files::write(&path, &format!("{:#}\n", export.content))?;
            println!(
                "{}: {} cases",
                path.display(),
                export.content["numberOfTests"]
            );
        }
    }
    Ok(ExitCode::SUCCESS)
}
