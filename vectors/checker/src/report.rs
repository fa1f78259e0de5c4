//! Reports: a line for each group, JSON, JUnit.

pub mod json;
pub mod junit;

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::check::{Counts, GroupResult, Verdict};

/// All that one implementation did.
#[derive(Clone, Debug)]
pub struct Run {
    /// Name and version.
    pub implementation: String,
    /// How it was built.
    pub build: String,
    /// In the order of the files.
    pub groups: Vec<GroupResult>,
}

impl Run {
    /// Cases of all groups by verdict.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for group in &self.groups {
            counts += group.counts();
        }
        counts
    }

    /// The groups for people: those of one file and one name are one.
    pub fn lines(&self) -> Vec<GroupResult> {
        let mut lines: Vec<GroupResult> = Vec::new();
        for group in &self.groups {
            let same = |line: &&mut GroupResult| line.file == group.file && line.name == group.name;
            match lines.iter_mut().find(same) {
                Some(line) => line.cases.extend(group.cases.iter().cloned()),
                None => lines.push(group.clone()),
            }
        }
        lines
    }

    /// A line for each group, more for each disagreement, and a line of totals.
    pub fn text(&self) -> String {
        let mut text = format!("{} ({})\n", self.implementation, self.build);
        for group in self.lines() {
            write_group(&mut text, &group);
        }
        let Counts {
            passed,
            failed,
            unsupported,
        } = self.counts();
        text += &format!("total: {passed} passed, {failed} failed, {unsupported} unsupported\n");
        text
    }
}

fn write_group(text: &mut String, group: &GroupResult) {
    let counts = group.counts();
    let word = match counts {
        Counts { failed: 1.., .. } => "FAIL",
        Counts { passed: 0, .. } => "none",
        _ => "ok",
    };
    let mut line = format!(
        "{word:<4} {} · {}: {} passed, {} failed, {} unsupported",
        group.file, group.name, counts.passed, counts.failed, counts.unsupported
    );
    let partly = group
        .cases
        .iter()
        .filter(|case| !case.steps_unsupported.is_empty());
    let partly = partly.count();
    if partly > 0 {
        line += &format!(", {partly} passed in part");
    }
    let backends: BTreeSet<_> = group.cases.iter().map(|case| &*case.backend).collect();
    let backends: Vec<_> = backends
        .into_iter()
        .filter(|name| !name.is_empty())
        .collect();
    if !backends.is_empty() {
        line += &format!(" [{}]", backends.join(", "));
    }
    let why: BTreeSet<_> = group
        .cases
        .iter()
        .flat_map(|case| {
            let unsupported = match &case.verdict {
                Verdict::Unsupported(why) => Some(why),
                _ => None,
            };
            unsupported.into_iter().chain(&case.steps_unsupported)
        })
        .collect();
    if !why.is_empty() {
        let why: Vec<_> = why.into_iter().map(String::as_str).collect();
        line += &format!(" ({})", why.join("; "));
    }
    let _ = writeln!(text, "{line}");
    for case in &group.cases {
        if let Verdict::Failed(how) = &case.verdict {
            let _ = writeln!(text, "     case {}: {how}  {}", case.id, case.comment);
        }
    }
}
