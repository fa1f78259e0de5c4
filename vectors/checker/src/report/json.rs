//! The report as JSON, for programs.

use serde_json::{Value, json};

use super::Run;
use crate::check::{CaseResult, Counts, Verdict};

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
