//! Somebody else's implementation: a program that reads requests, one JSON object on a line, and
//! answers each with one.
//!
//! The protocol is in `vectors/README.md`. The program is started through the shell, so that a
//! command may have arguments; it is trusted as much as whoever typed the command.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde::{Deserialize, Serialize};

use crate::implementation::{Answer, Implementation, ImplementationError};
use crate::request::Request;

/// The version of the protocol.
const PROTOCOL: u32 = 1;

/// A program on the other side of a pipe.
#[derive(Debug)]
pub struct Pipe {
    child: Child,
    /// Taken when the pipe is closed.
    to: Option<ChildStdin>,
    from: BufReader<ChildStdout>,
    next_id: u64,
    name: String,
    build: String,
}

#[derive(Serialize)]
struct Question<'a> {
    id: u64,
    #[serde(flatten)]
    request: &'a Request,
}

#[derive(Serialize)]
struct Hello {
    id: u64,
    op: &'static str,
    protocol: u32,
}

#[derive(Deserialize)]
struct Line {
    id: u64,
    result: String,
    #[serde(flatten)]
    rest: BTreeMap<String, serde_json::Value>,
}

impl Pipe {
    /// Starts `command` and exchanges greetings.
    ///
    /// # Errors
    ///
    /// [`ImplementationError`] if it does not start or does not greet.
    pub fn start(command: &str) -> Result<Self, ImplementationError> {
        let failed = |source| ImplementationError::Start {
            command: command.to_owned(),
            source,
        };
        let shell = if cfg!(windows) {
            ("cmd", "/C")
        } else {
            ("sh", "-c")
        };
        let mut child = Command::new(shell.0)
            .args([shell.1, command])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let to = child.stdin.take();
        let from = BufReader::new(child.stdout.take().expect("the output is piped"));
        let mut pipe = Self {
            child,
            to,
            from,
            next_id: 1,
            name: String::new(),
            build: String::new(),
        };
        let hello = Hello {
            id: 0,
            op: "hello",
            protocol: PROTOCOL,
        };
        let (line, answer) = pipe.exchange(0, &hello)?;
        let wrong = |why: &str| ImplementationError::Answer {
            id: 0,
            line: shorten(&line),
            why: why.into(),
        };
        if answer.result != "ok" {
            return Err(wrong("the greeting must be answered with `ok`"));
        }
        if answer
            .rest
            .get("protocol")
            .and_then(serde_json::Value::as_u64)
            != Some(PROTOCOL.into())
        {
            return Err(wrong("`protocol` must be 1"));
        }
        let text = |name: &str| {
            let value = answer.rest.get(name).and_then(serde_json::Value::as_str);
            value.map(str::to_owned)
        };
        pipe.name = text("name").ok_or_else(|| wrong("`name` is missing"))?;
        pipe.build = text("build").unwrap_or_default();
        Ok(pipe)
    }

    fn exchange(
        &mut self,
        id: u64,
        question: &impl Serialize,
    ) -> Result<(String, Line), ImplementationError> {
        let ended = |_| ImplementationError::Ended { id };
        let mut line = serde_json::to_string(question).expect("a request is plain JSON");
        line.push('\n');
        let to = self.to.as_mut().expect("taken only on drop");
        to.write_all(line.as_bytes())
            .and_then(|()| to.flush())
            .map_err(ended)?;
        let mut line = String::new();
        if self.from.read_line(&mut line).map_err(ended)? == 0 {
            return Err(ImplementationError::Ended { id });
        }
        let wrong = |why: String| ImplementationError::Answer {
            id,
            line: shorten(&line),
            why,
        };
        let answer: Line = serde_json::from_str(&line).map_err(|error| wrong(error.to_string()))?;
        if answer.id != id {
            return Err(wrong(format!("`id` must be {id}")));
        }
        Ok((line, answer))
    }
}

impl Implementation for Pipe {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn build(&self) -> String {
        self.build.clone()
    }

    fn backend(&self, _: &Request) -> String {
        self.name.clone()
    }

    fn answer(&mut self, request: &Request) -> Result<Answer, ImplementationError> {
        let id = self.next_id;
        self.next_id += 1;
        let (line, answer) = self.exchange(id, &Question { id, request })?;
        let wrong = |why: &str| ImplementationError::Answer {
            id,
            line: shorten(&line),
            why: why.into(),
        };
        let text = |value: &serde_json::Value| value.as_str().map(str::to_lowercase);
        let reason = || {
            let reason = answer
                .rest
                .get("reason")
                .and_then(serde_json::Value::as_str);
            reason.unwrap_or("no reason given").to_owned()
        };
        match &*answer.result {
            "ok" => answer
                .rest
                .iter()
                .map(|(name, value)| Some((name.clone(), text(value)?)))
                .collect::<Option<_>>()
                .map(Answer::Done)
                .ok_or_else(|| wrong("every output must be a string")),
            "refused" => Ok(Answer::Refused(reason())),
            "unsupported" => Ok(Answer::Unsupported(reason())),
            _ => Err(wrong("`result` must be `ok`, `refused` or `unsupported`")),
        }
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        // The program reads the end of its input and leaves; if it does not, it is in nobody's way
        // but its own.
        drop(self.to.take());
        let _ = self.child.wait();
    }
}

fn shorten(line: &str) -> String {
    line.trim_end().chars().take(200).collect()
}
