//! What was typed: read here for the native command and for the one in Node.

use std::path::PathBuf;

/// Printed for `--help`, and after a mistake.
pub const USAGE: &str = "\
usage: smrtc-vectors check [OPTION]... [FILE]...
       smrtc-vectors kat --out DIR

check runs vector files (no FILE: all of vectors/; a folder: all in it) and prints a line for each group. A file is
one of Wycheproof's, arrays as in RFC 9605's vectors, or one of the groups in vectors/schema/.
  --backend NAME   run ours on this SM4 back end; `all`: on each that this machine has, one after the other
  --impl COMMAND   check another implementation, over a pipe: see vectors/README.md
  --json FILE      write a report with every case
  --junit FILE     write a report for continuous integration
  --list           print back ends, files and groups, and why what is not run is not; no verdict
  --strict         what is unsupported counts as a disagreement
kat writes the vectors of this project in Wycheproof's schema.

examples:
  smrtc-vectors check my_sm4_gcm_test.json --backend all --junit report.xml
  smrtc-vectors check --impl 'python3 vectors/adapters/openssl.py'

exit code: 0 all passed, 1 a disagreement or nothing checked, 2 bad usage, file or implementation
";

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    /// Print [`USAGE`].
    Help,
    /// Run vector files.
    Check(Check),
    /// Write our vectors.
    Kat {
        /// The folder to write to.
        out: PathBuf,
    },
}

/// Options of `check`.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Check {
    /// Files and folders; none means all of the tree.
    pub files: Vec<PathBuf>,
    /// A back end of ours, or `all`; none means the one used by itself.
    pub backend: Option<String>,
    /// The command that starts another implementation.
    pub implementation: Option<String>,
    /// Where the JSON report goes.
    pub json: Option<PathBuf>,
    /// Where the JUnit report goes.
    pub junit: Option<PathBuf>,
    /// Only list.
    pub list: bool,
    /// What is unsupported is a disagreement.
    pub strict: bool,
}

/// What is wrong with what was typed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum UsageError {
    /// Nothing was typed.
    #[error("say `check` or `kat`")]
    NoCommand,
    /// The first word is none of ours.
    #[error("`{0}` is not a command")]
    UnknownCommand(String),
    /// Not an option here.
    #[error("`{0}` is not an option")]
    UnknownOption(String),
    /// An option at the end that needs more.
    #[error("`{0}` needs a value")]
    NoValue(&'static str),
    /// `kat` without a folder.
    #[error("`kat` needs `--out DIR`")]
    NoOut,
    /// Both `--backend` and `--impl`.
    #[error("`--backend` is for ours and `--impl` for another implementation: not both")]
    BackendOfOther,
}

/// Reads the words after the program's name.
///
/// # Errors
///
/// [`UsageError`], in words for whoever typed them.
pub fn parse(mut words: impl Iterator<Item = String>) -> Result<Command, UsageError> {
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
            "--backend" => check.backend = Some(value("--backend")?),
            "--" => check.files.extend(words.by_ref().map(PathBuf::from)),
            option if option.starts_with('-') => return Err(UsageError::UnknownOption(word)),
            _ => check.files.push(word.into()),
        }
    }
    if check.implementation.is_some() && check.backend.is_some() {
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
