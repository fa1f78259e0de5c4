//! Vector files: what shapes there are, and how they become cases.
//!
//! | shape | recognised by | module |
//! |---|---|---|
//! | Wycheproof | `testGroups` | `wycheproof` |
//! | RFC 9605 and ours beside it: arrays with names | `sframe`, `header`, `external_key`, `hkdf`, … | `arrays` |
//! | MLS (mls-implementations): an array, counted and not run | `cipher_suite` in each case | here |
//! | as it came from another project's tables | `algorithm` and `tests` | `converted` |

mod arrays;
mod converted;
mod fields;
mod sm2;
mod wycheproof;

use serde_json::Value;

use crate::implementation::Outputs;
use crate::request::Request;

pub(crate) use fields::Fields;

/// A file, read.
#[derive(Clone, Debug)]
pub struct VectorFile {
    /// As given.
    pub name: String,
    /// Cases with common parameters.
    pub groups: Vec<Group>,
    /// Files that hold this one's cases in a schema; `groups` is then what could not be converted.
    pub converted_to: Vec<String>,
}

/// Cases with common parameters.
#[derive(Clone, Debug)]
pub struct Group {
    /// The algorithm and the parameters.
    pub name: String,
    /// In the order of the file.
    pub cases: Vec<Case>,
}

/// One case.
#[derive(Clone, Debug)]
pub struct Case {
    /// The file's own number, or the place in its array from 1.
    pub id: String,
    /// The file's own words.
    pub comment: String,
    /// What to do; or, for a case that this checker cannot put to any implementation, why.
    pub steps: Result<Vec<Step>, String>,
}

/// A request and what must come of it.
#[derive(Clone, Debug)]
pub struct Step {
    /// What is asked.
    pub request: Request,
    /// What is right.
    pub expected: Expected,
}

/// What is right.
#[derive(Clone, Debug)]
pub enum Expected {
    /// These outputs.
    Outputs(Outputs),
    /// These outputs, or a refusal: Wycheproof's `acceptable`.
    OutputsOrRefused(Outputs),
    /// A refusal.
    Refused,
}

/// A file that is not what it must be.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    /// Not JSON.
    #[error("{file}: not JSON: {source}")]
    Json {
        /// As given.
        file: String,
        /// Where.
        source: serde_json::Error,
    },
    /// None of the shapes.
    #[error(
        "{file}: neither a Wycheproof file (`testGroups`), nor arrays as in RFC 9605's vectors (`sframe`, \
         `header`, …), nor a converted file (`algorithm`, `tests`)"
    )]
    Shape {
        /// As given.
        file: String,
    },
    /// A field is missing or wrong.
    #[error("{file}: {at}: {what}")]
    Field {
        /// As given.
        file: String,
        /// Where in the file.
        at: String,
        /// What is wrong.
        what: String,
    },
    /// `numberOfTests` is not what is there.
    #[error("{file}: `numberOfTests` is {stated}, but there are {found} cases")]
    Count {
        /// As given.
        file: String,
        /// By the file.
        stated: u64,
        /// In the file.
        found: usize,
    },
    /// Nothing to check.
    #[error("{file}: no case in it")]
    Empty {
        /// As given.
        file: String,
    },
}

/// What is wrong with a part of a file, before the name of the file is known.
#[derive(Debug)]
pub(crate) struct PartError {
    pub(crate) at: String,
    pub(crate) what: String,
}

/// Reads a file of any known shape.
///
/// # Errors
///
/// [`FormatError`], in words for whoever made the file.
pub fn parse(name: &str, text: &str) -> Result<VectorFile, FormatError> {
    let file = || name.to_owned();
    // Some editors begin a file with a byte order mark.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let value: Value = serde_json::from_str(text).map_err(|source| FormatError::Json {
        file: file(),
        source,
    })?;
    let top = match &value {
        Value::Object(top) => top,
        Value::Array(cases) if is_mls(cases) => return Ok(mls(name, cases)),
        _ => return Err(FormatError::Shape { file: file() }),
    };
    let top = Fields::new("file", top);
    let converted_to = top.texts("convertedTo");
    let converted = top.has("convertedTo");
    let groups = if converted {
        converted::left_out(&top)
    } else if top.has("testGroups") {
        wycheproof::groups(&top)
    } else if top.has("tests") && top.has("algorithm") {
        converted::groups(name, &top)
    } else if arrays::recognises(&top) {
        arrays::groups(&top)
    } else {
        return Err(FormatError::Shape { file: file() });
    }
    .map_err(|PartError { at, what }| FormatError::Field {
        file: file(),
        at,
        what,
    })?;
    let found = groups.iter().map(|group| group.cases.len()).sum();
    if found == 0 && !converted {
        return Err(FormatError::Empty { file: file() });
    }
    match top.value("numberOfTests").and_then(Value::as_u64) {
        Some(stated) if stated != found as u64 && !converted => Err(FormatError::Count {
            file: file(),
            stated,
            found,
        }),
        _ => Ok(VectorFile {
            name: file(),
            groups,
            converted_to,
        }),
    }
}

/// mls-implementations' files: arrays of states of a group.
fn is_mls(cases: &[Value]) -> bool {
    let is_case = |case: &Value| case.get("cipher_suite").is_some();
    !cases.is_empty() && cases.iter().all(is_case)
}

fn mls(name: &str, cases: &[Value]) -> VectorFile {
    let why = "vectors of MLS, which the tests of smrtc-e2ee run: this command has no request for a group";
    let case = |number: usize| Case {
        id: (number + 1).to_string(),
        comment: String::new(),
        steps: Err(why.into()),
    };
    VectorFile {
        name: name.into(),
        groups: vec![Group {
            name: "MLS".into(),
            cases: (0..cases.len()).map(case).collect(),
        }],
        converted_to: Vec::new(),
    }
}

/// What `result` says of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Valid,
    Invalid,
    Acceptable,
}

impl Outcome {
    pub(crate) fn of(fields: &Fields<'_>) -> Result<Self, PartError> {
        match &*fields.text("result")? {
            "valid" => Ok(Self::Valid),
            "invalid" => Ok(Self::Invalid),
            "acceptable" => Ok(Self::Acceptable),
            other => Err(fields.wrong("result", &format!("`{other}` is none of Wycheproof's"))),
        }
    }

    /// What the operation that verifies must come to.
    pub(crate) fn expect<const N: usize>(self, outputs: [(&str, String); N]) -> Expected {
        let outputs = outputs
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        match self {
            Self::Valid => Expected::Outputs(outputs),
            Self::Acceptable => Expected::OutputsOrRefused(outputs),
            Self::Invalid => Expected::Refused,
        }
    }
}

impl Step {
    /// A step that must come to these outputs.
    pub(crate) fn valid<const N: usize>(request: Request, outputs: [(&str, String); N]) -> Self {
        Self {
            request,
            expected: Outcome::Valid.expect(outputs),
        }
    }
    /// A step that must be refused.
    pub(crate) fn refused(request: Request) -> Self {
        Self {
            request,
            expected: Expected::Refused,
        }
    }
}
