//! The command `smrtc-vectors`; `vectors/README.md` says how it is used.

mod files;

use std::process::ExitCode;

use smrtc_vectors_check::args::{self, Check, Command, USAGE};
use smrtc_vectors_check::command::{self, Verdict};
use smrtc_vectors_check::format::{VectorFile, parse};
use smrtc_vectors_check::kat;
use smrtc_vectors_check::pipe::Pipe;
use smrtc_vectors_check::report::{json, junit};
use smrtc_vectors_check::{Implementation, report};

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
        print!("{}", command::list(&files)?);
        return Ok(ExitCode::SUCCESS);
    }
    if !check.files.is_empty() {
        for words in files.iter().filter_map(command::converted) {
            eprintln!("smrtc-vectors: {words}");
        }
    }
    let mut runs = Vec::new();
    for mut implementation in implementations(check)? {
        let run = command::run(&mut *implementation, &files)?;
        print!("{}", run.text());
        runs.push(run);
    }
    write_reports(check, &runs)?;
    let verdict = Verdict::of(&runs, check.strict);
    if verdict == Verdict::NothingChecked {
        eprintln!("smrtc-vectors: nothing was checked: every case is unsupported");
    }
    Ok(ExitCode::from(verdict.exit_code()))
}

fn write_reports(check: &Check, runs: &[report::Run]) -> Result<(), Failure> {
    if let Some(path) = &check.json {
        files::write(path, &format!("{:#}\n", json::report(runs)))?;
    }
    if let Some(path) = &check.junit {
        files::write(path, &junit::report(runs))?;
    }
    Ok(())
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
    let ours = command::ours(check.backend.as_deref())?;
    Ok(ours
        .into_iter()
        .map(|ours| Box::new(ours) as Box<dyn Implementation>)
        .collect())
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
