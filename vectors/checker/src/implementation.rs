//! Who answers requests.

use std::collections::BTreeMap;

use crate::request::Request;

/// What an implementation made of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It did it: named outputs, bytes in lower-case hexadecimal and numbers in decimal.
    Done(Outputs),
    /// It refused these inputs: the right answer to a negative case.
    Refused(String),
    /// It does not have this algorithm, or not with these parameters; in plain words.
    Unsupported(String),
}

/// Outputs by name.
pub type Outputs = BTreeMap<String, String>;

impl Answer {
    /// An answer of these outputs.
    pub fn done<const N: usize>(outputs: [(&str, String); N]) -> Self {
        Self::Done(
            outputs
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
        )
    }
}

/// An implementation stopped answering, or said what nobody can understand.
#[derive(Debug, thiserror::Error)]
pub enum ImplementationError {
    /// The program could not be started.
    #[error("cannot start `{command}`: {source}")]
    Start {
        /// As given.
        command: String,
        /// From the operating system.
        source: std::io::Error,
    },
    /// The pipe broke.
    #[error("the implementation ended while it was asked something (request {id})")]
    Ended {
        /// Of the request in hand.
        id: u64,
    },
    /// A line of the implementation is not an answer to the request in hand.
    #[error("the implementation answered request {id} with `{line}`: {why}")]
    Answer {
        /// Of the request in hand.
        id: u64,
        /// What it said, shortened.
        line: String,
        /// What is wrong with it.
        why: String,
    },
}

/// Something to be checked.
pub trait Implementation {
    /// Its name and version.
    fn name(&self) -> String;

    /// How it was built: compiler target, profile, or what it says of itself.
    fn build(&self) -> String;

    /// What runs this request inside: a back end, or a library.
    fn backend(&self, request: &Request) -> String;

    /// Does it.
    ///
    /// # Errors
    ///
    /// [`ImplementationError`] ends the run; a refusal is an [`Answer`].
    fn answer(&mut self, request: &Request) -> Result<Answer, ImplementationError>;
}
