//! Runs cases and compares.

use crate::format::{Case, Expected, Group, VectorFile};
use crate::implementation::{Answer, Implementation, ImplementationError};

/// What came of one case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every step that the implementation has agreed, and there was one.
    Passed,
    /// A step disagreed; says how.
    Failed(String),
    /// Nothing was checked; says why.
    Unsupported(String),
}

/// A case with its verdict.
#[derive(Clone, Debug)]
pub struct CaseResult {
    /// As in the file.
    pub id: String,
    /// As in the file.
    pub comment: String,
    /// What ran it.
    pub backend: String,
    /// What came of it.
    pub verdict: Verdict,
    /// Steps of a passed case that were not tried, such as sealing where only opening is possible.
    pub steps_unsupported: Vec<String>,
}

/// A group with the results of its cases.
#[derive(Clone, Debug)]
pub struct GroupResult {
    /// The file it is from.
    pub file: String,
    /// Its name within the file.
    pub name: String,
    /// One for each case.
    pub cases: Vec<CaseResult>,
}

/// How many cases came out how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Agreed.
    pub passed: usize,
    /// Disagreed.
    pub failed: usize,
    /// Not tried.
    pub unsupported: usize,
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.unsupported += other.unsupported;
    }
}

impl GroupResult {
    /// Cases by verdict.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for case in &self.cases {
            match case.verdict {
                Verdict::Passed => counts.passed += 1,
                Verdict::Failed(_) => counts.failed += 1,
                Verdict::Unsupported(_) => counts.unsupported += 1,
            }
        }
        counts
    }
}

/// Runs every case of `file`.
///
/// # Errors
///
/// [`ImplementationError`] if the implementation breaks down; what was found before is lost.
pub fn run_file(
    implementation: &mut dyn Implementation,
    file: &VectorFile,
) -> Result<Vec<GroupResult>, ImplementationError> {
    file.groups
        .iter()
        .map(|group| run_group(implementation, &file.name, group))
        .collect()
}

fn run_group(
    implementation: &mut dyn Implementation,
    file: &str,
    group: &Group,
) -> Result<GroupResult, ImplementationError> {
    let cases = group
        .cases
        .iter()
        .map(|case| run_case(implementation, case))
        .collect::<Result<_, _>>()?;
    Ok(GroupResult {
        file: file.to_owned(),
        name: group.name.clone(),
        cases,
    })
}

fn run_case(
    implementation: &mut dyn Implementation,
    case: &Case,
) -> Result<CaseResult, ImplementationError> {
    let mut result = CaseResult {
        id: case.id.clone(),
        comment: case.comment.clone(),
        backend: String::new(),
        verdict: Verdict::Unsupported("the case has no step".into()),
        steps_unsupported: Vec::new(),
    };
    let steps = match &case.steps {
        Ok(steps) => steps,
        Err(why) => {
            result.verdict = Verdict::Unsupported(why.clone());
            return Ok(result);
        }
    };
    let mut agreed = 0;
    for step in steps {
        if result.backend.is_empty() {
            result.backend = implementation.backend(&step.request);
        }
        let answer = implementation.answer(&step.request)?;
        match compare(&step.expected, answer) {
            Verdict::Passed => agreed += 1,
            Verdict::Failed(how) => {
                result.verdict = Verdict::Failed(format!("{}: {how}", step.request.op()));
                return Ok(result);
            }
            Verdict::Unsupported(why) => {
                result
                    .steps_unsupported
                    .push(format!("{}: {why}", step.request.op()));
            }
        }
    }
    if agreed > 0 {
        result.verdict = Verdict::Passed;
    } else if let Some(why) = result.steps_unsupported.first() {
        result.verdict = Verdict::Unsupported(why.clone());
        result.steps_unsupported.clear();
    }
    Ok(result)
}

fn compare(expected: &Expected, answer: Answer) -> Verdict {
    match (expected, answer) {
        (_, Answer::Unsupported(why)) => Verdict::Unsupported(why),
        (Expected::Refused | Expected::OutputsOrRefused(_), Answer::Refused(_)) => Verdict::Passed,
        (Expected::Refused, Answer::Done(_)) => {
            Verdict::Failed("accepted what must be refused".into())
        }
        (Expected::Outputs(_), Answer::Refused(why)) => {
            Verdict::Failed(format!("refused what is valid: {why}"))
        }
        (Expected::Outputs(expected) | Expected::OutputsOrRefused(expected), Answer::Done(got)) => {
            let differences: Vec<_> = expected
                .iter()
                .filter(|(name, value)| got.get(*name) != Some(value))
                .map(|(name, value)| {
                    let got = got.get(name).map_or("nothing", |got| got);
                    format!("{name} is {}, expected {}", shorten(got), shorten(value))
                })
                .collect();
            if differences.is_empty() {
                Verdict::Passed
            } else {
                Verdict::Failed(differences.join("; "))
            }
        }
    }
}

/// Long values are cut in messages; the whole is in the file.
fn shorten(value: &str) -> String {
    match value.char_indices().nth(80) {
        Some((cut, _)) => format!("{}… ({} digits)", &value[..cut], value.len()),
        None if value.is_empty() => "empty".into(),
        None => value.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::implementation::Outputs;

    fn outputs(value: &str) -> Outputs {
        Outputs::from([("ct".to_owned(), value.to_owned())])
    }

    #[test]
    fn a_missing_or_different_output_and_a_wrong_refusal_are_disagreements() {
        let expected = Expected::Outputs(outputs("00"));
        assert_eq!(
            compare(&expected, Answer::Done(outputs("00"))),
            Verdict::Passed
        );
        for answer in [
            Answer::Done(outputs("01")),
            Answer::Done(Outputs::new()),
            Answer::Refused("no".into()),
        ] {
            assert!(matches!(compare(&expected, answer), Verdict::Failed(_)));
        }
    }

    #[test]
    fn what_must_be_refused_may_not_be_done() {
        assert!(matches!(
            compare(&Expected::Refused, Answer::Done(outputs("00"))),
            Verdict::Failed(_)
        ));
        assert_eq!(
            compare(&Expected::Refused, Answer::Refused(String::new())),
            Verdict::Passed
        );
    }

    #[test]
    fn an_acceptable_case_may_be_refused_but_not_be_wrong() {
        let expected = Expected::OutputsOrRefused(outputs("00"));
        assert_eq!(
            compare(&expected, Answer::Refused(String::new())),
            Verdict::Passed
        );
        assert!(matches!(
            compare(&expected, Answer::Done(outputs("01"))),
            Verdict::Failed(_)
        ));
    }
}
