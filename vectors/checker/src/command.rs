//! What the command says besides its reports, the same natively and as Wasm: the list, and the
//! verdict.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::check::Counts;
use crate::format::VectorFile;
use crate::implementation::{Implementation, ImplementationError};
use crate::ours::{Ours, UnknownBackend};
use crate::report::Run;

/// Folders of `vectors/` that hold programs and not vectors.
pub const NOT_VECTORS: [&str; 6] = ["adapters", "checker", "reference", "schema", "src", "tests"];

/// What came of everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Everything that was tried agreed.
    Agreed,
    /// Something did not.
    Disagreed,
    /// Nothing could be tried.
    NothingChecked,
}

impl Verdict {
    /// Of all runs. `strict`: what is unsupported counts as a disagreement.
    pub fn of(runs: &[Run], strict: bool) -> Self {
        let counts: Vec<Counts> = runs.iter().map(Run::counts).collect();
        if counts
            .iter()
            .any(|counts| counts.failed > 0 || (strict && counts.unsupported > 0))
        {
            Self::Disagreed
        } else if counts.iter().any(|counts| counts.passed == 0) {
            Self::NothingChecked
        } else {
            Self::Agreed
        }
    }

    /// 0 or 1; 2 is for what ends a run before its verdict.
    pub fn exit_code(self) -> u8 {
        u8::from(self != Self::Agreed)
    }
}

/// Runs all cases of all files.
///
/// # Errors
///
/// [`ImplementationError`] if the implementation breaks down.
pub fn run(
    implementation: &mut dyn Implementation,
    files: &[VectorFile],
) -> Result<Run, ImplementationError> {
    let mut groups = Vec::new();
    for file in files {
        groups.extend(crate::check::run_file(implementation, file)?);
    }
    Ok(Run {
        implementation: implementation.name(),
        build: implementation.build(),
        groups,
    })
}

/// Ours on the back end of this name; on all that there are, for `all`; on the one used by itself,
/// for none.
///
/// # Errors
///
/// [`UnknownBackend`] if there is none of that name here.
pub fn ours(backend: Option<&str>) -> Result<Vec<Ours>, UnknownBackend> {
    match backend {
        None => Ok(vec![Ours::new()]),
        Some("all") => Ours::backends()
            .iter()
            .map(|name| Ours::with_backend(name))
            .collect(),
        Some(name) => Ok(vec![Ours::with_backend(name)?]),
    }
}

/// Back ends; and each group, with the reason if ours or nobody can be asked for it.
///
/// # Errors
///
/// None from ours; the type is that of any implementation.
pub fn list(files: &[VectorFile]) -> Result<String, ImplementationError> {
    let mut ours = Ours::new();
    let mut text = format!("back ends of SM4 here: {}\n", Ours::backends().join(", "));
    for file in files {
        if let Some(words) = converted(file) {
            let _ = writeln!(text, "{words}");
        }
        let run = run(&mut ours, std::slice::from_ref(file))?;
        for group in run.lines() {
            let why: BTreeSet<&str> = group.cases.iter().filter_map(unsupported).collect();
            let why = match why.is_empty() {
                true => String::new(),
                false => {
                    let why: Vec<_> = why.into_iter().collect();
                    let count = group.counts().unsupported;
                    format!(", {count} not run ({})", why.join("; "))
                }
            };
            let _ = writeln!(
                text,
                "{} · {}: {} cases{why}",
                group.file,
                group.name,
                group.cases.len()
            );
        }
    }
    Ok(text)
}

fn unsupported(case: &crate::check::CaseResult) -> Option<&str> {
    match &case.verdict {
        crate::check::Verdict::Unsupported(why) => Some(why),
        _ => None,
    }
}

/// Where the cases of a converted file are.
pub fn converted(file: &VectorFile) -> Option<String> {
    let to = &file.converted_to;
    (!to.is_empty()).then(|| format!("{}: its cases are in {}", file.name, to.join(", ")))
}
