//! The checker for JavaScript. It takes the texts of files and gives back reports: no files, no
//! threads, no clock.
//!
//! [`Checker`] is what both the page and the command in Node hold; words and exit codes are those
//! of the native command because they are made by the same code.

use serde_json::json;
use smrtc_vectors_check::args::{self, Command};
use smrtc_vectors_check::check::run_file;
use smrtc_vectors_check::command::{self, NOT_VECTORS, Verdict};
use smrtc_vectors_check::format::{VectorFile, parse};
use smrtc_vectors_check::ours::Ours;
use smrtc_vectors_check::report::{self, Run};
use smrtc_vectors_check::{Implementation, kat};
use wasm_bindgen::prelude::*;

/// Files, and what ours made of them.
#[wasm_bindgen]
pub struct Checker {
    implementations: Vec<Ours>,
    files: Vec<VectorFile>,
    runs: Vec<Run>,
}

#[wasm_bindgen]
impl Checker {
    /// Ours on this back end; on every one that this build has, for `all`; on the one used by
    /// itself, for nothing.
    ///
    /// # Errors
    ///
    /// If this build has no such back end.
    #[wasm_bindgen(constructor)]
    pub fn new(backend: Option<String>) -> Result<Self, JsError> {
        let implementations = command::ours(backend.as_deref())?;
        let runs = implementations.iter().map(empty_run).collect();
        Ok(Self {
            implementations,
            files: Vec::new(),
            runs,
        })
    }

    /// Reads a file. Nothing runs yet.
    ///
    /// # Errors
    ///
    /// What is wrong with the file, in words for whoever made it.
    pub fn add(&mut self, name: &str, text: &str) -> Result<(), JsError> {
        self.files.push(parse(name, text)?);
        Ok(())
    }

    /// How many files were read.
    #[wasm_bindgen(getter)]
    pub fn files(&self) -> usize {
        self.files.len()
    }

    /// Runs the cases of one file.
    ///
    /// # Errors
    ///
    /// If there is no such file.
    pub fn run(&mut self, file: usize) -> Result<(), JsError> {
        let file = self
            .files
            .get(file)
            .ok_or_else(|| JsError::new("no such file"))?;
        for (ours, run) in self.implementations.iter_mut().zip(&mut self.runs) {
            run.groups.extend(run_file(ours, file)?);
        }
        Ok(())
    }

    /// What the command prints, a text for each run.
    pub fn text(&self) -> String {
        self.runs.iter().map(Run::text).collect()
    }

    /// A line for each group, as JSON: what the page's table shows.
    pub fn table(&self) -> String {
        let lines = self.runs.iter().flat_map(|run| {
            run.lines()
                .into_iter()
                .map(|group| report::json::line(run, &group))
        });
        json!({
            "build": self.runs[0].build,
            "counts": self.runs.iter().map(report::json::run_counts).collect::<Vec<_>>(),
            "lines": lines.collect::<Vec<_>>(),
        })
        .to_string()
    }

    /// The JSON report.
    pub fn json(&self) -> String {
        format!("{:#}\n", report::json::report(&self.runs))
    }

    /// The JUnit report.
    pub fn junit(&self) -> String {
        report::junit::report(&self.runs)
    }

    /// What `--list` prints.
    ///
    /// # Errors
    ///
    /// None today.
    pub fn list(&self) -> Result<String, JsError> {
        Ok(command::list(&self.files)?)
    }

    /// Files whose cases are in other files, in words.
    pub fn converted(&self) -> Vec<String> {
        self.files.iter().filter_map(command::converted).collect()
    }

    /// 0, or 1 after a disagreement or if nothing could be checked.
    #[wasm_bindgen(js_name = exitCode)]
    pub fn exit_code(&self, strict: bool) -> u8 {
        Verdict::of(&self.runs, strict).exit_code()
    }

    /// Whether every case is unsupported.
    #[wasm_bindgen(js_name = nothingChecked)]
    pub fn nothing_checked(&self) -> bool {
        Verdict::of(&self.runs, false) == Verdict::NothingChecked
    }
}

fn empty_run(ours: &Ours) -> Run {
    Run {
        implementation: ours.name(),
        build: ours.build(),
        groups: Vec::new(),
    }
}

/// The back ends of SM4 in this build, the one used by itself first.
#[wasm_bindgen]
pub fn backends() -> Vec<String> {
    Ours::backends().iter().map(|&name| name.into()).collect()
}

/// Folders of `vectors/` that hold no vectors.
#[wasm_bindgen(js_name = notVectors)]
pub fn not_vectors() -> Vec<String> {
    NOT_VECTORS.map(str::to_owned).to_vec()
}

/// What the command prints for `--help`.
#[wasm_bindgen]
pub fn usage() -> String {
    args::USAGE.into()
}

/// What was typed, as JSON.
///
/// # Errors
///
/// What is wrong with it.
#[wasm_bindgen]
pub fn command(words: Vec<String>) -> Result<String, JsError> {
    let command = match args::parse(words.into_iter())? {
        Command::Help => json!({"command": "help"}),
        Command::Kat { out } => json!({"command": "kat", "out": out}),
        Command::Check(check) => json!({
            "command": "check",
            "files": check.files,
            "backend": check.backend,
            "impl": check.implementation,
            "json": check.json,
            "junit": check.junit,
            "list": check.list,
            "strict": check.strict,
        }),
    };
    Ok(command.to_string())
}

/// The files that one of `vectors/smrtc/` is exported to: names and contents as JSON.
///
/// # Errors
///
/// If `text` is not JSON.
#[wasm_bindgen]
pub fn exported(name: &str, text: &str) -> Result<String, JsError> {
    let exports: Vec<_> = kat::export(name, text)?
        .into_iter()
        .map(|export| {
            json!({
                "name": export.name,
                "cases": export.content["numberOfTests"],
                "text": format!("{:#}\n", export.content),
            })
        })
        .collect();
    Ok(json!(exports).to_string())
}
