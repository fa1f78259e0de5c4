//! The report as JSON, for programs.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::Run;
use crate::check::{CaseResult, Counts, GroupResult, Verdict};

/// One object of all runs, with every case.
pub fn report(runs: &[Run]) -> Value {
    json!({
        "tool": "smrtc-vectors",
        "version": env!("CARGO_PKG_VERSION"),
        "runs": runs.iter().map(run).collect::<Vec<_>>(),
    })
}

fn run(run: &Run) -> Value {
    let groups: Vec<_> = run
        .groups
        .iter()
        .map(|group| {
            json!({
                "file": group.file,
                "group": group.name,
                "counts": counts(group.counts()),
                "cases": group.cases.iter().map(case).collect::<Vec<_>>(),
            })
        })
        .collect();
    json!({
        "implementation": run.implementation,
        "build": run.build,
        "counts": counts(run.counts()),
        "groups": groups,
    })
}

/// Counts of all groups of a run.
pub fn run_counts(run: &Run) -> Value {
    counts(run.counts())
}

/// A group as a line of a table, with what failed and what is not run.
pub fn line(run: &Run, group: &GroupResult) -> Value {
    let backends: BTreeSet<_> = group.cases.iter().map(|case| &*case.backend).collect();
    let failed = group.cases.iter().filter_map(|case| match &case.verdict {
        Verdict::Failed(how) => Some(json!({"id": case.id, "comment": case.comment, "words": how})),
        _ => None,
    });
    let unsupported: BTreeSet<_> = group
        .cases
        .iter()
        .filter_map(|case| match &case.verdict {
            Verdict::Unsupported(why) => Some(&**why),
            _ => None,
        })
        .collect();
    json!({
        "implementation": run.implementation,
        "file": group.file,
        "group": group.name,
        "counts": counts(group.counts()),
        "backends": backends.into_iter().filter(|name| !name.is_empty()).collect::<Vec<_>>(),
        "failed": failed.collect::<Vec<_>>(),
        "unsupported": unsupported,
    })
}

fn counts(counts: Counts) -> Value {
    json!({"passed": counts.passed, "failed": counts.failed, "unsupported": counts.unsupported})
}

fn case(case: &CaseResult) -> Value {
    let (result, words) = match &case.verdict {
        Verdict::Passed => ("passed", ""),
        Verdict::Failed(how) => ("failed", &**how),
        Verdict::Unsupported(why) => ("unsupported", &**why),
    };
    json!({
        "id": case.id,
        "comment": case.comment,
        "backend": case.backend,
        "result": result,
        "words": words,
        "stepsUnsupported": case.steps_unsupported,
    })
}
