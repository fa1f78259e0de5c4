//! Asks cargo for the crates of the workspace.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::Error;

/// A library or a program of the workspace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CrateRoot {
    /// The package's name; a program that shares a package with a library is `PACKAGE/PROGRAM`.
    pub name: String,
    /// Its `lib.rs`, `main.rs` or the like.
    pub file: PathBuf,
}

/// All libraries and programs of the workspace that the current directory belongs to.
///
/// # Errors
///
/// [`Error::Metadata`] if cargo cannot be run or refuses.
pub fn crate_roots() -> Result<Vec<CrateRoot>, Error> {
    let output = Command::new("cargo")
        .args([
            "metadata",
            "--format-version",
            "1",
            "--no-deps",
            "--offline",
        ])
        .output()
        .map_err(|error| Error::Metadata(error.to_string()))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(Error::Metadata(said.into_owned()));
    }
    let metadata: Value = serde_json::from_slice(&output.stdout)
        .map_err(|error| Error::Metadata(error.to_string()))?;
    let mut roots: Vec<CrateRoot> = list(&metadata["packages"])
        .flat_map(roots_of_package)
        .collect();
    roots.sort();
    Ok(roots)
}

fn roots_of_package(package: &Value) -> Vec<CrateRoot> {
    let is_kind = |target: &Value, kinds: &[&str]| {
        list(&target["kind"]).any(|kind| kind.as_str().is_some_and(|kind| kinds.contains(&kind)))
    };
    let library = ["lib", "rlib", "cdylib", "proc-macro"];
    let targets = || list(&package["targets"]);
    let has_library = targets().any(|target| is_kind(target, &library));
    let package_name = text(&package["name"]);
    targets()
        .filter_map(|target| {
            let name = if is_kind(target, &library) {
                package_name.clone()
            } else if is_kind(target, &["bin"]) {
                let program = text(&target["name"]);
                if has_library || program != package_name {
                    format!("{package_name}/{program}")
                } else {
                    package_name.clone()
                }
            } else {
                return None;
            };
            let file = PathBuf::from(text(&target["src_path"]));
            Some(CrateRoot { name, file })
        })
        .collect()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
