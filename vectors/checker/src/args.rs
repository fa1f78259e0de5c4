//! What was typed.

use std::path::PathBuf;

/// Printed for `--help`, and after a mistake.
pub(crate) const USAGE: &str = "\
usage: smrtc-vectors check [OPTION]... [FILE]...
       smrtc-vectors kat --out DIR

check runs vector files (no FILE: all of vectors/; a folder: all in it) and prints a line for each group.
  --backend NAME   run ours on this SM4 back end; `all`: on each that this machine has, one after the other
  --impl COMMAND   check another implementation, over a pipe: see vectors/README.md
  --json FILE      write a report with every case
  --junit FILE     write a report for continuous integration
  --list           print files, groups and back ends; run nothing
  --strict         what is unsupported counts as a disagreement
kat writes the vectors of this project in Wycheproof's schema.

exit code: 0 all passed, 1 a disagreement or nothing checked, 2 bad usage, file or implementation
";

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Help,
    Check(Check),
    Kat { out: PathBuf },
}

/// Options of `check`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Check {
    pub(crate) files: Vec<PathBuf>,
    pub(crate) backend: Backend,
    pub(crate) implementation: Option<String>,
    pub(crate) json: Option<PathBuf>,
    pub(crate) junit: Option<PathBuf>,
    pub(crate) list: bool,
    pub(crate) strict: bool,
}

/// Which back end of ours.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) enum Backend {
    #[default]
    Default,
    Named(String),
    All,
}

/// What is wrong with what was typed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UsageError {
    #[error("say `check` or `kat`")]
    NoCommand,
    #[error("`{0}` is not a command")]
    UnknownCommand(String),
    #[error("`{0}` is not an option")]
    UnknownOption(String),
    #[error("`{0}` needs a value")]
    NoValue(&'static str),
    #[error("`kat` needs `--out DIR`")]
    NoOut,
    #[error("`--backend` is for ours and `--impl` for another implementation: not both")]
    BackendOfOther,
}

pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Result<Command, UsageError> {
    match words.next().as_deref() {
        None => Err(UsageError::NoCommand),
        Some("--help" | "-h" | "help") => Ok(Command::Help),
        Some("check") => parse_check(words),
        Some("kat") => parse_kat(words),
        Some(other) => Err(UsageError::UnknownCommand(other.into())),
    }
}

fn parse_check(mut words: impl Iterator<Item = String>) -> Result<Command, UsageError> {
    let mut check = Check::default();
    while let Some(word) = words.next() {
        let mut value = |name| words.next().ok_or(UsageError::NoValue(name));
        match &*word {
            "--help" | "-h" => return Ok(Command::Help),
            "--list" => check.list = true,
            "--strict" => check.strict = true,
            "--json" => check.json = Some(value("--json")?.into()),
            "--junit" => check.junit = Some(value("--junit")?.into()),
            "--impl" => check.implementation = Some(value("--impl")?),
            "--backend" => {
                check.backend = match value("--backend")? {
                    name if name == "all" => Backend::All,
                    name => Backend::Named(name),
                }
            }
            "--" => check.files.extend(words.by_ref().map(PathBuf::from)),
            option if option.starts_with('-') => return Err(UsageError::UnknownOption(word)),
            _ => check.files.push(word.into()),
        }
    }
    if check.implementation.is_some() && check.backend != Backend::Default {
        return Err(UsageError::BackendOfOther);
    }
    Ok(Command::Check(check))
}

fn parse_kat(mut words: impl Iterator<Item = String>) -> Result<Command, UsageError> {
    match words.next().as_deref() {
        Some("--help" | "-h") => Ok(Command::Help),
        Some("--out") => {
            let out = words.next().ok_or(UsageError::NoValue("--out"))?.into();
            match words.next() {
                None => Ok(Command::Kat { out }),
                Some(more) => Err(UsageError::UnknownOption(more)),
            }
        }
        Some(other) => Err(UsageError::UnknownOption(other.into())),
        None => Err(UsageError::NoOut),
    }
}
